from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, roc_auc_score

from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles import engine
from monitoring_dagster.profiles.freezing import freeze_grid
from monitoring_dagster.profiles.grid import Grid, NumericCells
from monitoring_dagster.profiles.outcomes import DELAY_HOURS, Outcomes
from monitoring_dagster.profiles.profile import ALL, EVERYTHING, Group

DAY = dt.date(2026, 3, 2)
MORNING = dt.datetime(2026, 3, 2, 6, tzinfo=dt.UTC)
LABEL = {"role": "label", "type": "integer"}
BINARY = {
    "word": {"role": "feature", "type": "category"},
    "score": {"role": "score"},
    "version": {"role": "model_version"},
    "paid": LABEL,
}
GRID = Grid({"score": NumericCells((0.1, math.nextafter(0.5, 0), 0.9))}, {"word": (("a",), ("b",))})


def outcomes_of(monitor, grid, snapshots, mean=0.0) -> Outcomes:
    return engine.count_outcomes(monitor, grid, {DAY: snapshots}, target_mean=mean)[DAY]


@pytest.fixture(scope="module")
def binary(monitor_of):
    return monitor_of(BINARY, segments=[{"columns": ["word"]}])


@pytest.fixture(scope="module")
def many(binary, snapshots_of):
    """20,000 predictions, 15,000 with a label, in three different orders."""
    r = np.random.default_rng(4)
    n = 20_000
    rows = {
        "id": np.array([f"r{i}" for i in range(n)], dtype=object),
        "word": r.choice(["a", "b", "c"], n).astype(object),
        "score": r.random(n),
        "version": r.choice(["1", "2"], n).astype(object),
        "paid": None,
    }
    rows["paid"] = (r.random(n) < rows["score"]).astype(int)
    shuffled, labelled = r.permutation(n), r.permutation(n)[:15_000]
    day = snapshots_of(
        binary,
        features={"id": rows["id"], "word": rows["word"]},
        predictions={c: rows[c][shuffled] for c in ("id", "score", "version")},
        labels={c: rows[c][labelled] for c in ("id", "paid")},
    )
    known = np.zeros(n, dtype=bool)
    known[labelled] = True
    return rows, known, day


def group_filter(rows, group):
    chosen = np.ones(len(rows["id"]), dtype=bool)
    if group.model_version != ALL:
        chosen &= rows["version"] == group.model_version
    if group.segment != ALL:
        word = {"word=a": ["a"], "word=b": ["b"], "word=(other)": ["c"]}[group.segment]
        chosen &= np.isin(rows["word"], word)
    return chosen


def test_binary_outcomes_are_those_of_sklearn_in_every_group(binary, many):
    rows, known, day = many
    outcomes = outcomes_of(binary, GRID, day)
    segments = (ALL, "word=a", "word=b", "word=(other)")
    assert set(outcomes.performance) == {Group(v, s) for v in (ALL, "1", "2") for s in segments}
    for group, counts in outcomes.performance.items():
        chosen = group_filter(rows, group) & known
        truth, score = rows["paid"][chosen], rows["score"][chosen]
        assert counts.decisions.tolist() == confusion_matrix(truth, score >= 0.5).tolist()
        assert counts.scores.sum(axis=0).tolist() == np.bincount(truth).tolist()
        assert counts.log_loss / len(truth) == pytest.approx(log_loss(truth, score))
        assert counts.squared_error / len(truth) == pytest.approx(brier_score_loss(truth, score))


def test_scores_lie_in_the_cells_that_the_profile_has(binary, snapshots_of):
    r = np.random.default_rng(1)
    scores = [*r.random(500), *GRID.columns["score"].edges, 0.5, -1.0, 2.0]
    ids = [*map(str, range(len(scores)))]
    day = snapshots_of(
        binary,
        predictions={"id": ids, "score": scores, "version": ["1"] * len(ids)},
        labels={"id": ids, "paid": r.integers(0, 2, len(ids))},
    )
    profile = engine.count(binary, GRID, {DAY: day})[DAY]
    counts = outcomes_of(binary, GRID, day).performance[EVERYTHING]
    assert counts.scores.sum(axis=1).tolist() == profile.column("score").cells.tolist()
    assert counts.scores[2:].sum(axis=0).tolist() == counts.decisions[:, 1].tolist()


def test_calibration_bins_sum_scores_and_positives(binary, many):
    rows, known, day = many
    counts = outcomes_of(binary, GRID, day).performance[EVERYTHING]
    truth, score = rows["paid"][known], rows["score"][known]
    bins = (score * 20).astype(int)
    assert counts.bin_rows.tolist() == np.bincount(bins, minlength=20).tolist()
    assert counts.bin_positives.tolist() == np.bincount(bins[truth == 1], minlength=20).tolist()
    np.testing.assert_allclose(counts.bin_scores, np.bincount(bins, score, minlength=20))


