"""Checkpoints, the keys that sign them, and the file that they are kept in."""

from __future__ import annotations

import base64
import datetime as dt
import os
import signal
import stat
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from monitoring_dagster.errors import AuditLogRewritten, CheckpointInvalid, KeyMissing
from monitoring_dagster.store import Store
from monitoring_dagster.store.audit import (
    Head,
    PublicKey,
    Signer,
    Tampering,
    anchor,
    anchor_path,
    entries,
    registered,
)
from monitoring_dagster.store.audit.anchors import read
from monitoring_dagster.store.audit.checkpoints import examine, make, parse, parse_all
from tests.store_audit.builders import (
    AT,
    OTHER,
    SIGNER,
    anchor_and_die,
    anchored,
    attack,
    checked,
    log,
    told_of,
)

HEAD = Head(12, bytes(range(32)))
KEY = SIGNER.public_key
THIRD = Signer(SIGNER.name, bytes([9] * 32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outside" / "checkpoints.txt"


# --- notes -----------------------------------------------------------------------------------


def test_a_checkpoint_is_a_signed_note() -> None:
    lines = str(make(HEAD, AT, SIGNER)).split("\n")
    assert lines[:5] == [
        "monitoring-dagster/production",
        "12",
        base64.b64encode(bytes(range(32))).decode(),
        "2026-01-06T06:00:00.250000Z",
        "",
    ]
    assert lines[5].startswith("— monitoring-dagster/production ")
    raw = base64.b64decode(lines[5].split(" ")[2])
    public = KEY.public
    assert raw[:4] == sha256(KEY.name.encode() + b"\n\x01" + public).digest()[:4]
    body = "".join(f"{line}\n" for line in lines[:4])
    Ed25519PrivateKey.from_private_bytes(SIGNER.seed).public_key().verify(raw[4:], body.encode())


@given(
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.booleans(),
)
def test_a_checkpoint_comes_back_from_its_text(
    size: int, digest: bytes, at: dt.datetime, rotates: bool
) -> None:
    checkpoint = make(Head(size, digest), at, OTHER, SIGNER if rotates else None)
    assert parse(str(checkpoint)) == checkpoint
    assert checkpoint.signed_by(OTHER.public_key) is True
    assert checkpoint.signed_by(KEY) is (True if rotates else None)


def test_no_byte_of_a_checkpoint_can_be_changed() -> None:
    text = str(make(HEAD, AT, SIGNER)).encode()
    for place in range(len(text)):
        changed = bytearray(text)
        changed[place] ^= 1
        try:
            found = examine([parse(changed.decode(errors="replace"))], [KEY])
        except CheckpointInvalid:
            continue
        assert found.trusted == []


def test_a_begun_checkpoint_at_the_end_is_told_apart_from_a_damaged_one() -> None:
    one, two = str(make(HEAD, AT, SIGNER)), str(make(HEAD, AT, OTHER))
    for cut in range(1, len(two) - 1):
        found, rest = parse_all(f"{one}\n{two[:cut]}")
        assert (len(found), rest) == (1, two[:cut])
    with pytest.raises(CheckpointInvalid, match="line 8 belongs to no checkpoint"):
        parse_all(f"{one}\nnonsense\n\n{two}")


# --- keys ------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor(8) as pool:
        signers = list(pool.map(lambda _: Signer.from_environment({}, home), range(8)))
    assert len({signer.seed for signer in signers}) == 1
    assert stat.S_IMODE((home / "audit.key").stat().st_mode) == 0o600
    assert [p.name for p in home.iterdir()] == ["audit.key"]
    assert signers[0].seed.hex() not in repr(signers[0])


@pytest.mark.parametrize("form", ["pem", "base64"])
@pytest.mark.parametrize("place", ["variable", "file"])
def test_a_key_is_read_in_both_forms_from_both_places(
    tmp_path: Path, form: str, place: str
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(SIGNER.seed)
    text = base64.b64encode(SIGNER.seed) + b"\n"
    if form == "pem":
        text = private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    env = {"MONITORING_DAGSTER_AUDIT_KEY": text.decode()}
    if place == "file":
        (tmp_path / "key").write_bytes(text)
        env = {"MONITORING_DAGSTER_AUDIT_KEY_FILE": str(tmp_path / "key")}
    assert Signer.from_environment(env, tmp_path / "none") == SIGNER
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "text", ["", "short", base64.b64encode(bytes(31)).decode(), "-----BEGIN PRIVATE KEY-----\nx"]
)
def test_what_is_no_key_is_refused_in_words_without_its_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    env = {"MONITORING_DAGSTER_AUDIT_KEY_FILE": str(tmp_path / "key")}
    with pytest.raises(KeyMissing, match="neither an Ed25519 private key in PEM nor 32 bytes"):
        Signer.from_environment(env, tmp_path)


def test_a_key_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    env = {"MONITORING_DAGSTER_AUDIT_KEY_FILE": str(tmp_path / "none")}
    with pytest.raises(KeyMissing, match="openssl genpkey -algorithm ed25519 -out"):
        Signer.from_environment(env, tmp_path)
    with pytest.raises(KeyMissing, match="MONITORING_DAGSTER_ENVIRONMENT must hold neither blanks"):
        Signer.from_environment({"MONITORING_DAGSTER_ENVIRONMENT": "a b"}, tmp_path)


def test_the_earlier_key_is_named_by_variables_of_its_own(tmp_path: Path) -> None:
    assert Signer.previous({}) is None
    env = {"MONITORING_DAGSTER_AUDIT_PREVIOUS_KEY": base64.b64encode(OTHER.seed).decode()}
    assert Signer.previous(env) == OTHER


def test_a_public_key_comes_back_from_its_text_and_no_other_text_is_one() -> None:
    text = str(KEY)
    assert PublicKey.parse(text) == KEY
    for place in range(len(text)):
        other = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        with pytest.raises(KeyMissing, match="no public key of an audit log"):
            PublicKey.parse(other)


# --- the anchor ------------------------------------------------------------------------------


def test_the_anchor_grows_when_the_log_does_and_only_then(store: Store, path: Path) -> None:
    first = anchored(store, path)
    assert first is not None
    assert first.head.seq == 1  # the event that the key is used from now on
    assert anchored(store, path) is None
    log(store, 4)
    second = anchored(store, path)
    assert read(path) == [first, second]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert checked(store, read(path)).vouched == 5
    assert told_of(store, path, KEY).code == 0


def test_the_first_use_of_a_key_is_logged(store: Store, path: Path) -> None:
    anchored(store, path)
    (event,) = store.read(entries)
    assert event[2:6] == ("system:audit", "key_registered", "audit_key", KEY.key_id)
    assert event.payload == {"public_key": str(KEY)}
    assert store.read(registered) == [(KEY, AT, None)]


def test_processes_that_anchor_at_once_write_every_checkpoint_once(
    store: Store, path: Path
) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: anchored(store, path), range(6)))
    assert len([checkpoint for checkpoint in made if checkpoint]) == 1
    assert len(read(path)) == 1
    assert len(store.read(entries)) == 1


