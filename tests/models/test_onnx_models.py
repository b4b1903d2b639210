from __future__ import annotations

import json

import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pytest
from onnx import TensorProto, helper
from onnx.external_data_helper import convert_model_to_external_data
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import load, onnx_graph
from monitoring_dagster.models.serving import fitted_to

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

NUMBERS = ["age", "income"]
TYPES = [
    ("age", FloatTensorType([None, 1])),
    ("income", FloatTensorType([None, 1])),
    ("region", StringTensorType([None, 1])),
]


@pytest.fixture(scope="module")
def numbers(frame):
    return frame[NUMBERS].to_numpy(np.float32)


@pytest.fixture(scope="module")
def filled(frame):
    """The rows without gaps, in the precision that ONNX computes with."""
    floats = frame[NUMBERS].fillna(20_000).astype(np.float32).astype(float)
    return frame.assign(**{name: floats[name] for name in NUMBERS})


@pytest.fixture(scope="module")
def filled_rows(filled):
    return pa.Table.from_pandas(filled, preserve_index=False)


@pytest.fixture(scope="module")
def pipeline(filled):
    """Texts and numbers, each an input of its own."""
    columns = ColumnTransformer(
        [
            ("region", OneHotEncoder(handle_unknown="ignore"), ["region"]),
            ("n", StandardScaler(), NUMBERS),
        ]
    )
    paid = np.where(filled["age"] + 10 * (filled["region"] == "north") > 50, "yes", "no")
    return make_pipeline(columns, LogisticRegression()).fit(filled, paid)


def of_words(monitor_of, positive="yes"):
    features = {
        "id": {"role": "id"},
        "age": {"role": "feature", "type": "integer"},
        "income": {"role": "feature", "type": "number"},
        "region": {"role": "feature", "type": "category"},
        "score": {"role": "score"},
        "paid": {"role": "label", "type": "category"},
    }
    model = {"task": "binary", "threshold": 0.5, "positive_label": positive, "uri": "models:/m/1"}
    return monitor_of(model=model, columns=features)


def noting(model, **notes):
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in notes.items()})
    return model


def kept(model, folder):
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def read(model, folder, below):
    return load(kept(model, folder).as_uri(), tracking_uri=None, allowed=below)


@pytest.mark.parametrize("zipmap", [False, True], ids=["as a tensor", "as maps"])
@pytest.mark.parametrize("positive", ["yes", "no"])
def test_a_pipeline_of_texts_and_numbers_answers_as_scikit_learn(
    pipeline, monitor_of, filled, filled_rows, tmp_path, below, zipmap, positive
):
    options = {id(pipeline): {"zipmap": zipmap}}
    model = to_onnx(pipeline, initial_types=TYPES, options=options)
    served = fitted_to(read(model, tmp_path, below), of_words(monitor_of, positive))
    assert list(served.features) == ["age", "income", "region"]
    expected = pipeline.predict_proba(filled)[:, ["no", "yes"].index(positive)]
    assert served.predict(filled_rows) == pytest.approx(expected, abs=1e-6)


def test_one_tensor_of_all_columns_takes_their_names_from_the_signature_of_mlflow(
    numbers, frame, monitor_of, rows, tmp_path, below, flavor
):
    paid = (frame["age"] > 45).astype(int)
    estimator = HistGradientBoostingClassifier(max_iter=5).fit(numbers, paid)
    model = to_onnx(estimator, numbers[:1], options={"zipmap": False})
    signature = flavor("models").infer_signature(frame[NUMBERS].astype(float))
    flavor("onnx").save_model(model, tmp_path / "m", signature=signature, pip_requirements=["onnx"])
    monitor = monitor_of()
    served = fitted_to(load(str(tmp_path / "m"), tracking_uri=None, allowed=below), monitor)
    assert served.predict(rows) == pytest.approx(estimator.predict_proba(numbers)[:, 1], abs=1e-6)


