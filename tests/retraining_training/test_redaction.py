"""What people read of a trainer's output holds no secret, no address and no control character."""

from __future__ import annotations

import pytest

from monitoring_dagster.retraining.redaction import redacted, secrets_of

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("to ann.b+c@mail.example.org!", "to (e-mail)!", id="an e-mail address"),
        pytest.param("postgresql://me:p%40ss@db/x", "postgresql://***@db/x", id="a URL's login"),
        pytest.param("token = 'abc def' end", "token = *** end", id="a token in quotes"),
        pytest.param('{"api_key": "abc"}', '{"api_key": ***}', id="a key in JSON"),
        pytest.param("Authorization: abc", "Authorization: ***", id="a header"),
        pytest.param("Bearer abcdefgh12", "Bearer ***", id="a bearer"),
        pytest.param("xoxb-12345678-ab is it", "*** is it", id="a token of Slack"),
        pytest.param("ghp_abcdefghijklmnop1", "***", id="a token of GitHub"),
        pytest.param("AKIAABCDEFGHIJKLMNOP", "***", id="a key of AWS"),
        pytest.param(JWT, "***", id="a JSON web token"),
        pytest.param("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END", "***", id="a private key"),
        pytest.param("max_tokens: 5, keys=3", "max_tokens: 5, keys=3", id="no secret"),
        pytest.param("10%\r20%\r\n", "10%\n20%\n", id="a progress bar"),
        pytest.param("\x1b[2J\x00 \u202e\u200b", "\\x1b[2J\\x00 \\u202e\\u200b", id="controls"),
        pytest.param("Zürich\t25 °C", "Zürich\t25 °C", id="plain text"),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_a_secret_of_the_environment_is_hidden_wherever_it_stands() -> None:
    secrets = secrets_of(
        {"DB_PASSWORD": "correct horse", "KEY_FILE": "/run/key/file", "PWD": "/home/x"}
    )
    assert secrets == {"correct horse"}
    assert redacted("it is correct horses", secrets) == "it is ***s"


@pytest.mark.parametrize("text", ["a" * 128_000, "a@" * 64_000, "token " * 20_000, "-" * 128_000])
def test_no_text_takes_long(text: str) -> None:
    assert redacted(text)
