"""Scoring over HTTP, against a real server on this machine that answers well or badly."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML
from sklearn.linear_model import LogisticRegression

from monitoring_dagster.errors import ModelRefused, ModelUnavailable, SettingInvalid
from monitoring_dagster.models import Allowed, Scoring, endpoint, model_of
from monitoring_dagster.models.variables import (
    SCORING_ALLOW_INSECURE,
    SCORING_HOSTS,
    SCORING_TOKEN,
    SCORING_TOKEN_FILE,
)

CONTRACT = Path(__file__).parents[2] / "deploy" / "scoring.openapi.yaml"
HERE = Allowed(scoring=Scoring(allow_insecure=True))
INFER = "/v2/models/loans/infer"
METADATA = "/v2/models/loans"


@dataclass
class Asked:
    """One request, as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Service:
    """A server whose answers a test decides."""

    url: str
    answers: dict[str, Callable[[Any], Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)


@pytest.fixture
def service():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(None)

        def do_POST(self):
            self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def answer(self, body):
            told.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            found = told.answers.get(self.path, lambda _: 404)(body)
            status, headers, content = found if isinstance(found, tuple) else (200, {}, found)
            if isinstance(found, int):
                status, content = found, b""
            content = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # a client that went away is part of the test
    told = Service(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def estimator(frame):
    numbers = frame[["age"]]
    return LogisticRegression().fit(numbers, (frame["age"] > 45).astype(int))


@pytest.fixture
def at(monitor_of, service):
    """The model that a monitor of the service asks."""

    def build(path: str, allowed: Allowed = HERE, monitor: Any = None) -> Any:
        model = {"task": "binary", "threshold": 0.5, "uri": service.url + path}
        if monitor is not None:
            task = monitor.model.model_copy(update={"uri": service.url + path})
            return model_of(
                monitor.model_copy(update={"model": task}), tracking_uri=None, allowed=allowed
            )
        return model_of(monitor_of(model=model), tracking_uri=None, allowed=allowed)

    return build


def probabilities(estimator, ages):
    import pandas as pd

    return estimator.predict_proba(pd.DataFrame({"age": ages}))


def scoring(estimator):
    """Our own contract, as a service of scikit-learn would keep it."""

    def answer(body):
        at = body["columns"].index("age")
        ages = [row[at] for row in body["rows"]]
        return {"scores": probabilities(estimator, ages)[:, 1].tolist()}

    return answer


def inferring(estimator, flat=True):
    """The open inference protocol, with one input per column."""

    def answer(body):
        ages = next(one["data"] for one in body["inputs"] if one["name"] == "age")
        found = probabilities(estimator, ages)
        found = found[:, 1] if flat else found
        data = found.ravel().tolist() if flat else found.tolist()
        output = {"name": "scores", "shape": list(found.shape), "datatype": "FP64", "data": data}
        return {"model_name": "loans", "outputs": [output]}

    return answer


def expected(estimator, frame):
    return estimator.predict_proba(frame[["age"]])[:, 1]


def test_our_own_contract_answers_as_the_library(service, at, estimator, rows, frame):
    service.answers["/score"] = scoring(estimator)
    model = at("/score")
    assert list(model.features) == ["age", "income", "region"]
    assert model.predict(rows) == pytest.approx(expected(estimator, frame), abs=1e-12)
    assert model.predict(rows.slice(0, 0)).shape == (0,)
    assert service.asked[0].body["columns"] == ["age", "income", "region"]
    gap = rows["income"].to_pylist().index(None)
    assert service.asked[0].body["rows"][gap][1] is None


def contract(part: str) -> Any:
    described = YAML(typ="safe", pure=True).load(CONTRACT.read_bytes())
    return described["components"]["schemas"][part]


def test_requests_and_answers_are_those_of_the_documented_contract(service, at, estimator, rows):
    service.answers["/score"] = scoring(estimator)
    at("/score").predict(rows)
    body = service.asked[0].body
    jsonschema.validate(body, contract("Request"))
    jsonschema.validate(scoring(estimator)(body), contract("Answer"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"scores": ["high"]}, contract("Answer"))


@pytest.mark.parametrize("flat", [True, False], ids=["one score", "both classes"])
def test_the_open_inference_protocol_answers_as_the_library(
    service, at, estimator, rows, frame, flat
):
    service.answers[INFER] = inferring(estimator, flat)
    assert at(INFER).predict(rows) == pytest.approx(expected(estimator, frame), abs=1e-12)
    inputs = {one["name"]: one for one in service.asked[-1].body["inputs"]}
    assert {n: (one["datatype"], one["shape"]) for n, one in inputs.items()} == {
        "age": ("INT64", [300, 1]),
        "income": ("FP64", [300, 1]),
        "region": ("BYTES", [300, 1]),
    }
    assert [one.method for one in service.asked] == ["GET", "POST"]


def test_metadata_decide_on_inputs_types_and_the_output(service, at, estimator, rows):
    service.answers[METADATA] = lambda _: {
        "inputs": [{"name": "age", "datatype": "FP32", "shape": [-1]}],
        "outputs": [{"name": "predict"}, {"name": "predict_proba"}],
    }

    def answer(body):
        found = inferring(estimator)(body)
        predicted = {"name": "predict", "shape": [300], "datatype": "INT64", "data": [1] * 300}
        found["outputs"][0]["name"] = "predict_proba"
        return {"outputs": [predicted, *found["outputs"]]}

    service.answers[INFER] = answer
    model = at(INFER)
    assert list(model.features) == ["age"]
    assert model.predict(rows).shape == (300,)
    body = service.asked[-1].body
    (only,) = body["inputs"]
    assert (only["datatype"], only["shape"], type(only["data"][0])) == ("FP32", [300], float)
    assert body["outputs"] == [{"name": "predict_proba"}]


def test_all_columns_go_side_by_side_where_the_model_has_one_input(
    service, at, estimator, regression, rows
):
    service.answers[METADATA] = lambda _: {
        "inputs": [{"name": "X", "datatype": "FP64", "shape": [-1, 3]}]
    }
    service.answers[INFER] = lambda body: {
        "outputs": [
            {
                "name": "y",
                "shape": [2, 1],
                "datatype": "FP64",
                "data": np.reshape(body["inputs"][0]["data"], (2, 3))[:, 1].tolist(),
            }
        ]
    }
    model = at(INFER, monitor=regression)
    numbers = pa.table({"age": [1, 2], "income": [0.5, 1.5], "region": [True, False]})
    assert model.predict(numbers).tolist() == [0.5, 1.5]
    with pytest.raises(ModelRefused, match=r"one tensor of FP64, and region holds text"):
        model.predict(rows)


def test_classes_come_in_the_monitors_order(service, at, multiclass_of, rows):
    answer = np.tile([0.5, 0.3, 0.2], (300, 1)).tolist()
    service.answers["/score"] = lambda _: {"scores": answer}
    assert at("/score", monitor=multiclass_of("c", "a", "b")).predict(rows).tolist() == answer


def test_rows_go_in_batches(service, at, estimator, rows, frame, monkeypatch):
    service.answers["/score"] = scoring(estimator)
    monkeypatch.setattr(endpoint, "MOST_ROWS", 128)
    model = at("/score")
    assert model.predict(rows) == pytest.approx(expected(estimator, frame), abs=1e-12)
    assert [len(one.body["rows"]) for one in service.asked] == [128, 128, 44]
    monkeypatch.setattr(endpoint, "LARGEST_REQUEST", 4_000)
    service.asked.clear()
    assert model.predict(rows) == pytest.approx(expected(estimator, frame), abs=1e-12)
    assert len(service.asked) > 3
    monkeypatch.setattr(endpoint, "LARGEST_REQUEST", 40)
    with pytest.raises(ModelRefused, match=r"a single row makes a request of \d+ bytes"):
        model.predict(rows)


def v2(outputs):
    return lambda _: {"outputs": outputs}


SCORES = [0.5] * 300
FAULTS: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "it fails": (lambda _: 500, ModelUnavailable, "HTTP 500; see its log"),
    "it is busy": (lambda _: 503, ModelUnavailable, "HTTP 503"),
    "it is not there": (lambda _: 404, ModelUnavailable, "HTTP 404; correct model.uri"),
    "it wants a token": (lambda _: 401, ModelUnavailable, f"set {SCORING_TOKEN} to a token"),
    "it does not take the rows": (lambda _: 422, ModelRefused, r"not take the rows \(HTTP 422\)"),
    "it leads elsewhere": (
        lambda _: (302, {"Location": "/elsewhere"}, b""),
        ModelUnavailable,
        "HTTP 302; redirects are not followed",
    ),
    "it is no JSON": (lambda _: b"<html>", ModelRefused, "is no JSON"),
    "it is nested too deep": (lambda _: b"[" * 100_000, ModelRefused, "is no JSON"),
    "NaN": (lambda _: {"scores": [float("nan")] * 300}, ModelRefused, "neither NaN nor infinity"),
    "infinity by size": (lambda _: b'{"scores": [1e999]}', ModelRefused, "something else"),
    "a list": (lambda _: [0.5], ModelRefused, "something else than one score"),
    "other words": (lambda _: {"score": SCORES}, ModelRefused, "something else"),
    "too few": (lambda _: {"scores": SCORES[1:]}, ModelRefused, "something else"),
    "texts": (lambda _: {"scores": ["0.5"] * 300}, ModelRefused, "something else"),
    "truths": (lambda _: {"scores": [True] * 300}, ModelRefused, "something else"),
    "nothing": (lambda _: {"scores": [None] * 300}, ModelRefused, "something else"),
    "uneven": (lambda _: {"scores": [[0.5], [0.5, 0.5]] * 150}, ModelRefused, "something else"),
    "too deep": (lambda _: {"scores": [[[0.5]]] * 300}, ModelRefused, "something else"),
    "too wide": (lambda _: {"scores": [[0.2] * 5] * 300}, ModelRefused, r"shape \(300, 5\)"),
    "no probabilities": (lambda _: {"scores": [7] * 300}, ModelRefused, "between 0 and 1"),
    "a huge number": (lambda _: {"scores": [10**400] * 300}, ModelRefused, "something else"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_endpoint_is_not_believed_when(service, at, rows, fault):
    answer, error, told = FAULTS[fault]
    service.answers["/score"] = answer
    with pytest.raises(error, match=told):
        at("/score").predict(rows)
    assert {one.path for one in service.asked} == {"/score"}


def output(**more):
    return {"name": "y", "shape": [300], "datatype": "FP64", "data": SCORES, **more}


@pytest.mark.parametrize(
    ("outputs", "told"),
    [
        ([output(shape=[299])], "something else"),
        ([output(shape=[-1, 7])], "something else"),
        ([output(shape=["x"])], "something else"),
        ([output(data=None)], "something else"),
        ([output(datatype="INT64", data=[1] * 300)], "INT64, which are decisions"),
        ([output(), output(name="z")], "answers with y, z, and none of it is named probabilities"),
        ([], "answers with , and none of it"),
        (None, "something else"),
        ([{}], "something else"),
    ],
    ids=["few", "odd", "no shape", "no data", "decisions", "two", "none", "nothing", "empty"],
)
def test_open_inference_is_not_believed_either(service, at, rows, outputs, told):
    service.answers[INFER] = v2(outputs)
    with pytest.raises(ModelRefused, match=told):
        at(INFER).predict(rows)


@pytest.mark.parametrize(
    ("metadata", "error", "told"),
    [
        (lambda _: 503, ModelUnavailable, "HTTP 503"),
        (lambda _: 403, ModelUnavailable, SCORING_TOKEN),
        (
            lambda _: {"inputs": [{"name": "height", "datatype": "FP64", "shape": [-1]}]},
            ModelRefused,
            "reads height, and the monitor has the features age, income, region",
        ),
        (
            lambda _: {"inputs": [{"name": "X", "datatype": "FP64", "shape": [-1, 9]}]},
            ModelRefused,
            "take all 3 of them as one tensor",
        ),
    ],
    ids=["not ready", "forbidden", "another column", "more columns"],
)
def test_metadata_that_do_not_fit_are_told_before_any_row_is_sent(
    service, at, metadata, error, told
):
    service.answers[METADATA] = metadata
    with pytest.raises(error, match=told):
        at(INFER)
    assert {one.method for one in service.asked} == {"GET"}


def test_a_gap_in_whole_numbers_is_told(service, at):
    service.answers[METADATA] = lambda _: {
        "inputs": [{"name": "age", "datatype": "INT32", "shape": [-1, 1]}]
    }
    with pytest.raises(ModelRefused, match="age has missing values, and the endpoint takes INT32"):
        at(INFER).predict(pa.table({"age": [1, None]}))


def test_a_slow_endpoint_is_given_up(service, at, rows):
    is_over = threading.Event()
    service.answers["/score"] = lambda _: (is_over.wait(30), 500)[1]
    slow = Allowed(scoring=Scoring(allow_insecure=True, seconds=0.1))
    try:
        with pytest.raises(ModelUnavailable, match=r"does not answer \(timeout\)"):
            at("/score", slow).predict(rows)
    finally:
        is_over.set()


def test_an_answer_without_end_is_cut(service, at, rows, monkeypatch):
    monkeypatch.setattr(endpoint, "LARGEST_ANSWER", 1_000)
    service.answers["/score"] = lambda _: b" " * 1_000_000
    with pytest.raises(ModelRefused, match="more than 1,000 bytes"):
        at("/score").predict(rows)


def test_an_endpoint_that_is_gone_is_unavailable(monitor_of, rows):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listening
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}/score"
        monitor = monitor_of(model={"task": "binary", "threshold": 0.5, "uri": uri})
        model = model_of(monitor, tracking_uri=None, allowed=HERE)
        with pytest.raises(ModelUnavailable, match=r"does not answer \(unreachable\)"):
            model.predict(rows)


def test_infinity_is_told_and_not_sent(at, service):
    rows = pa.table({"age": [1], "income": [np.inf], "region": ["north"]})
    with pytest.raises(ModelRefused, match="income holds infinity, which JSON cannot say"):
        at("/score").predict(rows)
    assert service.asked == []


def test_the_token_is_shown_as_a_bearer_and_in_no_text(service, at, rows):
    service.answers["/score"] = lambda _: 401
    secret = "s3cret"  # noqa: S105 - of this test
    allowed = Allowed(scoring=Scoring(token=secret, allow_insecure=True))
    with pytest.raises(ModelUnavailable) as refused:
        at("/score", allowed).predict(rows)
    assert service.asked[0].headers["Authorization"] == f"Bearer {secret}"
    assert secret not in str(refused.value) + repr(allowed)


@pytest.mark.parametrize(
    ("uri", "scoring", "told"),
    [
        ("https://models.example.org/score", Scoring(), f"add the host to {SCORING_HOSTS}"),
        (
            "https://evil.example/score",
            Scoring(hosts=("models.example.org",)),
            "leads to the host 'evil.example'; allowed are models.example.org",
        ),
        (
            "http://models.example.org/score",
            Scoring(hosts=("models.example.org",)),
            "sent in the clear",
        ),
        ("http://127.0.0.1:1/score", Scoring(hosts=("models.example.org",)), "this very machine"),
        (
            "https://user:pw@models.example.org/score",
            Scoring(hosts=("models.example.org",)),
            "user or password",
        ),
    ],
    ids=["no host is named", "another host", "in the clear", "this machine", "a password"],
)
def test_no_document_decides_where_rows_and_the_token_go(monitor_of, uri, scoring, told):
    monitor = monitor_of(model={"task": "binary", "threshold": 0.5, "uri": uri})
    with pytest.raises(ModelUnavailable, match=told) as refused:
        model_of(monitor, tracking_uri=None, allowed=Allowed(scoring=scoring))
    assert "user:pw" not in str(refused.value)


def test_scoring_is_set_by_the_environment(tmp_path):
    (tmp_path / "token").write_text("abc\n")
    env = {
        SCORING_HOSTS: "a.example, b.example",
        SCORING_TOKEN_FILE: str(tmp_path / "token"),
        SCORING_ALLOW_INSECURE: "1",
    }
    assert Scoring.from_environment(env) == Scoring(("a.example", "b.example"), "abc", True)
    assert Scoring.from_environment({}) == Scoring()
    with pytest.raises(SettingInvalid, match=f"{SCORING_TOKEN_FILE} names .*cannot be read"):
        Scoring.from_environment({SCORING_TOKEN_FILE: str(tmp_path / "none")})
    with pytest.raises(SettingInvalid, match=f"{SCORING_TOKEN} holds blanks") as refused:
        Scoring.from_environment({SCORING_TOKEN: "a\r\nX: b"})
    assert "X: b" not in str(refused.value)
