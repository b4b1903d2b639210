from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models.serving import fitted_to
from monitoring_dagster.models.sklearn_model import SklearnModel

COLUMNS = {
    "id": {"role": "id"},
    "age": {"role": "feature", "type": "integer"},
    "score": {"role": "score"},
}
SCORES = {
    "low": {"role": "score", "class_label": "low"},
    "high": {"role": "score", "class_label": "high"},
    "middle": {"role": "score", "class_label": "middle"},
}


def model(estimator, inputs=None, classes=()):
    inputs = inputs or {"age": "long"}
    return SklearnModel(estimator, inputs, {name: name for name in inputs}, tuple(classes))


@pytest.fixture
def multiclass(monitor_of):
    columns = {
        "id": {"role": "id"},
        "age": {"role": "feature", "type": "integer"},
        **SCORES,
        "paid": {"role": "label", "type": "category"},
    }
    document = {"task": "multiclass", "classes": ["high", "middle", "low"], "uri": "models:/m/1"}
    return monitor_of(model=document, columns=columns)


@pytest.mark.parametrize(
    ("classes", "wanted", "position"),
    [
        ([0, 1], 1, 1),
        ([0, 1], 0, 0),
        ([False, True], 1, 1),
        (["no", "yes"], "no", 0),
        (["0", "1"], 1, 1),
        ([0.0, 1.0], 1, 1),
    ],
)
def test_the_probability_is_that_of_the_monitors_positive_class(
    monitor_of, frame, rows, classes, wanted, position
):
    labels = np.array(classes)[(frame["age"] > 45).astype(int)]
    estimator = LogisticRegression().fit(frame[["age"]], labels)
    document = {"task": "binary", "threshold": 0.5, "positive_label": wanted}
    kind = "category" if isinstance(wanted, str) else "integer"
    columns = COLUMNS | {"paid": {"role": "label", "type": kind}}
    monitor = monitor_of(model=document, columns=columns)
    served = fitted_to(model(estimator, classes=classes), monitor)
    expected = estimator.predict_proba(frame[["age"]])[:, position]
    assert served.predict(rows).tolist() == expected.tolist()


def test_classes_are_answered_in_the_monitors_order(multiclass, frame, rows):
    labels = np.array(["low", "middle", "high"])[np.digitize(frame["age"], [35, 60])]
    estimator = LogisticRegression(max_iter=1_000).fit(frame[["age"]], labels)
    served = fitted_to(model(estimator, classes=estimator.classes_.tolist()), multiclass)
    answers = served.predict(rows)
    assert list(estimator.classes_) == ["high", "low", "middle"]
    assert answers.tolist() == estimator.predict_proba(frame[["age"]])[:, [0, 2, 1]].tolist()
    assert served.predict(rows.slice(0, 0)).shape == (0, 3)


def test_a_regression_answers_its_predictions(monitor_of, frame, rows):
    columns = {
        "id": {"role": "id"},
        "age": {"role": "feature", "type": "integer"},
        "guess": {"role": "prediction", "type": "number"},
        "price": {"role": "label", "type": "number"},
    }
    monitor = monitor_of(model={"task": "regression"}, columns=columns)
    estimator = LinearRegression().fit(frame[["age"]], frame["age"] * 2.0)
    served = fitted_to(model(estimator), monitor)
    assert served.predict(rows) == pytest.approx(frame["age"].to_numpy() * 2.0)


def test_inputs_are_read_by_the_name_that_the_source_has(monitor_of, frame, rows):
    columns = {
        "id": {"role": "id"},
        "age_years": {"role": "feature", "type": "integer", "source_name": "age"},
        "score": {"role": "score"},
        "paid": {"role": "label", "type": "integer"},
    }
    monitor = monitor_of(columns=columns)
    estimator = LogisticRegression().fit(frame[["age"]], frame["age"] > 45)
    served = fitted_to(model(estimator, classes=[False, True]), monitor)
    assert served.features == ("age_years",)
    assert served.predict(pa.table({"age_years": rows["age"]})).shape == (300,)


def test_a_model_of_other_columns_is_refused_by_their_names(monitor_of):
    other = model(None, {"age": "long", "height": "double"}, [0, 1])
    with pytest.raises(ModelRefused, match=r"reads height, which monitor loans does not declare"):
        fitted_to(other, monitor_of())


def test_a_model_of_another_task_or_other_classes_is_refused(monitor_of, multiclass):
    with pytest.raises(ModelRefused, match="is a regression, and monitor loans has the task bin"):
        fitted_to(model(None), monitor_of())
    with pytest.raises(ModelRefused, match=r"\['a', 'b'\].*asks for 'high'"):
        fitted_to(model(None, classes=["a", "b"]), multiclass)


def test_whole_numbers_with_gaps_are_answered_as_missing_values(frame):
    estimator = HistGradientBoostingClassifier(max_iter=3).fit(frame[["age"]], frame["age"] > 45)
    served = model(estimator, classes=[False, True])
    with_gap = served.predict(pa.table({"age": pa.array([30, None])}))
    expected = estimator.predict_proba(frame[["age"]].iloc[:1].assign(age=30.0))
    assert with_gap[0].tolist() == expected[0].tolist()
    assert np.isfinite(with_gap).all()


def test_what_the_estimator_cannot_take_is_refused_in_words(frame):
    estimator = LogisticRegression().fit(frame[["age"]], frame["age"] > 45)
    served = model(estimator, {"age": "double"}, [False, True])
    with pytest.raises(ModelRefused, match=r"cannot answer these rows .*takes missing values"):
        served.predict(pa.table({"age": pa.array([30.0, None])}))
    with pytest.raises(ModelRefused, match="takes double where the rows have string"):
        served.predict(pa.table({"age": ["thirty"]}))
    with pytest.raises(ModelRefused, match="reads age, which the rows do not have"):
        served.predict(pa.table({"income": [1.0]}))


def test_more_than_one_answer_per_row_is_refused(frame, rows):
    two = DecisionTreeRegressor().fit(frame[["age"]], frame[["age", "income"]].fillna(0))
    with pytest.raises(ModelRefused, match=r"array of shape \(300, 2\)"):
        model(two).predict(rows)