def test_a_plain_file_can_name_its_columns_and_classes_itself(
    numbers, frame, multiclass_of, rows, tmp_path, below
):
    codes = np.digitize(frame["age"], [35, 60])
    estimator = HistGradientBoostingClassifier(max_iter=5).fit(numbers, codes)
    model = to_onnx(estimator, numbers[:1], options={"zipmap": False})
    noting(model, features=NUMBERS, classes=["low", "middle", "high"])
    served = fitted_to(read(model, tmp_path, below), multiclass_of("high", "low", "middle"))
    expected = estimator.predict_proba(numbers)[:, [2, 0, 1]]
    assert served.predict(rows) == pytest.approx(expected, abs=1e-6)
    assert served.predict(rows.slice(0, 0)).shape == (0, 3)


def test_a_regression_is_flat(numbers, frame, regression, filled, filled_rows, tmp_path, below):
    known = filled[NUMBERS].to_numpy(np.float32)
    estimator = LinearRegression().fit(known, frame["age"] * 2.0)
    model = noting(to_onnx(estimator, known[:1]), features=NUMBERS)
    served = fitted_to(read(model, tmp_path, below), regression)
    assert served.predict(filled_rows).shape == (300,)
    assert served.predict(filled_rows) == pytest.approx(estimator.predict(known), rel=1e-5)


def test_a_tensor_without_names_of_columns_is_refused(numbers, frame, tmp_path, below):
    estimator = LinearRegression().fit(np.nan_to_num(numbers), frame["age"])
    with pytest.raises(ModelRefused, match=r"takes 2 columns, and 0 are named; store it with sig"):
        read(to_onnx(estimator, numbers[:1]), tmp_path, below)


def graph(nodes, inputs, outputs, initializers=(), domain=""):
    made = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    opsets += [helper.make_opsetid(domain, 1)] if domain else []
    return helper.make_model(made, opset_imports=opsets, ir_version=8)


def column(name, kind=TensorProto.FLOAT, shape=("n", 1)):
    return helper.make_tensor_value_info(name, kind, list(shape))


def scaled(weights):
    node = helper.make_node("Mul", ["age", "w"], ["scores"])
    return graph([node], [column("age")], [column("scores")], [weights])


def test_a_model_that_answers_classes_alone_is_refused(tmp_path, below):
    node = helper.make_node("Cast", ["age"], ["label"], to=TensorProto.INT64)
    labels = graph([node], [column("age")], [column("label", TensorProto.INT64)])
    with pytest.raises(ModelRefused, match=r"0 outputs that could be its scores \(label: tensor"):
        read(labels, tmp_path, below)


def test_answers_that_are_no_probabilities_are_refused(monitor_of, rows, tmp_path, below):
    doubled = scaled(helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0]))
    served = fitted_to(read(doubled, tmp_path, below), monitor_of())
    with pytest.raises(ModelRefused, match="a probability lies between 0 and 1"):
        served.predict(rows)


def test_answers_that_are_no_numbers_are_refused(monitor_of, tmp_path, below):
    same = scaled(helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0]))
    served = fitted_to(read(same, tmp_path, below), monitor_of())
    with pytest.raises(ModelRefused, match="no finite answer to 1 of 2 rows"):
        served.predict(pa.table({"age": [0.5, None]}))


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        (
            TensorProto.INT64,
            [1, None],
            r"age has missing values, and the ONNX graph takes tensor\(in",
        ),
        (TensorProto.FLOAT, ["a"], r"age holds string, and the ONNX graph takes tensor\(float\)"),
        (TensorProto.STRING, [1.0], r"age holds double, and the ONNX graph takes tensor\(string\)"),
    ],
    ids=["a gap in whole numbers", "text for numbers", "numbers for text"],
)
def test_values_that_an_input_cannot_take_are_refused_in_words(tmp_path, below, kind, values, told):
    nodes = [
        helper.make_node("Identity", ["age"], ["same"]),
        helper.make_node("Identity", ["score"], ["scores"]),
    ]
    made = graph(
        nodes,
        [column("age", kind), column("score")],
        [column("same", kind), column("scores")],
    )
    if kind == TensorProto.FLOAT:
        made.graph.output.pop(0)
    served = read(made, tmp_path, below)
    with pytest.raises(ModelRefused, match=told):
        served.predict(pa.table({"age": values, "score": [0.5] * len(values)}))