def test_the_area_under_the_curve_from_a_thousand_cells_is_that_of_the_rows(binary, many):
    rows, known, day = many
    grid, _ = freeze_grid(binary, [day])
    scores = outcomes_of(binary, grid, day).performance[EVERYTHING].scores
    negatives, positives = scores[:, 0], scores[:, 1]
    below = np.cumsum(negatives) - negatives
    area = (positives * (below + negatives / 2)).sum() / (positives.sum() * negatives.sum())
    assert area == pytest.approx(roc_auc_score(rows["paid"][known], rows["score"][known]), abs=1e-4)


def test_coverage_counts_all_predictions_and_the_labelled_ones(binary, many):
    rows, known, day = many
    outcomes = outcomes_of(binary, GRID, day)
    assert outcomes.coverage() == 0.75
    for group, counts in outcomes.labels.items():
        chosen = group_filter(rows, group)
        assert (counts.predictions, counts.labelled) == (chosen.sum(), (chosen & known).sum())


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(0, 1), st.floats()),
        st.sampled_from([None, 0, 1, 7]),
        st.sampled_from(["a", "z", None]),
        st.booleans(),
    ),
    max_size=15,
)


def day_of(snapshots_of, monitor, rows):
    ids = [f"r{i}" for i in range(len(rows))]
    labelled = [(i, r[1]) for i, r in zip(ids, rows, strict=True) if r[3]]
    return snapshots_of(
        monitor,
        features={"id": ids[::-1], "word": [r[2] for r in rows][::-1]},
        predictions={"id": ids, "score": [r[0] for r in rows], "version": ["1"] * len(rows)},
        labels={"id": [i for i, _ in labelled], "paid": [v for _, v in labelled]},
    )


@settings(max_examples=25, deadline=None)
@given(one=ROWS, other=ROWS)
def test_adding_outcomes_is_counting_the_pairs_together(snapshots_of, binary, one, other):
    apart = outcomes_of(binary, GRID, day_of(snapshots_of, binary, one)) + outcomes_of(
        binary, GRID, day_of(snapshots_of, binary, other)
    )
    together = outcomes_of(binary, GRID, day_of(snapshots_of, binary, one + other))
    assert apart.performance.keys() == together.performance.keys()
    assert apart.labels.keys() == together.labels.keys()
    for group, counts in together.performance.items():
        for name, value in vars(counts).items():
            np.testing.assert_allclose(vars(apart.performance[group])[name], value, rtol=1e-9)
    for group, labels in together.labels.items():
        assert labels.predictions == apart.labels[group].predictions
        assert labels.labelled == apart.labels[group].labelled


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_a_row_without_a_finite_score_has_no_cell(snapshots_of, binary, rows):
    outcomes = outcomes_of(binary, GRID, day_of(snapshots_of, binary, rows))
    known = [(s, v == 1) for s, v, _, has in rows if has and v is not None]
    if not known:
        assert outcomes.performance == {}
        return
    counts = outcomes.performance[EVERYTHING]
    finite = [(s, v) for s, v in known if s is not None and math.isfinite(s)]
    decided = [(s, v) for s, v in known if s is not None and not math.isnan(s)]
    assert counts.scores.sum() == counts.bin_rows.sum() == len(finite)
    assert counts.decisions.tolist() == [
        [sum(v is t and (s >= 0.5) is d for s, v in decided) for d in (False, True)]
        for t in (False, True)
    ]


@pytest.mark.parametrize(
    ("column", "positive", "values"),
    [
        pytest.param({"type": "integer"}, 1, [1, 0, 1], id="1 of an integer label"),
        pytest.param({"type": "boolean"}, 1, [True, False, True], id="1 of a boolean label"),
        pytest.param({"type": "boolean"}, True, [True, False, True], id="true"),
        pytest.param({"type": "boolean"}, False, [False, True, False], id="false"),
        pytest.param({"type": "number"}, 1, [1.0, 0.0, 1.0], id="1 of a number label"),
        pytest.param({"type": "category"}, "yes", ["yes", "no", "yes"], id="a word"),
        pytest.param({"type": "category"}, "1", ["1", "0", "1"], id="1 in quotes"),
        pytest.param({"type": "integer"}, 2, [2, 1, 2], id="another integer"),
    ],
)
def test_the_positive_class_is_found_by_the_type_of_the_label(
    monitor_of, snapshots_of, column, positive, values
):
    monitor = monitor_of(
        {"said": {"role": "prediction", **column}, "paid": {"role": "label", **column}},
        model={"positive_label": positive, "threshold": None},
    )
    ids = ["1", "2", "3", "4"]
    day = snapshots_of(
        monitor,
        predictions={"id": ids, "said": [values[0], values[0], values[1], None]},
        labels={"id": ids, "paid": [*values, values[0]]},
    )
    counts = outcomes_of(monitor, Grid({}, {}), day).performance[EVERYTHING]
    assert counts.decisions.tolist() == [[0, 1], [1, 1]]
    assert counts.scores.shape == (0, 2)


