from __future__ import annotations

import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
import skops.io
import yaml
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from monitoring_dagster.errors import ModelRefused, ModelUnavailable
from monitoring_dagster.models import load, model_of, stored_files, version_of
from monitoring_dagster.models.description import Description
from monitoring_dagster.models.stored_files import LocalFiles, RemoteFiles, contained, digest

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def numbers(frame):
    return frame[["age"]]


@pytest.fixture(scope="module")
def paid(frame):
    return (frame["age"] > 45).astype(int).to_numpy()


@pytest.fixture(scope="module")
def estimator(numbers, paid):
    return LogisticRegression().fit(numbers, paid)


@pytest.fixture
def folder(estimator, tmp_path, flavor):
    flavor("sklearn").save_model(
        estimator,
        tmp_path / "m",
        serialization_format="skops",
        pip_requirements=["scikit-learn"],
    )
    return tmp_path / "m"


def change(folder, **more):
    """Write another value into the flavour of a model's description."""
    path = folder / "MLmodel"
    content = yaml.safe_load(path.read_text())
    content["flavors"]["sklearn"].update(more)
    path.write_text(yaml.safe_dump(content))


def test_a_plain_skops_file_answers_as_scikit_learn(
    estimator, monitor_of, numbers, rows, tmp_path, below
):
    skops.io.dump(estimator, tmp_path / "champion.skops")
    uri = (tmp_path / "champion.skops").as_uri()
    monitor = monitor_of(model={"task": "binary", "threshold": 0.5, "uri": uri})
    served = model_of(monitor, tracking_uri=None, allowed=below)
    assert served.predict(rows).tolist() == estimator.predict_proba(numbers)[:, 1].tolist()


@pytest.mark.parametrize("named", ["url", "path", "relative path"])
def test_a_folder_of_mlflow_is_found_by(folder, estimator, numbers, rows, below, named):
    uri = {"url": folder.as_uri(), "path": str(folder), "relative path": "m"}[named]
    served = load(uri, tracking_uri=None, allowed=below)
    assert served.predict(rows).tolist() == estimator.predict_proba(numbers).tolist()


def test_what_lies_outside_of_the_roots_is_not_looked_at(folder, below, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "model.skops"
    outside.write_bytes(b"")
    (folder.parent / "link.skops").symlink_to(outside)
    tries = [
        str(outside),
        outside.as_uri(),
        f"../{outside.parent.name}/model.skops",
        f"file://{folder}/../../{outside.parent.name}/model.skops",
        "link.skops",
        "file://evil.example/model.skops",
        "s3://bucket/model.skops",
        "ftp://host/model.skops",
    ]
    for uri in tries:
        with pytest.raises(ModelUnavailable, match="nothing below the allowed roots"):
            load(uri, tracking_uri=None, allowed=below)


def test_a_file_that_is_not_there_is_unavailable(below):
    with pytest.raises(ModelUnavailable, match=r"there is no model at .*none\.skops"):
        load("none.skops", tracking_uri=None, allowed=below)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.pt", "skops"])
def test_other_files_are_refused_by_their_ends(tmp_path, below, name):
    (tmp_path / name).write_bytes(pickle.dumps(1))
    with pytest.raises(ModelRefused, match=r"does not end in \.skops, \.lgb\.txt, \.lgb, \.onnx"):
        load(name, tracking_uri=None, allowed=below)


@pytest.mark.parametrize(
    "name", ["../model.skops", "/etc/hostname", "..", "sub/model.skops", "", "a\\b", "a\nb", "./m"]
)
def test_a_description_that_leads_out_of_its_folder_is_refused(folder, below, name):
    (folder.parent / "model.skops").write_bytes((folder / "model.skops").read_bytes())
    change(folder, pickled_model=name)
    with pytest.raises(ModelRefused, match="lies outside the model"):
        load(str(folder), tracking_uri=None, allowed=below)


@pytest.mark.parametrize("name", ["model.skops", "MLmodel"])
def test_a_link_in_place_of_a_file_is_refused(folder, below, name):
    (folder / name).rename(folder.parent / "moved")
    (folder / name).symlink_to(folder.parent / "moved")
    with pytest.raises(ModelRefused, match=f"'{name}' lies outside the model"):
        load(str(folder), tracking_uri=None, allowed=below)


def test_a_pipe_in_place_of_a_file_is_refused_and_holds_nobody_up(folder, below):
    (folder / "model.skops").unlink()
    os.mkfifo(folder / "model.skops")
    with pytest.raises(ModelRefused, match="no plain file"):
        load(str(folder), tracking_uri=None, allowed=below)


def test_a_model_that_is_too_large_is_not_read(folder, below, monkeypatch):
    monkeypatch.setattr(stored_files, "MOST_BYTES", 1_000)
    with pytest.raises(ModelRefused, match="1,000 are the most that a model may have"):
        load(str(folder), tracking_uri=None, allowed=below)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "[" * 2_000,
        "- a list",
        "\x00",
        "a: [1",
    ],
    ids=["a tag that builds", "too deep", "a list", "not text", "cut"],
)
def test_a_description_that_is_no_plain_data_is_refused(folder, below, text):
    (folder / "MLmodel").write_text(text)
    with pytest.raises(ModelRefused, match=r"MLmodel (is damaged|describes no model)"):
        load(str(folder), tracking_uri=None, allowed=below)


def test_texts_that_refer_to_themselves_are_looked_at_once():
    whole: dict[str, object] = {"data": "model"}
    whole["self"] = [whole, whole]
    Description({"flavors": whole}).must_stay_inside()


