"""The bytes of a row: that they are those of the document, and that no two rows share them."""

from __future__ import annotations

import datetime as dt
import json
import re
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitoring_dagster.errors import StoreError
from monitoring_dagster.store.audit import chain

DOCUMENT = (Path(__file__).parents[2] / "docs/audit.md").read_text(encoding="utf-8")

hashes = st.binary(min_size=32, max_size=32)
fields = st.builds(chain.Fields, *[st.binary(max_size=6)] * 5)
rows = st.tuples(st.integers(0, 2**63 - 1), hashes, fields, hashes)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_the_example_of_the_document_is_what_the_code_makes() -> None:
    example = dict(re.findall(r"^(\w+) += (.+)$", DOCUMENT, re.MULTILINE))
    payload, salt = example["payload"].encode(), bytes.fromhex(example["salt"])
    commit = chain.commitment(salt, payload)
    said = [example[n].encode() for n in ("at", "actor", "action", "subject_type", "subject_id")]
    assert commit.hex() == example["payload_commit"]
    own = chain.row_hash(int(example["seq"]), chain.GENESIS, chain.Fields(*said), commit)
    assert own.hex() == example["hash"]
    assert chain.canonical(json.loads(payload)).encode() == payload


@given(rows, rows)
def test_two_different_rows_never_encode_alike(
    one: tuple[int, bytes, chain.Fields, bytes], other: tuple[int, bytes, chain.Fields, bytes]
) -> None:
    assume(one != other)
    assert chain.encoded(*one) != chain.encoded(*other)


@given(st.binary(max_size=40), st.lists(st.integers(0, 40), min_size=4, max_size=4))
def test_one_text_cut_into_fields_at_other_places_is_another_row(
    text: bytes, places: list[int]
) -> None:
    ends = [0, *sorted(places), 40]
    cut = chain.Fields(*(text[a:b] for a, b in pairwise(ends)))
    whole = chain.Fields(text, b"", b"", b"", b"")
    same = chain.encoded(1, bytes(32), cut, bytes(32)) == chain.encoded(
        1, bytes(32), whole, bytes(32)
    )
    assert same == (cut == whole)


@given(st.binary(max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_bytes_that_move_from_the_payload_into_the_salt_change_the_commitment(
    text: bytes, one: int, other: int
) -> None:
    first, second = (text[:one], text[one:]), (text[:other], text[other:])
    assert (chain.commitment(*first) == chain.commitment(*second)) == (first == second)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_a_payload_comes_back_and_is_written_in_one_way(payload: dict[str, object]) -> None:
    text = chain.canonical(payload)  # type: ignore[arg-type]
    assert json.loads(text) == payload
    assert text.isascii()
    assert "\0" not in text
    assert chain.canonical(dict(reversed(payload.items()))) == text  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"raw", AssertionError])
def test_a_payload_that_is_no_json_is_refused_in_words(value: object) -> None:
    with pytest.raises(StoreError, match="payload of an audit entry is no JSON"):
        chain.canonical({"value": value})  # type: ignore[dict-item]


@pytest.mark.parametrize("size", [0, 31, 33])
def test_what_is_no_hash_cannot_be_encoded(size: int) -> None:
    said = chain.Fields(b"", b"", b"", b"", b"")
    with pytest.raises(ValueError, match="must have 32 bytes"):
        chain.encoded(1, bytes(size), said, bytes(32))
    with pytest.raises(ValueError, match="must have 32 bytes"):
        chain.encoded(1, bytes(32), said, bytes(size))


def test_an_instant_is_one_in_every_zone() -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    at = dt.datetime(2026, 1, 6, 6, tzinfo=dt.UTC)
    assert chain.instant(at.astimezone(tokyo)) == chain.instant(at) == "2026-01-06T06:00:00.000000Z"
    with pytest.raises(ValueError, match="no time zone"):
        chain.instant(dt.datetime(2026, 1, 6, 6))  # noqa: DTZ001 - that is the point


def test_the_encoding_is_built_as_the_document_says() -> None:
    said = chain.Fields(b"a", b"bc", b"", b"def", b"g")
    built = b"monitoring-dagster-audit-v1\0" + (7).to_bytes(8, "big") + bytes([1] * 32)
    for field in said:
        built += len(field).to_bytes(4, "big") + field
    built += bytes([2] * 32)
    expected = sha256(built).digest()
    assert chain.row_hash(7, bytes([1] * 32), said, bytes([2] * 32)) == expected
