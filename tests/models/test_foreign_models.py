from __future__ import annotations

import os
import pickle
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import cloudpickle
import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier

from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import Allowed, foreign, load
from monitoring_dagster.models.description import Description
from monitoring_dagster.models.serving import fitted_to
from monitoring_dagster.models.stored_files import digest
from monitoring_dagster.telemetry.sources.access import Access

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

ROW = pa.table({"age": [0.5]})

PYTHON_MODEL = '''
import os, sys, time
import mlflow

class Told(mlflow.pyfunc.PythonModel):
    """Answers by its input what it sees of the world."""

    def predict(self, context, model_input, params=None):
        wish = int(model_input["age"].iloc[0])
        print("noise that is no answer", flush=True)
        if wish == 100:
            raise ValueError("no such age")
        if wish == 300:
            time.sleep(600)
        if wish == 400:
            return [float(any("TOKEN" in name for name in os.environ))]
        if wish == 500:
            return [float(len(sys.stdin.read()))]
        if wish == 600:
            return ["no number"]
        return model_input["age"].to_numpy() / 100

mlflow.models.set_model(Told())
'''


class Trap:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("foreign")


@pytest.fixture(scope="module")
def python_model(place, frame, flavor):
    """A model of plain code."""
    (place / "told.py").write_text(PYTHON_MODEL)
    signature = flavor("models").infer_signature(
        frame[["age"]].astype(float), frame["age"].astype(float)
    )
    code = str(place / "told.py")
    with warnings.catch_warnings(record=True):  # of type hints, which MLflow would like
        flavor("pyfunc").save_model(
            place / "m", python_model=code, signature=signature, pip_requirements=[]
        )
    return place / "m"


def trusting(place, *folders):
    roots = Access(roots=(str(place),), base=place)
    return Allowed(roots, frozenset(digest(folder) for folder in folders))


