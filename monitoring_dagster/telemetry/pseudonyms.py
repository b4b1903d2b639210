"""Pseudonyms: keyed hashes that replace direct identifiers before anything is written.

The key comes from the environment or from a file that only its owner can read, and goes
nowhere else. Which columns are identifiers is said by the monitor.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitoring_dagster.errors import KeyMissing

KEY_VARIABLE = "MONITORING_DAGSTER_PSEUDONYM_KEY"
KEY_FILE_VARIABLE = "MONITORING_DAGSTER_PSEUDONYM_KEY_FILE"
KEY_FILE = "pseudonym.key"

MINIMUM_KEY_BYTES = 32
_MAC_BYTES = 16  # 128 bits; 64 bits collide at about 4 G identifiers
_ALPHABET = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)


@dataclass(frozen=True)
class Pseudonyms:
    """Encodes identifiers with one key.

    Equal identifiers have equal pseudonyms within one environment, purpose and type, so that
    predictions and labels join; across monitors (purposes) they cannot be linked.
    """

    key: bytes = field(repr=False)
    key_id: str = "k1"
    environment: str = "production"

    def __post_init__(self) -> None:
        if len(self.key) < MINIMUM_KEY_BYTES:
            raise KeyMissing(
                f"the key for pseudonyms has {len(self.key)} bytes; it needs at least "
                f"{MINIMUM_KEY_BYTES}. Make one with: openssl rand -hex 32"
            )

    @property
    def fingerprint(self) -> str:
        """Tells keys apart without revealing them; changes when pseudonyms would."""
        message = f"fingerprint\0{self.environment}\0{self.key_id}".encode()
        return hmac.digest(self.key, message, "sha256").hex()[:16]

    def encode(self, values: pa.Array, *, purpose: str, type: str) -> pa.Array:  # noqa: A002
        """Replace identifiers by pseudonyms.

        Args:
            values: (n,) string, cleaned.
            purpose: the monitor's name.
            type: the column's role, so that an id and an entity of one value are not linked.

        Returns:
            (n,) string such as `pk1_` and 26 letters and digits; nulls stay nulls.

        >>> key = Pseudonyms(b"0" * 32)
        >>> key.encode(pa.array(["ann", None, "ann"]), purpose="loans", type="id").to_pylist()
        ['pk1_...', None, 'pk1_...']
        """
        encoded = values.dictionary_encode()
        salt = f"monitoring-dagster\0{self.environment}\0{purpose}\0{type}\0".encode()
        key = self.key
        macs = b"".join(
            hmac.digest(key, salt + value, "sha256")[:_MAC_BYTES]
            for value in encoded.dictionary.cast(pa.binary()).to_pylist()
        )
        return _base32(f"p{self.key_id}_", macs).take(encoded.indices)

    @classmethod
    def from_environment(cls, env: Mapping[str, str], home: Path) -> Pseudonyms:
        """The key of this installation.

        Taken from the variable MONITORING_DAGSTER_PSEUDONYM_KEY, else from the file that
        MONITORING_DAGSTER_PSEUDONYM_KEY_FILE names, else from `home/pseudonym.key`, which is
        made on first use. MONITORING_DAGSTER_PSEUDONYM_KEY_ID and MONITORING_DAGSTER_ENVIRONMENT
        name the key and the environment.

        Raises:
            KeyMissing: the named file cannot be read, or the key is too short.
        """
        names = {
            "key_id": env.get("MONITORING_DAGSTER_PSEUDONYM_KEY_ID", "k1"),
            "environment": env.get("MONITORING_DAGSTER_ENVIRONMENT", "production"),
        }
        if env.get(KEY_VARIABLE):
            return cls(env[KEY_VARIABLE].strip().encode(), **names)
        if env.get(KEY_FILE_VARIABLE):
            return cls(_read(Path(env[KEY_FILE_VARIABLE])), **names)
        path = home / KEY_FILE
        if not path.exists():
            _create(path)
        return cls(_read(path), **names)


def _base32(prefix: str, macs: bytes) -> pa.Array:
    """Base 32 (RFC 4648, lower case, no padding) of 16 bytes each, vectorised."""
    rows = len(macs) // _MAC_BYTES
    bits = np.unpackbits(np.frombuffer(macs, np.uint8).reshape(rows, _MAC_BYTES), axis=1)
    bits = np.pad(bits, ((0, 0), (0, 2))).reshape(rows, 26, 5)
    letters = _ALPHABET[np.packbits(bits, axis=2)[:, :, 0] >> 3]
    start = np.frombuffer(prefix.encode(), np.uint8)
    text = np.concatenate([np.broadcast_to(start, (rows, start.size)), letters], axis=1)
    offsets = np.arange(rows + 1, dtype=np.int32) * text.shape[1]
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text))
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise KeyMissing(
            f"the key for pseudonyms cannot be read from {path} ({error.strerror}); make it with: "
            f"(umask 077; openssl rand -hex 32 > {path})"
        ) from error


def _create(path: Path) -> None:
    """Make a key that appears whole; of two processes that try at once, the first wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
