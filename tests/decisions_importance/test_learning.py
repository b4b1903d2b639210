from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from monitoring_dagster.decisions.importance import Importance, learn
from monitoring_dagster.errors import ModelRefused, SnapshotCorrupt

N = 3_000
FEATURES = {
    "strong": {"role": "feature", "type": "number"},
    "weak": {"role": "feature", "type": "category"},
    "idle": {"role": "feature", "type": "integer"},
}
LABEL = {"paid": {"role": "label", "type": "integer"}}


@dataclass
class Fake:
    """A model that answers with a function of its features."""

    answer: object
    features: tuple[str, ...] = ("strong", "weak", "idle")

    def predict(self, rows):
        return self.answer(signal(rows))


def signal(rows):
    return 2 * rows["strong"].to_numpy() + (np.array(rows["weak"].to_pylist()) == "b")


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def three(values):
    """Scores of three classes by how high the value is."""
    return np.column_stack([-values, np.zeros(len(values)), values])


@pytest.fixture
def inputs():
    r = np.random.default_rng(9)
    return pa.table(
        {
            "strong": r.normal(size=N),
            "weak": r.choice(["a", "b"], N),
            "idle": r.integers(0, 10, N),
        }
    )


@pytest.fixture
def binary(monitor_of):
    return monitor_of(FEATURES | {"score": {"role": "score"}} | LABEL, task="binary", threshold=0.5)


@pytest.fixture
def scored(inputs):
    """The same rows with the model's score, and labels drawn from it."""
    score = sigmoid(signal(inputs))
    paid = (np.random.default_rng(10).random(N) < score).astype(np.int64)
    return inputs.append_column("score", [score]).append_column("paid", [paid])


def test_a_binary_model_is_asked_by_auc(binary, scored):
    found = learn(binary, scored, Fake(sigmoid))
    assert (found.method, found.why) == ("permutation", "")
    assert found.rank() == ["strong", "weak", "idle"]
    assert found.values["strong"] == pytest.approx(0.3, abs=0.05)
    assert found.values["idle"] == 0.0
    assert [found.is_important(n) for n in found.rank()] == [True, False, False]


def test_a_multiclass_model_is_asked_by_accuracy(monitor_of, inputs):
    columns = {f"p{c}": {"role": "score", "class_label": c} for c in "abc"}
    label = {"kind": {"role": "label", "type": "category"}}
    monitor = monitor_of(FEATURES | columns | label, task="multiclass", classes=list("abc"))
    scores = three(signal(inputs))
    rows = inputs.append_column("kind", [np.array(list("abc"))[scores.argmax(axis=1)]])
    for at, c in enumerate("abc"):
        rows = rows.append_column(f"p{c}", [scores[:, at]])
    found = learn(monitor, rows, Fake(three))
    assert found.method == "permutation"
    assert found.rank() == ["strong", "weak", "idle"]
    assert 0.3 < found.values["strong"] < 0.6
    assert learn(monitor, rows, None).rank()[0] == "strong"


def test_a_regression_is_asked_by_r2(monitor_of, inputs):
    columns = {"guess": {"role": "prediction", "type": "number"}}
    label = {"price": {"role": "label", "type": "number"}}
    monitor = monitor_of(FEATURES | columns | label, task="regression")
    guess = signal(inputs)
    rows = inputs.append_column("guess", [guess]).append_column("price", [guess])
    found = learn(monitor, rows, Fake(lambda values: values))
    # 2 b² var(x) / var(y), with var(y) = 4 + 1/4
    assert found.values["strong"] == pytest.approx(8 / 4.25, abs=0.12)
    assert found.values["weak"] == pytest.approx(0.5 / 4.25, abs=0.02)
    assert learn(monitor, rows, None).rank() == ["strong", "weak", "idle"]


def test_without_a_model_the_logged_scores_tell(binary, scored):
    found = learn(binary, scored, None, why_no_model="the registry does not answer")
    assert (found.method, found.why) == ("mutual_information", "the registry does not answer")
    assert found.rank() == ["strong", "weak", "idle"]
    assert found.values["strong"] > 1.0
    assert found.values["idle"] < 0.02


def test_a_model_that_refuses_the_rows_is_not_asked_again(binary, scored):
    def refuse(values):
        raise ModelRefused("it takes no missing values")

    found = learn(binary, scored, Fake(refuse))
    assert (found.method, found.why) == ("mutual_information", "it takes no missing values")


def labels(values):
    return pa.array(values, pa.int64())


@pytest.mark.parametrize(
    ("paid", "why"),
    [
        (labels([1, 0] * 49 + [None] * (N - 98)), "only 98 labels of the reference are known"),
        (labels([1] * N), "all labels of the reference are the same"),
        (labels([1] * (N - 9) + [0] * 9), "only 9 labels of one class are known"),
    ],
    ids=["few labels", "one class", "hardly another class"],
)
def test_too_few_labels_are_told_and_the_scores_tell_instead(binary, scored, paid, why):
    found = learn(binary, scored.set_column(4, "paid", paid), Fake(sigmoid))
    assert found.method == "mutual_information"
    assert found.why.startswith(why)
    assert found.rank()[0] == "strong"


def test_where_neither_is_there_every_column_may_be_important(binary, scored):
    unscored = scored.set_column(3, "score", pa.nulls(N, pa.float64()))
    for rows in (unscored, scored.slice(0, 0)):
        found = learn(binary, rows, None)
        assert found.values == {}
        assert found.rank() == []
        assert found.is_important("strong")
        assert found.why.endswith("no scores of the reference are left")


def test_rows_without_a_label_are_not_asked_about(binary, scored):
    half = labels([v if i % 2 else None for i, v in enumerate(scored["paid"].to_pylist())])
    rows = scored.set_column(4, "paid", half)
    expected = learn(binary, scored.filter(pa.array(np.arange(N) % 2 == 1)), Fake(sigmoid))
    assert learn(binary, rows, Fake(sigmoid)) == expected


def test_a_column_that_the_model_does_not_read_has_no_importance(binary, scored):
    found = learn(binary, scored, Fake(sigmoid, ("strong", "weak")))
    assert found.values["idle"] == 0.0


def test_the_same_reference_gives_the_same_importance(binary, scored):
    assert learn(binary, scored, Fake(sigmoid)) == learn(binary, scored, Fake(sigmoid))


def test_importance_is_read_back_as_it_was_written():
    written = Importance({"hour": 0.1, "carrier": -0.001}, "permutation", "because")
    assert Importance.from_json(written.to_json()) == written


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"values": {}}', b'{"method": "x", "values": {}, "why": ""}']
)
def test_damaged_importance_says_what_to_do(content):
    with pytest.raises(SnapshotCorrupt, match="delete it, and it is learnt anew"):
        Importance.from_json(content)


def test_features_that_matter_alike_are_all_important():
    alike = Importance(dict.fromkeys("abc", 0.1), "permutation")
    assert all(alike.is_important(name) for name in "abc")
    assert alike.share() == dict.fromkeys("abc", pytest.approx(1 / 3))
    nothing = Importance(dict.fromkeys("abc", 0.0), "permutation")
    assert nothing.is_important("a")
    assert all(np.isnan(share) for share in nothing.share().values())