def test_the_logged_decision_counts_and_the_threshold_where_none_is_logged(
    monitor_of, snapshots_of
):
    monitor = monitor_of(
        {
            "score": {"role": "score"},
            "said": {"role": "prediction", "type": "integer"},
            "paid": LABEL,
        }
    )
    rows = {"id": ["1", "2"], "score": [0.9, 0.8], "said": [0, 1]}
    labels = {"id": ["1", "2"], "paid": [1, 1]}
    logged = snapshots_of(monitor, predictions=rows, labels=labels)
    lost = snapshots_of(
        monitor,
        predictions=rows,
        labels=labels,
        missing={Kind.PREDICTIONS: {"said": "column_missing"}},
    )
    score_only = Grid({"score": NumericCells((0.0, 1.0))}, {})
    decisions = [
        outcomes_of(monitor, score_only, day).performance[EVERYTHING].decisions.tolist()
        for day in (logged, lost)
    ]
    assert decisions == [[[0, 0], [1, 1]], [[0, 0], [0, 2]]]


def test_multiclass_outcomes_are_those_of_sklearn(monitor_of, snapshots_of):
    classes = ["low", "mid", "high"]
    monitor = monitor_of(
        {
            **{f"p_{c}": {"role": "score", "class_label": c} for c in classes},
            "said": {"role": "prediction", "type": "category"},
            "truth": {"role": "label", "type": "category"},
        },
        model={"task": "multiclass", "threshold": None, "classes": classes},
    )
    r = np.random.default_rng(8)
    scores = r.dirichlet([1, 1, 1], 3_000)
    truth = np.array([r.choice(3, p=p) for p in scores])
    said = scores.argmax(axis=1)
    names = np.array(classes, dtype=object)
    ids = [*map(str, range(3_000))]
    day = snapshots_of(
        monitor,
        predictions={
            "id": ids,
            **{f"p_{c}": scores[:, i] for i, c in enumerate(classes)},
            "said": names[said],
        },
        labels={"id": [*ids, "orphan"], "truth": [*names[truth], "low"]},
    )
    counts = outcomes_of(monitor, Grid({}, {}), day).performance[EVERYTHING]
    assert counts.confusion.tolist() == confusion_matrix(truth, said).tolist()
    assert counts.scored == 3_000
    assert counts.log_loss / 3_000 == pytest.approx(log_loss(truth, scores))
    for i in range(3):
        cells = np.clip(np.ceil(scores[:, i] * 1_000).astype(int) - 1, 0, 999)
        for is_class in (0, 1):
            own = cells[(truth == i) == is_class]
            assert (
                counts.scores[i, :, is_class].tolist() == np.bincount(own, minlength=1_000).tolist()
            )


def test_a_label_that_is_no_class_is_labelled_and_not_in_the_confusion(monitor_of, snapshots_of):
    monitor = monitor_of(
        {
            "said": {"role": "prediction", "type": "integer"},
            "truth": {"role": "label", "type": "integer"},
        },
        model={"task": "multiclass", "threshold": None, "classes": [0, 1, 2]},
    )
    ids = ["1", "2", "3", "4"]
    day = snapshots_of(
        monitor,
        predictions={"id": ids, "said": [0, 1, 9, 2]},
        labels={"id": ids, "truth": [0, 9, 1, None]},
    )
    outcomes = outcomes_of(monitor, Grid({}, {}), day)
    assert outcomes.performance[EVERYTHING].confusion.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert outcomes.labels[EVERYTHING].labelled == 3
    assert outcomes.performance[EVERYTHING].scored == 0


REGRESSION = {
    "guess": {"role": "prediction", "type": "number"},
    "truth": {"role": "label", "type": "number"},
}