def test_a_missing_text_is_the_empty_one(pipeline, filled, tmp_path, below):
    options = {id(pipeline): {"zipmap": False}}
    served = read(to_onnx(pipeline, initial_types=TYPES, options=options), tmp_path, below)
    gap = pa.table({"age": [30.0], "income": [20_000.0], "region": pa.array([None], pa.string())})
    asked = pd.DataFrame({"age": [30.0], "income": [20_000.0], "region": [""]})
    assert served.predict(gap) == pytest.approx(pipeline.predict_proba(asked), abs=1e-6)


def test_operators_of_others_are_refused(tmp_path, below):
    node = helper.make_node("Evil", ["age"], ["scores"], domain="com.evil")
    inner = helper.make_graph([node], "inner", [], [column("scores")])
    choice = helper.make_node("If", ["c"], ["scores"], then_branch=inner, else_branch=inner)
    made = graph(
        [choice],
        [column("c", TensorProto.BOOL), column("age")],
        [column("scores")],
        domain="com.evil",
    )
    with pytest.raises(ModelRefused, match=r"operators of com\.evil, and only those of the ONNX"):
        read(made, tmp_path, below)


def external(folder, location):
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1], np.float32([0.5]).tobytes(), raw=True)
    made = scaled(weights)
    convert_model_to_external_data(made, location="weights.bin", size_threshold=0)
    onnx.save_model(made, folder / "model.onnx")
    made = onnx.load_model(folder / "model.onnx", load_external_data=False)
    for entry in made.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    return kept(made, folder)


def test_tensors_in_a_file_beside_the_model_are_read(tmp_path, below):
    path = external(tmp_path, "weights.bin")
    served = load(path.as_uri(), tracking_uri=None, allowed=below)
    assert served.predict(pa.table({"age": [1.0, 2.0]})).tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    "location",
    ["../weights.bin", "/etc/hostname", "sub/weights.bin", "..", ""],
    ids=["above", "absolute", "below", "the folder above", "nowhere"],
)
def test_tensors_elsewhere_are_refused(tmp_path, below, location):
    folder = tmp_path / "inner"
    folder.mkdir()
    path = external(folder, location)
    with pytest.raises(ModelRefused, match="outside the model"):
        load(path.as_uri(), tracking_uri=None, allowed=below)


def test_a_link_in_place_of_tensors_is_refused(tmp_path, below):
    path = external(tmp_path, "weights.bin")
    (tmp_path / "weights.bin").rename(tmp_path / "elsewhere.bin")
    (tmp_path / "weights.bin").symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(ModelRefused, match=r"'weights\.bin' lies outside the model"):
        load(path.as_uri(), tracking_uri=None, allowed=below)


def test_tensors_that_are_too_large_together_are_refused(tmp_path, below, monkeypatch):
    path = external(tmp_path, "weights.bin")
    monkeypatch.setattr(onnx_graph, "MOST_BYTES", path.stat().st_size)
    with pytest.raises(ModelRefused, match="with its tensors, more than the"):
        load(path.as_uri(), tracking_uri=None, allowed=below)


@pytest.mark.parametrize("content", [b"", b"no graph", b"\x08\x08"], ids=["empty", "text", "cut"])
def test_what_is_no_graph_is_refused(tmp_path, below, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelRefused, match=r"model\.onnx is refused: "):
        load((tmp_path / "model.onnx").as_uri(), tracking_uri=None, allowed=below)
