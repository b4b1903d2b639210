"""Pseudonyms: keyed, joinable within a monitor, linkable nowhere else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pyarrow as pa
import pytest

from monitoring_dagster.errors import KeyMissing
from monitoring_dagster.telemetry.pseudonyms import KEY_FILE_VARIABLE, KEY_VARIABLE, Pseudonyms

KEY = b"0123456789abcdef0123456789abcdef"
PSEUDONYMS = Pseudonyms(KEY)


def encoded(value: str, pseudonyms: Pseudonyms = PSEUDONYMS, **context: str) -> str:
    asked = {"purpose": "loans", "type": "id"} | context
    return pseudonyms.encode(pa.array([value]), **asked)[0].as_py()


def test_a_pseudonym_is_the_keyed_hash_that_the_documentation_states() -> None:
    message = b"monitoring-dagster\0production\0loans\0id\0" + "Zoë".encode()
    mac = hmac.new(KEY, message, hashlib.sha256).digest()[:16]
    expected = "pk1_" + base64.b32encode(mac).decode().rstrip("=").lower()
    assert encoded("Zoë") == expected


def test_many_values_keep_their_places_and_nulls_stay_nulls() -> None:
    values = pa.array(["a", None, "b", "a", ""])
    out = PSEUDONYMS.encode(values, purpose="loans", type="id").to_pylist()
    assert out == [encoded("a"), None, encoded("b"), encoded("a"), encoded("")]
    assert PSEUDONYMS.encode(pa.array([], pa.string()), purpose="x", type="id").to_pylist() == []
    assert PSEUDONYMS.encode(pa.nulls(2, pa.string()), purpose="x", type="id").null_count == 2


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(encoded("ann", purpose="cards"), id="another monitor"),
        pytest.param(encoded("ann", type="entity"), id="another role"),
        pytest.param(encoded("ann", Pseudonyms(KEY, environment="staging")), id="environment"),
        pytest.param(encoded("ann", Pseudonyms(KEY[::-1])), id="another key"),
        pytest.param(encoded("Ann"), id="another value"),
    ],
)
def test_pseudonyms_of_different_contexts_cannot_be_linked(other: str) -> None:
    assert other.removeprefix("pk1_") != encoded("ann").removeprefix("pk1_")


def test_a_pseudonym_names_its_key() -> None:
    assert encoded("ann", Pseudonyms(KEY, key_id="k2")).startswith("pk2_")


def test_the_key_is_not_shown() -> None:
    assert "0123456789" not in repr(PSEUDONYMS)
    assert KEY.hex() not in PSEUDONYMS.fingerprint


def test_the_environment_wins_over_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY[::-1] + b"\n")
    env = {KEY_VARIABLE: KEY.decode(), KEY_FILE_VARIABLE: str(tmp_path / "key")}
    assert Pseudonyms.from_environment(env, tmp_path).key == KEY
    del env[KEY_VARIABLE]
    assert Pseudonyms.from_environment(env, tmp_path).key == KEY[::-1]


def test_a_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = Pseudonyms.from_environment({}, home)
    assert Pseudonyms.from_environment({}, home) == first
    assert [p.name for p in home.iterdir()] == ["pseudonym.key"]
    assert (home / "pseudonym.key").stat().st_mode & 0o777 == 0o600
    assert Pseudonyms.from_environment({}, tmp_path / "other") != first


def test_a_key_that_is_missing_or_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match="it needs at least 32"):
        Pseudonyms.from_environment({KEY_VARIABLE: "short"}, tmp_path)
    with pytest.raises(KeyMissing, match=r"cannot be read from .*nowhere"):
        Pseudonyms.from_environment({KEY_FILE_VARIABLE: str(tmp_path / "nowhere")}, tmp_path)
    (tmp_path / "pseudonym.key").write_bytes(b"")
    with pytest.raises(KeyMissing, match="has 0 bytes"):
        Pseudonyms.from_environment({}, tmp_path)