def test_an_anchoring_that_is_killed_is_not_repeated(
    store: Store, store_url: str, path: Path, processes: ForkServerContext
) -> None:
    writer = processes.Process(target=anchor_and_die, args=(store_url, path))
    writer.start()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    assert len(read(path)) == 1
    assert anchored(store, path) is None
    assert len(read(path)) == 1


def test_what_a_power_cut_left_half_written_is_removed(sqlite_store: Store, path: Path) -> None:
    anchored(sqlite_store, path)
    whole = path.read_bytes()
    log(sqlite_store, 2)
    for rest in (whole[:20], whole[:-30], b"\xff\xfe half", bytes(100)):
        path.write_bytes(whole + rest)
        assert [c.head.seq for c in read(path)] == [1]
    anchored(sqlite_store, path)
    assert path.read_bytes().startswith(whole + whole[:20].split(b"\n")[0])
    assert [c.head.seq for c in read(path)] == [1, 3]


def test_a_full_disk_leaves_the_anchor_as_it_was(
    sqlite_store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchored(sqlite_store, path)
    whole = path.read_bytes()
    log(sqlite_store, 2)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:50]))
    with pytest.raises(CheckpointInvalid, match=r"cannot be kept in .*checkpoints\.txt"):
        anchored(sqlite_store, path)
    monkeypatch.undo()
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("what", "statements"),
    [
        ("ends at row 3", ["DELETE FROM audit WHERE seq > 3", "UPDATE audit_head SET seq = 3"]),
        ("has another row 5", ["UPDATE audit SET hash = x'00' WHERE seq = 5"]),
    ],
    ids=["a log that became shorter", "a log that became another"],
)
def test_what_contradicts_the_last_checkpoint_is_not_signed(
    sqlite_store: Store, path: Path, what: str, statements: list[str]
) -> None:
    anchored(sqlite_store, path)
    log(sqlite_store, 4)
    anchored(sqlite_store, path)
    attack(sqlite_store, *statements)
    before = path.read_bytes()
    with pytest.raises(AuditLogRewritten, match=f"{what}.*Nothing was signed"):
        anchored(sqlite_store, path)
    assert path.read_bytes() == before


def test_the_place_of_the_anchor_can_be_chosen(tmp_path: Path) -> None:
    assert anchor_path({}, tmp_path) == tmp_path / "audit/checkpoints.txt"
    elsewhere = {"MONITORING_DAGSTER_AUDIT_ANCHOR": "/mnt/worm/audit.txt"}
    assert anchor_path(elsewhere, tmp_path) == Path("/mnt/worm/audit.txt")
    assert read(tmp_path / "none.txt") == []
    with pytest.raises(CheckpointInvalid, match="cannot be kept in"):
        read(tmp_path)


# --- rotation --------------------------------------------------------------------------------


def rotated(store: Store, path: Path) -> None:
    anchored(store, path)
    log(store, 2)
    anchored(store, path)
    anchor(store, OTHER, path, AT, previous=SIGNER)
    log(store, 2, first=3)
    anchored(store, path, OTHER)


