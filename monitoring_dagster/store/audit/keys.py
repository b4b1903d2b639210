"""Keys that sign checkpoints: where they come from, and how they are written down.

A key is named and printed as C2SP signed notes do it, so that other tools can check a
signature. What is signed is `checkpoints`.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from monitoring_dagster.errors import KeyMissing

KEY_VARIABLE = "MONITORING_DAGSTER_AUDIT_KEY"
KEY_FILE_VARIABLE = "MONITORING_DAGSTER_AUDIT_KEY_FILE"
PREVIOUS_VARIABLE = "MONITORING_DAGSTER_AUDIT_PREVIOUS_KEY"
PREVIOUS_FILE_VARIABLE = "MONITORING_DAGSTER_AUDIT_PREVIOUS_KEY_FILE"
KEY_FILE = "audit.key"

SEED_BYTES = 32
SIGNATURE_BYTES = 64

_ED25519 = b"\x01"
_NAME = re.compile(r"[^\s+]+")
_ADVICE = "make one with: openssl genpkey -algorithm ed25519"


class PublicKey(NamedTuple):
    """Half of a key that everybody may have; its name is the log's origin.

    Printed as a C2SP verifier key: name, 8 hexadecimal digits of its id, and the key in base 64.
    """

    name: str
    public: bytes

    @property
    def key_id(self) -> str:
        """Tells keys apart: the first 4 bytes of a hash of name and key, in hexadecimal."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).hexdigest()[:8]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Reverse of `str`.

        >>> key = PublicKey("monitoring-dagster/production", bytes(32))
        >>> PublicKey.parse(str(key)) == key
        True

        Raises:
            KeyMissing: It is no verifier key.
        """
        parts = text.strip().split("+", 2)
        if len(parts) == 3 and _NAME.fullmatch(parts[0]):
            raw = _unbase64(parts[2])
            if raw is not None and len(raw) == 1 + SEED_BYTES:
                key = cls(parts[0], raw[1:])
                if str(key) == text.strip():
                    return key
        raise KeyMissing(
            f"{text!r} is no public key of an audit log; it must look like "
            "name+1a2b3c4d+AbCd..., as in the table audit_key"
        )

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the other half of this key made the signature."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """Signs with one key in the name of one log."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise KeyMissing(
                f"{self.name!r} cannot be the origin of checkpoints; "
                "MONITORING_DAGSTER_ENVIRONMENT must hold neither blanks nor +"
            )
        if len(self.seed) != SEED_BYTES:
            raise KeyMissing(
                f"the key of the audit log has {len(self.seed)} bytes; it needs {SEED_BYTES}; "
                f"{_ADVICE}"
            )

    @property
    def public_key(self) -> PublicKey:
        """The half that verifies."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return PublicKey(self.name, private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature, 64 bytes (RFC 8032)."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    @classmethod
    def from_environment(cls, env: Mapping[str, str], home: Path) -> Signer:
        """The key of this installation.

        Taken from the variable MONITORING_DAGSTER_AUDIT_KEY, else from the file that
        MONITORING_DAGSTER_AUDIT_KEY_FILE names, else from `home/audit.key`, which is made on first
        use: PEM, or 32 bytes in base 64. MONITORING_DAGSTER_ENVIRONMENT names the log.

        Raises:
            KeyMissing: the named file cannot be read, or holds no such key.
        """
        given = _given(env, KEY_VARIABLE, KEY_FILE_VARIABLE)
        if given is None:
            path = home / KEY_FILE
            if not path.exists():
                _create(path)
            given = _read(path)
        return cls(_name(env), _seed(given))

    @classmethod
    def previous(cls, env: Mapping[str, str]) -> Signer | None:
        """The key before this one, while it is replaced; None where none is named.

        Taken from MONITORING_DAGSTER_AUDIT_PREVIOUS_KEY, or from the file that
        MONITORING_DAGSTER_AUDIT_PREVIOUS_KEY_FILE names.

        Raises:
            KeyMissing: the named file cannot be read, or holds no such key.
        """
        given = _given(env, PREVIOUS_VARIABLE, PREVIOUS_FILE_VARIABLE)
        return None if given is None else cls(_name(env), _seed(given))


def _name(env: Mapping[str, str]) -> str:
    return f"monitoring-dagster/{env.get('MONITORING_DAGSTER_ENVIRONMENT') or 'production'}"


def _given(env: Mapping[str, str], variable: str, file_variable: str) -> bytes | None:
    if env.get(variable):
        return env[variable].encode()
    return _read(Path(env[file_variable])) if env.get(file_variable) else None


def _seed(text: bytes) -> bytes:
    """The 32 bytes of a private key that is written as PEM or in base 64."""
    seed = _from_pem(text) if b"-----BEGIN" in text else _unbase64(text.decode(errors="replace"))
    if seed is None or len(seed) != SEED_BYTES:
        raise KeyMissing(
            "the key of the audit log is neither an Ed25519 private key in PEM nor "
            f"{SEED_BYTES} bytes in base 64; {_ADVICE}"
        )
    return seed


def _from_pem(text: bytes) -> bytes | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key.private_bytes_raw() if isinstance(key, Ed25519PrivateKey) else None


def _unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyMissing(
            f"the key of the audit log cannot be read from {path} ({error.strerror}); make it "
            f"with: (umask 077; openssl genpkey -algorithm ed25519 -out {path})"
        ) from error


def _create(path: Path) -> None:
    """Make a key that appears whole; of two processes that try at once, the first wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(SEED_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
