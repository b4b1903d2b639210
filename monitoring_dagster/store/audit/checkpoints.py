"""Checkpoints: signed notes that say how long the log was at an instant, and with which hash.

Their text is that of C2SP signed notes. Pure functions; where checkpoints are kept is `anchors`.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from monitoring_dagster.errors import CheckpointInvalid, KeyMissing
from monitoring_dagster.store.audit import chain
from monitoring_dagster.store.audit.chain import Head
from monitoring_dagster.store.audit.keys import SIGNATURE_BYTES, PublicKey, Signer

_NOTE = re.compile(r"((?:[^\n]+\n)+)\n((?:— [^\n]+\n)+)\n?")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_KEY_ID_BYTES = 4


class Signature(NamedTuple):
    """One line below a note: whose key it claims to be of, and the 64 bytes."""

    name: str
    key_id: str
    signature: bytes

    def __str__(self) -> str:
        raw = bytes.fromhex(self.key_id) + self.signature
        return f"— {self.name} {base64.b64encode(raw).decode()}"


@dataclass(frozen=True)
class Checkpoint:
    """The log of this origin had so many rows at this instant, the last one with this hash.

    `rotation` is the old and the new key where a checkpoint also hands over from one to the
    other; both have signed it then.
    """

    origin: str
    head: Head
    at: dt.datetime
    rotation: tuple[PublicKey, PublicKey] | None
    signatures: tuple[Signature, ...]

    @property
    def body(self) -> str:
        """What is signed."""
        lines = [
            self.origin,
            str(self.head.seq),
            base64.b64encode(self.head.hash).decode(),
            chain.instant(self.at),
        ]
        if self.rotation is not None:
            lines.append("rotation {} {}".format(*self.rotation))
        return "".join(f"{line}\n" for line in lines)

    def __str__(self) -> str:
        return f"{self.body}\n" + "".join(f"{signature}\n" for signature in self.signatures)

    def signed_by(self, key: PublicKey) -> bool | None:
        """Whether the key's signature is right; None where it has not signed."""
        for signature in self.signatures:
            if (signature.name, signature.key_id) == (key.name, key.key_id):
                return key.verifies(signature.signature, self.body.encode())
        return None


def make(head: Head, at: dt.datetime, signer: Signer, previous: Signer | None = None) -> Checkpoint:
    """A signed checkpoint; with `previous` it hands over from that key to the signer's."""
    rotation = None if previous is None else (previous.public_key, signer.public_key)
    signers = [signer] if previous is None else [previous, signer]
    unsigned = Checkpoint(signer.name, head, at, rotation, ())
    message = unsigned.body.encode()
    signatures = [Signature(s.name, s.public_key.key_id, s.sign(message)) for s in signers]
    return Checkpoint(signer.name, head, at, rotation, tuple(signatures))


def parse(text: str) -> Checkpoint:
    """Reverse of `str`.

    Raises:
        CheckpointInvalid: It is not exactly the text of a checkpoint.
    """
    found = _NOTE.fullmatch(text)
    if found is None:
        raise CheckpointInvalid(f"this is no signed checkpoint: {text[:80]!r}")
    return _parsed(found, line=1)


def parse_all(text: str) -> tuple[list[Checkpoint], str]:
    """Checkpoints one after the other, and the begun one that a power cut may leave at the end.

    Raises:
        CheckpointInvalid: There is something else between them.
    """
    checkpoints, position = [], 0
    while position < len(text):
        found = _NOTE.match(text, position)
        if found is None:
            break
        checkpoints.append(_parsed(found, line=text.count("\n", 0, position) + 1))
        position = found.end()
    rest = text[position:]
    if _NOTE.search(rest):
        line = text.count("\n", 0, position) + 1
        raise CheckpointInvalid(
            f"line {line} belongs to no checkpoint; restore the file from a copy"
        )
    return checkpoints, rest


class Examined(NamedTuple):
    """Checkpoints that count, what is wrong with others, and which nobody here can check."""

    trusted: Sequence[Checkpoint]
    refused: Sequence[str]
    unknown: Sequence[str]


