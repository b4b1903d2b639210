"""From a URI to a model that can be asked; nothing of the model's own runs on the way.

Models of scikit-learn, LightGBM and ONNX are read as data. Whatever else runs only where its digest
is trusted, in a process of its own (`foreign`); a pickle is never opened here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from monitoring_dagster.errors import ModelRefused, ModelUnavailable
from monitoring_dagster.models import (
    description,
    foreign,
    lightgbm_model,
    onnx_model,
    registry,
    sklearn_model,
    trust,
)
from monitoring_dagster.models.allowed import REGISTERED_ONLY, Allowed
from monitoring_dagster.models.description import Description, Kind, NeedsCode, Stored, stored_file
from monitoring_dagster.models.served import Served
from monitoring_dagster.models.stored_files import (
    Files,
    LocalFiles,
    copied,
    digest,
    files_at,
)

_DESCRIPTION = "MLmodel"
_SUFFIXES: Mapping[str, Kind] = {
    ".skops": Kind.SKLEARN,
    ".lgb.txt": Kind.LIGHTGBM,
    ".lgb": Kind.LIGHTGBM,
    ".onnx": Kind.ONNX,
}


def load(
    uri: str,
    *,
    tracking_uri: str | None,
    trusted: Sequence[str] = (),
    allowed: Allowed = REGISTERED_ONLY,
) -> Served[Any]:
    """Fetch a model and read it.

    The registry's client (2 s) and the model's library are imported when this is called.

    Args:
        uri: `models:/NAME@ALIAS`, `models:/NAME/VERSION` or `models:/m-ID`; or, below the allowed
            roots, the `file:///` URL or path of an MLflow model folder or of a file that ends in
            `.skops`, `.lgb.txt`, `.lgb` or `.onnx`.
        tracking_uri: address of the MLflow registry (setting MLFLOW_TRACKING_URI).
        trusted: full names of types that a model may consist of beyond `trust.TRUSTED`.
        allowed: where files may lie, and which folders may run code.

    Raises:
        ModelUnavailable: it cannot be fetched.
        ModelRefused: it would run code as it is loaded and is not trusted, holds types that are
            not, does not name its inputs, or gives no scores.
    """
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        try:
            if uri.startswith("models:/"):
                where = registry.location(uri, tracking_uri)
                return _folder(files_at(where, tracking_uri), Path(folder), trusted, allowed)
            path = _below_roots(uri, allowed)
            if path.is_dir():
                return _folder(LocalFiles(path), Path(folder), trusted, allowed)
            return _file(path, Path(folder), trusted)
        except ModelRefused as refused:
            raise ModelRefused(f"{uri} is refused: {refused}") from refused


def _below_roots(uri: str, allowed: Allowed) -> Path:
    parts = urlsplit(uri)
    is_here = parts.scheme in ("", "file") and parts.netloc in ("", "localhost")
    path = allowed.places.base / (unquote(parts.path) if parts.scheme else uri)
    if not is_here or not allowed.places.allows(path.resolve()):
        roots = ", ".join(allowed.places.roots) or "none"
        raise ModelUnavailable(
            f"{uri!r} names no model of the registry, and nothing below the allowed roots "
            f"({roots}); give model.uri as models:/NAME@ALIAS, models:/NAME/VERSION or "
            "models:/m-ID, or move the file below a folder of MONITORING_DAGSTER_SOURCE_ROOTS"
        )
    if not path.exists():
        raise ModelUnavailable(f"there is no model at {path}; correct model.uri, or put it there")
    return path.resolve()


def _file(path: Path, folder: Path, trusted: Sequence[str]) -> Served[Any]:
    kind = next((kind for end, kind in _SUFFIXES.items() if path.name.endswith(end)), None)
    if kind is None:
        raise ModelRefused(
            f"{path.name} does not end in {', '.join(_SUFFIXES)}, and no other file can be read "
            "without running code of its author; store the model in one of these formats"
        )
    files = LocalFiles(path.parent)
    return _read(files, Stored(kind, path.name), Description({}), folder, trusted)


def _folder(files: Files, folder: Path, trusted: Sequence[str], allowed: Allowed) -> Served[Any]:
    told = description.read(files.copy(_DESCRIPTION, folder))
    try:
        stored = stored_file(told.content)
    except NeedsCode as why:
        return _reviewed(files, folder, allowed, why)
    return _read(files, stored, told, folder, trusted)


def _read(
    files: Files, stored: Stored, told: Description, folder: Path, trusted: Sequence[str]
) -> Served[Any]:
    path = files.copy(stored.file, folder)
    if stored.kind is Kind.SKLEARN:
        return sklearn_model.model_of(trust.read(path, trusted), told.inputs)
    if stored.kind is Kind.LIGHTGBM:
        return lightgbm_model.read(path, list(told.inputs), told.classes)

    def fetch(name: str) -> Path:
        return files.copy(name, folder)

    return onnx_model.read(path, fetch, list(told.inputs), told.classes)


def _reviewed(files: Files, folder: Path, allowed: Allowed, why: NeedsCode) -> Served[Any]:
    """Run a model whose very files were reviewed: what is digested is the copy that runs."""
    whole = copied(files, folder / "whole")
    known = digest(whole)
    if known not in allowed.digests:
        raise ModelRefused(
            f"{why}. Whoever has reviewed its files can let them run in a process of their own: "
            f"add {known} to MONITORING_DAGSTER_TRUSTED_MODELS"
        )
    told = description.read(whole / _DESCRIPTION)
    told.must_stay_inside()
    return foreign.start(whole, told.inputs, told.classes)
