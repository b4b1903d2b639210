"""The audit log at a terminal: what it holds, whether it is as it was, and how certain that is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.cli.conftest import MENDED, MISUSED, WELL, Terminal

BROKEN, UNCLEAR = 2, 3
VERIFIER = Path(__file__).parents[2] / "deploy/verify_audit.py"


@pytest.fixture
def used(terminal: Terminal) -> Terminal:
    """A deployment whose log has two rows."""
    terminal.open("MD-000001")
    terminal.open("MD-000002", "labels")
    return terminal


def tampered(terminal: Terminal, statement: str) -> None:
    """Change the log as somebody does who may do anything to the database."""

    def work(connection: sa.Connection) -> None:
        names = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for name in connection.execute(sa.text(names)).scalars().all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql(statement)

    terminal.store.write(work)


def test_an_intact_log_ends_with_0(used: Terminal) -> None:
    said = used.call("audit", "verify")
    assert said.startswith("intact: 2 rows from 1 on are as they were written")
    assert "warning: no checkpoint was given" in said


def test_a_changed_row_ends_with_2_and_is_named(used: Terminal) -> None:
    tampered(used, "UPDATE audit SET actor = 'user:eve' WHERE seq = 2")
    said = used.call("audit", "verify", code=BROKEN)
    assert said.startswith("broken (edit): row 2 was changed")
    assert "Row 2 is the first that cannot be relied on." in said


def test_a_verification_for_programs_is_json_with_its_code(used: Terminal) -> None:
    assert json.loads(used.call("audit", "verify", "--json"))["exit_code"] == WELL
    tampered(used, "DELETE FROM audit WHERE seq = 1")
    found = json.loads(used.call("audit", "verify", "--json", code=BROKEN))
    assert (found["kind"], found["first_bad_seq"], found["exit_code"]) == ("gap", 1, BROKEN)


def test_what_was_signed_is_noticed_when_it_is_gone(used: Terminal) -> None:
    assert used.call("audit", "anchor").startswith("Signed: 3 rows")
    assert used.call("audit", "anchor") == "Nothing was logged since the last checkpoint.\n"
    assert "signed checkpoints speak for all up to row 3" in used.call("audit", "verify")
    tampered(used, "DELETE FROM audit WHERE seq = 3")
    tampered(used, "DELETE FROM audit_payload WHERE seq = 3")
    tampered(used, "UPDATE audit_head SET seq = 2, hash = (SELECT hash FROM audit WHERE seq = 2)")
    assert used.call("audit", "verify", code=BROKEN).startswith("broken (restored_from_backup)")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            ["--checkpoints", "nowhere.txt"],
            "nowhere.txt holds no checkpoint",
            id="a file of checkpoints that is not there",
        ),
        pytest.param(
            ["--checkpoints", "monitors/small.yaml"],
            "monitors/small.yaml",
            id="a file that holds something else",
        ),
        pytest.param(["--key", "abc"], "'abc' is no public key", id="a key that is none"),
    ],
)
def test_what_cannot_be_verified_ends_with_3(used: Terminal, words: list[str], told: str) -> None:
    assert told in used.call("audit", "verify", *words, code=UNCLEAR)


def test_a_signature_by_a_key_that_is_not_known_ends_with_3(used: Terminal) -> None:
    used.call("audit", "anchor")
    (used.home / "audit.key").rename(used.home / "elsewhere.key")
    assert "not checked: " in used.call("audit", "verify", code=UNCLEAR)
    assert not (used.home / "audit.key").exists()


def test_a_store_that_is_not_there_ends_with_3(untouched: Terminal) -> None:
    assert "no such file" in untouched.call("audit", "verify", code=UNCLEAR)


def test_a_key_that_was_kept_elsewhere_is_enough(used: Terminal) -> None:
    used.call("audit", "anchor")
    (row,) = used.logged("key_registered")
    assert row.payload is not None
    (used.home / "audit.key").unlink()
    used.call("audit", "verify", "--key", row.payload["public_key"])


def test_rows_are_listed_by_what_they_are_about(used: Terminal) -> None:
    lines = used.call("audit", "list").splitlines()
    assert lines[-1] == "2 rows"
    assert "incident.opened" in lines[1]
    assert "priority: P2" in lines[1]
    about = used.call("audit", "list", "--subject", "MD-000002").splitlines()
    assert len(about) == 3
    assert "MD-000002" in about[1]
    assert used.call("audit", "list", "--limit", 1).splitlines()[1].split()[0] == "2"


def test_an_erased_payload_is_gone_and_the_log_still_verifies(used: Terminal) -> None:
    said = used.call("audit", "erase", 1, "--because", "article 17", "--by", "ann")
    assert said == "Payloads erased: 1\n"
    assert "(erased)" in used.call("audit", "list").splitlines()[1]
    again = used.call("audit", "erase", 1, 2, "--because", "article 17", "--by", "ann")
    assert again == "Payloads erased: 1; 1 were gone before\n"
    used.call("audit", "verify")
    assert [row.actor for row in used.logged("payload_erased")] == ["user:ann", "user:ann"]


def test_a_row_that_there_is_not_cannot_be_erased(used: Terminal) -> None:
    words = ["audit", "erase", "9", "--because", "article 17", "--by", "ann"]
    assert "there is no row 9; the log has rows 1 to 2" in used.call(*words, code=MISUSED)
    used.call("audit", "erase", 1, "--because", "article 17", "--by", "ann")
    told = used.call("audit", "erase", 3, "--because", "a secret", "--by", "ann", code=MENDED)
    assert "says which payloads were erased, and stays" in told


def test_the_export_is_what_the_independent_verifier_reads(used: Terminal) -> None:
    used.call("audit", "anchor")
    (row,) = used.logged("key_registered")
    assert row.payload is not None
    checkpoints, key = used.home / "audit/checkpoints.txt", str(row.payload["public_key"])
    done = subprocess.run(
        [sys.executable, str(VERIFIER), "-", str(checkpoints), key],
        input=used.call("audit", "export"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == WELL, done.stdout + done.stderr