def test_regression_sums_are_those_of_numpy(monitor_of, snapshots_of):
    monitor = monitor_of(REGRESSION, model={"task": "regression", "threshold": None})
    r = np.random.default_rng(6)
    truth = np.where(r.random(2_000) < 0.05, 0.0, r.normal(100, 20, 2_000))
    guess = np.where(r.random(2_000) < 0.05, 0.0, truth + r.normal(0, 5, 2_000))
    ids = np.array([*map(str, range(2_000))], dtype=object)
    order = r.permutation(2_000)
    day = snapshots_of(
        monitor,
        predictions={"id": ids, "guess": guess},
        labels={"id": ids[order], "truth": truth[order]},
    )
    grid, mean = freeze_grid(monitor, [day])
    counts = outcomes_of(monitor, grid, day, mean).performance[EVERYTHING]
    error, nonzero = guess - truth, truth != 0
    scale = np.abs(guess) + np.abs(truth)
    sape = np.divide(2 * np.abs(error), scale, out=np.zeros(2_000), where=scale > 0)
    ape = np.abs(error[nonzero]) / np.abs(truth[nonzero])
    expected = {
        "error": error,
        "absolute_error": np.abs(error),
        "squared_error": error**2,
        "cubed_error": error**3,
        "fourth_error": error**4,
        "target": truth - truth.mean(),
        "squared_target": (truth - truth.mean()) ** 2,
        "ape": ape,
        "squared_ape": ape**2,
        "sape": sape,
        "squared_sape": sape**2,
    }
    for name, terms in expected.items():
        assert getattr(counts, name) == pytest.approx(terms.sum(), rel=1e-9, abs=1e-8), name
    assert (counts.n, counts.zero_targets) == (2_000, (~nonzero).sum())
    for cells, values in (("residuals", error), ("absolute_residuals", np.abs(error))):
        edges = grid.columns[f"@{cells[:-1]}"].edges
        cell_of = np.searchsorted(edges, values)
        expected_cells = np.bincount(cell_of, minlength=len(edges) + 1)
        assert getattr(counts, cells).tolist() == expected_cells.tolist()


def test_what_is_not_finite_is_labelled_and_adds_to_no_error(monitor_of, snapshots_of):
    monitor = monitor_of(REGRESSION, model={"task": "regression", "threshold": None})
    ids = ["1", "2", "3", "4", "5"]
    day = snapshots_of(
        monitor,
        predictions={"id": ids, "guess": [1.0, math.nan, 2.0, None, 1e308]},
        labels={"id": ids, "truth": [3.0, 1.0, math.inf, 1.0, -1e308]},
    )
    outcomes = outcomes_of(monitor, Grid({}, {}), day)
    counts = outcomes.performance[EVERYTHING]
    assert outcomes.labels[EVERYTHING].labelled == 5
    assert (counts.n, counts.error, counts.squared_error) == (1, -2.0, 4.0)


def test_delays_are_whole_hours_from_prediction_to_label(monitor_of, snapshots_of):
    monitor = monitor_of(
        {
            "score": {"role": "score"},
            "at": {"role": "timestamp", "in": ["predictions"]},
            "known_at": {"role": "timestamp", "in": ["labels"]},
            "paid": LABEL,
        }
    )
    minutes = [59, 60, 150, -30, 60 * 24 * 90, None]
    ids = [*map(str, range(7))]
    arrived = [None if m is None else MORNING + dt.timedelta(minutes=m) for m in minutes]
    day = snapshots_of(
        monitor,
        predictions={"id": ids, "score": [0.5] * 7, "at": [MORNING] * 7},
        labels={"id": ids[:6], "paid": [1] * 6, "known_at": arrived},
    )
    counts = outcomes_of(monitor, Grid({}, {}), day).labels[EVERYTHING]
    assert (counts.predictions, counts.labelled) == (7, 6)
    assert {h: n for h, n in enumerate(counts.delays.tolist()) if n} == {
        0: 2,
        1: 1,
        2: 1,
        DELAY_HOURS: 1,
    }


def test_without_labels_there_is_coverage_and_no_performance(binary, snapshots_of):
    rows = {"id": ["1"], "score": [0.5], "version": ["1"]}
    outcomes = outcomes_of(binary, GRID, snapshots_of(binary, predictions=rows))
    assert outcomes.performance == {}
    assert outcomes.coverage() == 0.0


def test_without_predictions_there_are_no_outcomes(binary, snapshots_of):
    empty = outcomes_of(binary, GRID, snapshots_of(binary, labels={"id": ["1"], "paid": [1]}))
    assert empty == Outcomes(GRID.id, {}, {})


def test_a_ranking_is_not_counted_on_a_grid(monitor_of, snapshots_of):
    monitor = monitor_of(
        {"score": {"role": "score"}, "paid": LABEL}, model={"task": "ranking", "threshold": None}
    )
    day = snapshots_of(monitor, predictions={"id": ["1"], "score": [0.5]})
    assert engine.count_outcomes(monitor, GRID, {DAY: day}, target_mean=0.0) == {}