@pytest.fixture(scope="module")
def running(place, python_model):
    """The model of code in its process, once for all questions that it survives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MONITORING_DAGSTER_SLACK_TOKEN", "xoxb-secret")
        model = load(str(python_model), tracking_uri=None, allowed=trusting(place, python_model))
    yield model
    model.estimator.close()


def asked(running, *ages):
    return running.predict(pa.table({"age": pa.array(ages, pa.float64())}))


def test_code_is_refused_with_the_digest_that_would_trust_it(place, python_model):
    with pytest.raises(ModelRefused, match=digest(python_model)) as refused:
        load(str(python_model), tracking_uri=None, allowed=trusting(place))
    assert "its kinds: python_function" in str(refused.value)
    assert "to MONITORING_DAGSTER_TRUSTED_MODELS" in str(refused.value)


def test_a_changed_file_no_longer_matches_its_digest(place, python_model, tmp_path):
    allowed = trusting(tmp_path, python_model)
    copy = shutil.copytree(python_model, tmp_path / "copy")
    (copy / "told.py").write_text(PYTHON_MODEL + "\n")
    with pytest.raises(ModelRefused, match=rf"add {digest(copy)} to"):
        load(str(copy), tracking_uri=None, allowed=allowed)


def test_trusted_code_answers_in_its_own_process(running, monitor_of):
    assert asked(running, 20, 35).tolist() == [0.2, 0.35]
    served = fitted_to(running, monitor_of())
    assert asked(served, 20, 35) == pytest.approx([0.2, 0.35])
    assert running.estimator._process.pid != os.getpid()


def test_trusted_code_sees_no_secret_and_no_question(running):
    assert asked(running, 400).tolist() == [0.0]
    assert asked(running, 500).tolist() == [0.0]


def test_what_the_code_raises_is_told_and_ends_nothing(running):
    with pytest.raises(ModelRefused, match=r"fails in its own code \(ValueError: no such age\)"):
        asked(running, 100)
    with pytest.raises(ModelRefused, match="could not convert string to float"):
        asked(running, 600)
    assert asked(running, 20).tolist() == [0.2]


def test_values_of_another_type_are_refused(running):
    with pytest.raises(ModelRefused, match="takes double for age where the rows have string"):
        running.predict(pa.table({"age": ["thirty"]}))


def test_a_process_that_is_silent_or_ends_is_a_refusal_and_leaves_nothing(
    place, python_model, monkeypatch
):
    model = load(str(python_model), tracking_uri=None, allowed=trusting(place, python_model))
    work = model.estimator._work
    monkeypatch.setattr(foreign, "SECONDS_TO_ANSWER", 0.2)
    with pytest.raises(ModelRefused, match=r"fails: no answer came in 0 s"):
        asked(model, 300)
    assert model.estimator._process.returncode is not None
    assert not work.exists()
    with pytest.raises(ModelRefused, match="fails: its process has ended"):
        asked(model, 20)


def test_a_trusted_pickle_of_scikit_learn_gives_probabilities_and_its_classes(
    place, frame, monitor_of, rows, flavor
):
    words = np.where(frame["age"] > 45, 1, 0)
    numbers = frame[["age"]].astype(float)
    forest = RandomForestClassifier(3, random_state=0).fit(numbers, words)
    flavor("sklearn").save_model(
        forest,
        place / "forest",
        serialization_format="cloudpickle",
        signature=flavor("models").infer_signature(numbers),
        pip_requirements=["scikit-learn"],
    )
    allowed = trusting(place, place / "forest")
    served = fitted_to(load("forest", tracking_uri=None, allowed=allowed), monitor_of())
    assert served.predict(rows) == pytest.approx(forest.predict_proba(numbers)[:, 1], abs=1e-6)
    served.estimator.close()


def test_a_pickled_python_model_is_refused_and_does_not_run(place, python_model, tmp_path):
    folder, marker = shutil.copytree(python_model, place / "trap"), tmp_path / "ran"
    description = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(
        description.replace("model_code_path: ", "python_model: python_model.pkl\n    was: ")
    )
    (folder / "python_model.pkl").write_bytes(cloudpickle.dumps(Trap(marker)))
    with pytest.raises(ModelRefused, match=r"add [0-9a-f]{64} to"):
        load("trap", tracking_uri=None, allowed=trusting(place, python_model))
    assert not marker.exists()
    pickle.loads((folder / "python_model.pkl").read_bytes())  # noqa: S301  shows that it works
    assert marker.exists()


def test_a_trusted_folder_that_names_a_file_elsewhere_is_refused(place, python_model):
    folder = shutil.copytree(python_model, place / "leading")
    description = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(
        description.replace("model_code_path: ", "python_model: ../model.pkl\n    uri: ")
    )
    with pytest.raises(ModelRefused, match=r"names '\.\./model\.pkl', which lies outside"):
        load("leading", tracking_uri=None, allowed=trusting(place, folder))


def test_a_trusted_model_without_names_of_inputs_is_refused(place, python_model):
    folder = shutil.copytree(python_model, place / "nameless")
    text = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(text.split("signature:")[0] + "utc_time_created: x\n")
    with pytest.raises(ModelRefused, match="does not name its inputs"):
        load("nameless", tracking_uri=None, allowed=trusting(place, folder))


def test_names_of_classes_come_from_the_description_first(running, monitor_of):
    named = replace(running, classes=Description({"metadata": {"classes": ["x", 1]}}).classes)
    assert asked(fitted_to(named, monitor_of()), 20).tolist() == [0.2]


@pytest.mark.parametrize(
    ("shape", "size"),
    [([2], 8), ([1], 16), ([-1], 8), ("1", 8), ([1, 1, 1], 8), ([10**12], 8), ([], 8), (None, 8)],
    ids=["few", "many", "negative", "text", "deep", "huge", "none", "nothing"],
)
def test_scores_that_are_not_what_they_say_are_refused(tmp_path, shape, size):
    (tmp_path / "answers").write_bytes(b"\0" * size)
    with pytest.raises(ModelRefused, match="the model answers with"):
        foreign._scores(tmp_path / "answers", shape)