@pytest.mark.parametrize("key", [KEY, OTHER.public_key], ids=["the old key", "the new key"])
def test_after_a_rotation_one_of_the_two_keys_is_enough(
    sqlite_store: Store, path: Path, key: PublicKey
) -> None:
    rotated(sqlite_store, path)
    found = checked(sqlite_store, read(path), key)
    assert (found.exit_code, found.vouched, found.unchecked) == (0, 6, ())
    assert [c.rotation is not None for c in read(path)] == [False, False, True, False]
    assert told_of(sqlite_store, path, KEY, OTHER.public_key).code == 0
    assert told_of(sqlite_store, path, key).code == 3


def test_a_rotation_is_logged_and_both_keys_are_registered(sqlite_store: Store, path: Path) -> None:
    rotated(sqlite_store, path)
    event = sqlite_store.read(entries)[3]
    new = OTHER.public_key
    assert event[2:6] == ("system:audit", "key_rotated", "audit_key", new.key_id)
    assert event.payload == {"public_key": str(new), "replaces": KEY.key_id}
    assert {k.public_key: k.valid_until for k in sqlite_store.read(registered)} == {
        KEY: AT,
        new: None,
    }


def test_without_the_earlier_key_nothing_is_signed(sqlite_store: Store, path: Path) -> None:
    anchored(sqlite_store, path)
    with pytest.raises(KeyMissing, match=f"signed with the key {KEY.key_id}, and this one is"):
        anchored(sqlite_store, path, OTHER)
    with pytest.raises(KeyMissing, match="PREVIOUS_KEY_FILE"):
        anchor(sqlite_store, OTHER, path, AT, previous=THIRD)
    assert len(sqlite_store.read(entries)) == 1


def test_a_key_that_was_replaced_does_not_come_back(sqlite_store: Store, path: Path) -> None:
    rotated(sqlite_store, path)
    with pytest.raises(KeyMissing, match=f"key {KEY.key_id} was itself replaced"):
        anchor(sqlite_store, SIGNER, path, AT, previous=OTHER)


def test_a_replaced_key_no_longer_vouches_for_anything(sqlite_store: Store, path: Path) -> None:
    rotated(sqlite_store, path)
    with path.open("a") as file:
        file.write(f"{make(read(path)[-1].head, AT, SIGNER)}\n")
    found = checked(sqlite_store, read(path))
    assert (found.kind, found.first_bad_seq) == (Tampering.BAD_SIGNATURE, None)
    assert "signed with a key that had been replaced before" in found.text


def test_a_rotation_that_only_one_of_them_signed_hands_nothing_over() -> None:
    forged = make(HEAD, AT, THIRD, SIGNER)
    half = parse(str(forged).replace(str(forged.signatures[0]) + "\n", ""))
    assert examine([half], [KEY]).trusted == []
    later = make(Head(13, bytes(32)), AT, THIRD)
    assert examine([half, later], [KEY]).unknown


# --- signatures ------------------------------------------------------------------------------


def test_a_checkpoint_whose_text_was_changed_is_a_bad_signature(store: Store, path: Path) -> None:
    anchored(store, path)
    log(store, 5)
    anchored(store, path)
    path.write_text(path.read_text().replace("\n6\n", "\n3\n"))
    found = checked(store, read(path))
    assert (found.kind, found.first_bad_seq, found.exit_code) == (Tampering.BAD_SIGNATURE, None, 2)
    assert told_of(store, path, KEY).finding == ("bad_signature", None)
    log(store, 1)
    with pytest.raises(CheckpointInvalid, match="does not bear the signature of its text"):
        anchored(store, path)


def test_a_signature_that_was_changed_is_a_bad_signature(sqlite_store: Store, path: Path) -> None:
    checkpoint = anchored(sqlite_store, path)
    assert checkpoint is not None
    (line,) = checkpoint.signatures
    for place in (0, 20, 31, 32, 40, 63):
        changed = bytearray(line.signature)
        changed[place] ^= 4
        path.write_text(str(checkpoint).replace(str(line), str(line._replace(signature=changed))))
        assert checked(sqlite_store, read(path)).kind is Tampering.BAD_SIGNATURE
        assert told_of(sqlite_store, path, KEY).finding == ("bad_signature", None)


def test_checkpoints_of_an_unknown_key_cannot_be_verified(sqlite_store: Store, path: Path) -> None:
    anchored(sqlite_store, path, OTHER)
    found = checked(sqlite_store, read(path))
    assert (found.is_intact, found.exit_code) == (True, 3)
    assert "signed with no key that is known here" in found.unchecked[0]
    assert told_of(sqlite_store, path, KEY).code == 3
    assert checked(sqlite_store, read(path), key=None).exit_code == 3


def test_the_log_of_another_environment_vouches_for_nothing(
    sqlite_store: Store, path: Path
) -> None:
    staging = Signer("monitoring-dagster/staging", SIGNER.seed)
    anchored(sqlite_store, path, staging)
    assert checked(sqlite_store, read(path)).exit_code == 3
    assert checked(sqlite_store, read(path), staging.public_key).exit_code == 0
