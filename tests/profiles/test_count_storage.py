from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from monitoring_dagster.profiles import storage
from monitoring_dagster.profiles.outcomes import (
    BinaryCounts,
    LabelCounts,
    MulticlassCounts,
    Outcomes,
    RegressionCounts,
)
from monitoring_dagster.profiles.profile import ColumnCounts, Group, GroupCounts, Profile
from monitoring_dagster.telemetry.lake import Lake

DAY = dt.date(2026, 3, 2)
NAMES = st.text(st.characters(codec="utf-8"), max_size=5)
COUNTS = st.integers(0, 2**62)


def arrays(length):
    return hnp.arrays(np.int64, length, elements=st.integers(0, 2**40) | st.just(0))


COLUMN = st.builds(
    ColumnCounts,
    cells=st.integers(0, 30).flatmap(arrays),
    rows=COUNTS,
    nulls=COUNTS,
    nans=COUNTS,
    positive_infinities=COUNTS,
    negative_infinities=COUNTS,
    total=st.floats(),
    total_squares=st.floats(),
    minimum=st.floats(),
    maximum=st.floats(),
    unseen=st.dictionaries(NAMES, COUNTS, max_size=3),
)
GROUP = st.builds(
    GroupCounts,
    rows=COUNTS,
    columns=st.dictionaries(NAMES, COLUMN, max_size=3),
    requests=arrays(25),
    failures=arrays(25),
)
PROFILES = st.builds(
    Profile,
    grid_id=NAMES,
    groups=st.dictionaries(st.builds(Group, NAMES, NAMES), GROUP, max_size=4),
    missing=st.dictionaries(NAMES, NAMES, max_size=3),
)


def bits(value):
    """Everything that a value holds, so that equal means equal to the last bit."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value.hex()
    if isinstance(value, dict):
        return {k: bits(v) for k, v in sorted(value.items())}
    if hasattr(value, "__dataclass_fields__"):
        return {k: bits(v) for k, v in vars(value).items() if k in value.__dataclass_fields__}
    return value


@settings(deadline=None)
@given(profile=PROFILES)
def test_a_profile_survives_its_file_to_the_last_bit(profile):
    content = storage.profile_to_bytes(profile, "f1")
    assert bits(storage.profile_from_bytes(content)) == bits(profile)


@settings(deadline=None, max_examples=30)
@given(profile=PROFILES)
def test_equal_profiles_are_equal_bytes_in_whatever_order_they_were_counted(profile):
    turned = Profile(
        profile.grid_id,
        {
            group: GroupCounts(
                counts.rows,
                dict(reversed(counts.columns.items())),
                counts.requests,
                counts.failures,
            )
            for group, counts in reversed(profile.groups.items())
        },
        dict(reversed(profile.missing.items())),
    )
    assert storage.profile_to_bytes(turned, "f") == storage.profile_to_bytes(profile, "f")


def filled(empty, seed):
    """Counts of the same shape with other numbers, most of them zero."""
    r = np.random.default_rng(seed)

    def other(value):
        if isinstance(value, np.ndarray):
            numbers = r.integers(0, 2**40, value.shape) * (r.random(value.shape) < 0.1)
            return numbers.astype(value.dtype) * (1 if value.dtype.kind == "i" else 0.1)
        return int(r.integers(0, 99)) if isinstance(value, int) else float(r.normal())

    values = {k: other(v) for k, v in vars(empty).items()}
    return type(empty)(
        **{
            k: v.astype(vars(empty)[k].dtype) if hasattr(v, "astype") else v
            for k, v in values.items()
        }
    )


@pytest.mark.parametrize(
    "empty",
    [
        pytest.param(BinaryCounts.empty(7), id="binary outcomes"),
        pytest.param(BinaryCounts.empty(0), id="binary outcomes without a score"),
        pytest.param(MulticlassCounts.empty(3), id="multiclass outcomes"),
        pytest.param(RegressionCounts.empty(5, 9), id="regression outcomes"),
    ],
)
def test_outcomes_survive_their_file_to_the_last_bit(empty):
    groups = [Group("all", "all"), Group("1", "carrier=UA"), Group("", "é=,\n")]
    outcomes = Outcomes(
        "grid",
        {group: filled(empty, seed) for seed, group in enumerate(groups)} | {groups[0]: empty},
        {group: filled(LabelCounts.empty(), seed) for seed, group in enumerate(groups)},
    )
    content = storage.outcomes_to_bytes(outcomes, "f")
    assert bits(storage.outcomes_from_bytes(content)) == bits(outcomes)
    assert storage.outcomes_to_bytes(outcomes, "f") == content


def test_an_empty_profile_and_empty_outcomes_survive_their_files():
    profile, outcomes = Profile.empty("g"), Outcomes("g", {}, {})
    assert storage.profile_from_bytes(storage.profile_to_bytes(profile, "")) == profile
    assert storage.outcomes_from_bytes(storage.outcomes_to_bytes(outcomes, "")) == outcomes


def test_the_lake_holds_one_file_per_day_with_its_fingerprint(tmp_path):
    lake = Lake(str(tmp_path))
    profile = Profile("g", {Group("all", "all"): GroupCounts(3, {})})
    outcomes = Outcomes("g", {}, {Group("all", "all"): LabelCounts.empty()})
    storage.write_profile(lake, "loans", DAY, profile, fingerprint="old")
    storage.write_profile(lake, "loans", DAY, profile, fingerprint="p1")
    storage.write_outcomes(lake, "loans", DAY, outcomes, fingerprint="o1")
    assert lake.list() == [
        "loans/outcomes/2026-03-02.parquet",
        "loans/profiles/2026-03-02.parquet",
    ]
    assert bits(storage.read_profile(lake, "loans", DAY)) == bits(profile)
    assert bits(storage.read_outcomes(lake, "loans", DAY)) == bits(outcomes)
    assert storage.read_fingerprint(lake, "loans", DAY) == "p1"
    assert storage.read_fingerprint(lake, "loans", DAY, "outcomes") == "o1"


def test_a_day_that_was_never_counted_reads_none(tmp_path):
    lake = Lake(str(tmp_path))
    assert storage.read_profile(lake, "loans", DAY) is None
    assert storage.read_outcomes(lake, "loans", DAY) is None
    assert storage.read_fingerprint(lake, "loans", DAY) is None
