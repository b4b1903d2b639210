"""The detectors' state: kept as text bit for bit, and enough to end where one run would have."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_dagster.decisions.detectors.cusum import Cusum
from monitoring_dagster.decisions.slo import State as DayOfObjective
from monitoring_dagster.decisions.state import NO_RISE, Rise, Series, State, Usual

NUMBERS = st.floats(allow_nan=False)
DAYS = st.dates(dt.date(1970, 1, 1), dt.date(2100, 12, 31))
COUNTS = st.integers(0, 10_000)
SUMS = st.builds(Cusum, NUMBERS, COUNTS, NUMBERS, st.none() | NUMBERS)
LEVELS = st.builds(Usual, COUNTS, NUMBERS, NUMBERS, NUMBERS)
RISES = st.builds(Rise, NUMBERS, NUMBERS, COUNTS, st.none() | DAYS)


@st.composite
def all_series(draw: st.DrawFn) -> Series:
    """A series as detectors leave it: days of an alert have a first one, a rise has evidence."""
    since = draw(st.none() | DAYS)
    log_e = draw(st.just(()) | st.tuples(NUMBERS, NUMBERS, NUMBERS))
    return Series(
        draw(SUMS),
        draw(SUMS),
        log_e,
        draw(RISES) if log_e else NO_RISE,
        since,
        draw(COUNTS) if since else 0,
        draw(st.none() | LEVELS),
    )


STATES = st.builds(
    State,
    model_versions=st.lists(st.text(), unique=True, max_size=3).map(tuple),
    normal_since=st.none() | DAYS,
    series=st.dictionaries(st.text(), all_series(), max_size=4),
    objectives=st.dictionaries(
        st.text(), st.dictionaries(DAYS, st.sampled_from(DayOfObjective)), max_size=3
    ),
    missed=st.dictionaries(st.text(), st.dictionaries(DAYS, NUMBERS), max_size=3),
)


@given(STATES)
def test_a_state_survives_its_text_bit_for_bit(state) -> None:
    text = state.to_json()
    kept = State.from_json(text)
    assert kept.to_json() == text
    assert (kept.model_versions, kept.normal_since) == (state.model_versions, state.normal_since)
    assert (kept.objectives, kept.missed) == (state.objectives, state.missed)
    for key in {*state.series, *kept.series, "never measured"}:
        assert repr(kept.of(key)) == repr(state.of(key))


@given(STATES)
def test_equal_states_are_equal_texts_whatever_their_order(state) -> None:
    turned = State(
        state.model_versions,
        state.normal_since,
        dict(reversed(list(state.series.items()))),
        dict(reversed(list(state.objectives.items()))),
        dict(reversed(list(state.missed.items()))),
    )
    assert turned.to_json() == state.to_json()


def test_what_is_at_rest_takes_no_room() -> None:
    text = State(series={"drift|psi|x0|all|all|": Series()}).to_json()
    assert json.loads(text)["series"] == {}


@pytest.mark.parametrize("form", [0, 2, "1", None])
def test_a_state_of_another_format_is_refused(form) -> None:
    document = json.loads(State().to_json()) | {"format": form}
    with pytest.raises(ValueError, match="cannot be read, only 1; materialise the evaluation"):
        State.from_json(json.dumps(document))


def test_a_new_normal_begins_with_nothing_remembered_of_series() -> None:
    objectives = {"exactness": {dt.date(2026, 1, 1): DayOfObjective.BAD}}
    missed = {"estimated_accuracy": {dt.date(2026, 1, 1): 0.5}}
    state = State(("7",), None, {"a": Series(Cusum(3.0, 2, 1.0, 0.5))}, objectives, missed)
    began = state.restarted(dt.date(2026, 1, 2))
    assert began.of("a") == began.of("b") == Series(level=Usual())
    assert (began.model_versions, began.objectives, began.missed) == (("7",), objectives, missed)