def examine(checkpoints: Iterable[Checkpoint], public_keys: Iterable[PublicKey]) -> Examined:
    """Check the signatures of checkpoints in the order in which they were made.

    A key that is trusted vouches for the one it hands over to, and for the one it took over
    from; after that a signature of the old one alone is refused.
    """
    given = list(checkpoints)
    keys = _vouched(given, public_keys)
    retired: set[PublicKey] = set()
    trusted: list[Checkpoint] = []
    refused: list[str] = []
    unknown: list[str] = []
    for checkpoint in given:
        found = {k: checkpoint.signed_by(k) for k in keys if k.name == checkpoint.origin}
        right = {key for key, is_right in found.items() if is_right}
        about = f"the checkpoint of {checkpoint.head.seq} rows at {chain.instant(checkpoint.at)}"
        if False in found.values():
            refused.append(f"{about} does not bear the signature of its text")
        elif not right:
            unknown.append(f"{about} is signed with no key that is known here")
        elif right <= retired:
            refused.append(f"{about} is signed with a key that had been replaced before")
        else:
            trusted.append(checkpoint)
            if checkpoint.rotation is not None and right >= set(checkpoint.rotation):
                retired.add(checkpoint.rotation[0])
    return Examined(trusted, refused, unknown)


def _vouched(checkpoints: Sequence[Checkpoint], pinned: Iterable[PublicKey]) -> set[PublicKey]:
    keys = set(pinned)
    handovers = [
        c.rotation for c in checkpoints if c.rotation and all(map(c.signed_by, c.rotation))
    ]
    for old, new in reversed(handovers):
        if new in keys:
            keys.add(old)
    for old, new in handovers:
        if old in keys:
            keys.add(new)
    return keys


def _parsed(found: re.Match[str], line: int) -> Checkpoint:
    try:
        checkpoint = _from_lines(found[1].split("\n")[:-1], found[2].split("\n")[:-1])
    except (ValueError, KeyMissing) as error:
        raise CheckpointInvalid(f"line {line} begins no checkpoint: {error}") from error
    # Whatever can be written in two ways is refused in all but one.
    if str(checkpoint) != f"{found[1]}\n{found[2]}":
        raise CheckpointInvalid(f"line {line} begins no checkpoint as they are written")
    return checkpoint


def _from_lines(body: Sequence[str], signatures: Sequence[str]) -> Checkpoint:
    if len(body) not in (4, 5):
        raise ValueError(f"it has {len(body)} lines; required are 4 or 5")
    origin, size, digest, at = body[:4]
    if not _SIZE.fullmatch(size):
        raise ValueError(f"{size!r} is no number of rows")
    if not _INSTANT.fullmatch(at):
        raise ValueError(f"{at!r} is no instant")
    return Checkpoint(
        origin=origin,
        head=Head(int(size), _bytes(digest, chain.HASH_BYTES)),
        at=dt.datetime.fromisoformat(at),
        rotation=_rotation(body[4]) if len(body) == 5 else None,
        signatures=tuple(map(_signature, signatures)),
    )


def _rotation(line: str) -> tuple[PublicKey, PublicKey]:
    words = line.split(" ")
    if len(words) != 3 or words[0] != "rotation":
        raise ValueError(f"{line!r} is no rotation of keys")
    return PublicKey.parse(words[1]), PublicKey.parse(words[2])


def _signature(line: str) -> Signature:
    words = line.split(" ")
    if len(words) != 3:
        raise ValueError(f"{line!r} is no signature")
    raw = _bytes(words[2], _KEY_ID_BYTES + SIGNATURE_BYTES)
    return Signature(words[1], raw[:_KEY_ID_BYTES].hex(), raw[_KEY_ID_BYTES:])


def _bytes(text: str, count: int) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{text!r} is no base 64") from error
    if len(raw) != count:
        raise ValueError(f"{text!r} has {len(raw)} bytes; required are {count}")
    return raw