@pytest.mark.parametrize("text", ["/etc/model", "../model", "a/../../model"])
def test_no_flavour_may_name_a_path_elsewhere(text):
    with pytest.raises(ModelRefused, match="lies outside the model"):
        Description({"flavors": {"python_function": {"env": [{"x": text}]}}}).must_stay_inside()


def test_types_that_are_not_trusted_are_refused_in_a_plain_file_too(numbers, paid, tmp_path, below):
    skops.io.dump(RandomForestClassifier(2).fit(numbers, paid), tmp_path / "forest.skops")
    with pytest.raises(ModelRefused, match=r"not trusted: sklearn\.tree\._tree\.Tree"):
        load("forest.skops", tracking_uri=None, allowed=below)


DOCUMENTED = "find . -type f | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"


@pytest.fixture
def tree(tmp_path):
    """A folder of files whose order differs between alphabets."""
    root = tmp_path / "tree"
    for name in ("b.txt", "B.txt", "a/c.txt", "a-b.txt", "ä.txt", "with blank"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def test_the_digest_is_what_the_shell_says(tree):
    shell = ["bash", "-c", DOCUMENTED]
    told = subprocess.run(shell, cwd=tree, capture_output=True, text=True, check=True)
    assert told.stdout.split()[0] == digest(tree)
    assert DOCUMENTED in (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tree: (tree / "b.txt").write_text("other"),
        lambda tree: (tree / "b.txt").rename(tree / "c.txt"),
        lambda tree: (tree / "new.txt").write_text(""),
        lambda tree: (tree / "b.txt").unlink(),
    ],
    ids=["changed", "renamed", "added", "removed"],
)
def test_the_digest_is_another_where_a_file_is(tree, spoil):
    before = digest(tree)
    spoil(tree)
    assert digest(tree) != before


def test_a_folder_with_a_link_has_no_digest(tree):
    (tree / "a" / "link").symlink_to("/etc")
    with pytest.raises(ModelRefused, match="'a/link' lies outside the model"):
        digest(tree)


@pytest.mark.parametrize("name", ["", ".", "..", "/a", "a/../b", "a//b", "a\\b", "a\x00", "a/"])
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(ModelRefused, match="outside the model"):
        contained(name)


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_files_here_and_behind_mlflow_are_copied_alike(tree, tmp_path, kind):
    files = LocalFiles(tree) if kind == "local" else RemoteFiles(tree.as_uri(), None)
    whole = stored_files.copied(files, tmp_path / "copy")
    assert digest(whole) == digest(tree)
    with pytest.raises(ModelUnavailable, match=r"none\.txt cannot be fetched"):
        files.copy("none.txt", tmp_path / "copy")
    with pytest.raises(ModelRefused, match="outside the model"):
        files.copy("../tree/b.txt", tmp_path / "copy")


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_too_many_and_too_large_files_are_not_copied(tree, tmp_path, kind, monkeypatch):
    files = LocalFiles(tree) if kind == "local" else RemoteFiles(tree.as_uri(), None)
    monkeypatch.setattr(stored_files, "MOST_BYTES", 20)
    with pytest.raises(ModelRefused, match="20 are the most"):
        stored_files.copied(files, tmp_path / "copy")
    monkeypatch.setattr(stored_files, "MOST_FILES", 3)
    with pytest.raises(ModelRefused, match="more than 3 files"):
        files.names()


def test_versions_of_the_monitors_model_are_loaded_by_number(
    registry, monitor_of, numbers, rows, paid, estimator
):
    registry.register("loans_by_age", estimator, numbers)
    other = LogisticRegression(C=1e-4).fit(numbers, paid)
    registry.register("loans_by_age", other, numbers)
    uri = "models:/loans_by_age@champion"
    monitor = monitor_of(model={"task": "binary", "threshold": 0.5, "uri": uri})
    assert version_of(monitor, "champion", tracking_uri=registry.uri) == "2"
    assert version_of(monitor, "challenger", tracking_uri=registry.uri) is None
    first = model_of(monitor, version="1", tracking_uri=registry.uri)
    assert first.predict(rows).tolist() == estimator.predict_proba(numbers)[:, 1].tolist()
    newest = model_of(monitor, tracking_uri=registry.uri)
    assert np.allclose(newest.predict(rows), other.predict_proba(numbers)[:, 1])
    with pytest.raises(ModelUnavailable, match=r"models:/loans_by_age/9 cannot be fetched"):
        model_of(monitor, version="9", tracking_uri=registry.uri)


@pytest.mark.parametrize("uri", ["models:/m-0a1b", "https://host/score", "file:///m.onnx", None])
def test_what_is_not_registered_has_no_versions(registry, monitor_of, uri):
    monitor = monitor_of(model={"task": "binary", "threshold": 0.5, "uri": uri})
    with pytest.raises(ModelUnavailable, match=r"names"):
        version_of(monitor, "champion", tracking_uri=registry.uri)
    with pytest.raises(ModelUnavailable, match=r"names"):
        model_of(monitor, version="1", tracking_uri=registry.uri)


def test_a_registry_that_does_not_know_the_model_is_told(registry, monitor_of):
    monitor = monitor_of(model={"task": "binary", "threshold": 0.5, "uri": "models:/no@champion"})
    with pytest.raises(ModelUnavailable, match="no cannot be fetched"):
        version_of(monitor, "champion", tracking_uri=registry.uri)
