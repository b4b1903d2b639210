"""The audit log of a deployment: anchored and verified with the key that its environment names.

What the chain of hashes is, and what a verification finds, is `store.audit`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path

from monitoring_dagster.errors import CheckpointInvalid
from monitoring_dagster.store import Store
from monitoring_dagster.store.audit import Checkpoint, PublicKey, Signer, Verification, anchors
from monitoring_dagster.store.audit import verify as verified
from monitoring_dagster.store.audit.keys import KEY_FILE, KEY_FILE_VARIABLE, KEY_VARIABLE


def anchor(store: Store, env: Mapping[str, str], home: Path, now: dt.datetime) -> Checkpoint | None:
    """Sign where the log ends; None where nothing was logged since. Embedded, it makes the key.

    Raises:
        StoreError: the log, or what was signed before, is not what it was.
        KeyMissing: the key cannot be read, or the last one is not here any more.
    """
    path = anchors.anchor_path(env, home)
    signer, previous = Signer.from_environment(env, home), Signer.previous(env)
    return anchors.anchor(store, signer, path, now, previous=previous)


def verify(
    store: Store,
    env: Mapping[str, str],
    home: Path,
    *,
    from_seq: int = 1,
    checkpoints: Path | None = None,
    keys: Iterable[PublicKey] = (),
) -> Verification:
    """Check the log, and what was signed of it; nothing is made or changed.

    Args:
        store: holds the log.
        env: names the file of checkpoints and this deployment's key.
        home: holds both where it does not.
        from_seq: the first row to check.
        checkpoints: another file of them, which must hold some.
        keys: public keys from elsewhere; this deployment's own if none is given.

    Raises:
        StoreError: the store or the checkpoints cannot be read.
        KeyMissing: the deployment's key cannot be read.
    """
    signed = anchors.read(checkpoints or anchors.anchor_path(env, home))
    if checkpoints is not None and not signed:
        raise CheckpointInvalid(f"{checkpoints} holds no checkpoint; give the file that does")
    trusted = list(keys) or _own(env, home)
    return store.read(
        lambda connection: verified(
            connection, from_seq=from_seq, checkpoints=signed, public_keys=trusted
        )
    )


def _own(env: Mapping[str, str], home: Path) -> list[PublicKey]:
    """This deployment's public key, where it has one: to verify is no reason to make one."""
    is_named = any(env.get(variable) for variable in (KEY_VARIABLE, KEY_FILE_VARIABLE))
    if not is_named and not (home / KEY_FILE).exists():
        return []
    return [Signer.from_environment(env, home).public_key]
