"""What is dangerous or doubtful in YAML is refused before anything is built from it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from monitoring_dagster.monitors.document import MAX_BYTES, MAX_DEPTH, parse

Edit = Callable[[str, str], str]
Refusals = Callable[[str], list[str]]

REFUSED = [
    pytest.param(
        "  threshold: 0.5",
        "  threshold: 0.5\n  threshold: 0.9",
        "9: model.threshold: is given twice, first in line 8; keep one",
        id="a key given twice",
    ),
    pytest.param(
        "task: binary",
        "task: &kind binary",
        "7: model.task: &kind is an anchor; write the value out instead",
        id="an anchor",
    ),
    pytest.param(
        "task: binary",
        "task: *kind",
        "7: model.task: *kind is an alias; write the value out instead",
        id="an alias",
    ),
    pytest.param(
        "model:\n",
        "model: &self\n  uri: *self\n",
        "6: model: &self is an anchor; write the value out instead\n"
        "7: model.uri: *self is an alias; write the value out instead",
        id="a section that holds itself",
    ),
    pytest.param(
        "task: binary",
        "task: !!python/object/apply:os.system [echo]",
        "7: model.task: has the tag 'tag:yaml.org,2002:python/object/apply:os.system'; "
        "tags are not read, leave it out",
        id="a tag that would run a command",
    ),
    pytest.param(
        "owner: team:retention",
        "owner: !!str team:retention",
        "4: owner: has the tag 'tag:yaml.org,2002:str'; tags are not read, leave it out",
        id="a harmless tag",
    ),
    pytest.param(
        "  plan: {role: feature, type: category}",
        "  2026-01-01: {role: feature, type: category}\n  1: {role: feature, type: category}\n"
        "  plan: {role: feature, type: category}",
        "29: columns.1: the key 1 is not text; quote it",
        id="a number as a key",
    ),
    pytest.param(
        "  plan: {role: feature, type: category}",
        "  ? [plan]\n  : {role: feature, type: category}",
        "28: columns: has a list, a section or an alias as a key; use text",
        id="a list as a key",
    ),
    pytest.param(
        "name: churn",
        'name: "churn\\0"',
        "3: name: holds a control character or half a character; leave it out",
        id="a NUL, which databases refuse",
    ),
    pytest.param(
        "name: churn",
        'name: "churn\\ud800"',
        "3: name: holds a control character or half a character; leave it out",
        id="half a surrogate pair",
    ),
    pytest.param(
        "threshold: 0.5",
        f"threshold: {'9' * 5000}",
        "8: model.threshold: is longer than 300 digits",
        id="a number of 5,000 digits",
    ),
    pytest.param(
        "EUR\n",
        "EUR\n---\nname: other\n",
        "54: holds several documents, required is one",
        id="several documents",
    ),
    pytest.param(
        "# Which customers will leave within the month?",
        "%YAML 1.1\n---",
        "1: has a % directive; leave it out",
        id="another version of YAML",
    ),
    pytest.param(
        "name: churn",
        "name:\tchurn\n bad",
        "3: is not YAML: found character '\\t' that cannot start any token",
        id="a tab where none may be",
    ),
    pytest.param(
        "columns: [plan]",
        "columns: [plan",
        "40: is not YAML: expected ',' or ']', but got ':'",
        id="a bracket that is not closed",
    ),
    pytest.param(
        "name: churn",
        f"name: {'[' * 20_000}",
        f"3: name[0][0]: is nested deeper than {MAX_DEPTH} levels",
        id="20,000 levels",
    ),
]


@pytest.mark.parametrize(("old", "new", "messages"), REFUSED)
def test_doubtful_yaml_is_refused(
    old: str, new: str, messages: str, edited: Edit, refusals: Refusals
) -> None:
    assert refusals(edited(old, new)) == [f"churn.yaml:{m}" for m in messages.split("\n")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "x.yaml:1: is empty, required is", id="an empty file"),
        pytest.param(b"# nothing\n", "x.yaml:1: is empty, required is", id="only a comment"),
        pytest.param(
            b"- 1\n", "x.yaml:1: holds a list of 1, required are keys and their values", id="a list"
        ),
        pytest.param(
            b"a: 1\nb: \xff\n", "x.yaml:2: byte 0xff is not UTF-8; save the file", id="not UTF-8"
        ),
        pytest.param(
            b"a: 1\n" * (MAX_BYTES // 5 + 1),
            "x.yaml:1: is larger than 256 kB, the most that is read",
            id="too large",
        ),
        pytest.param(
            "a: \u0007\n".encode(), "x.yaml:1: is not YAML: it holds a control", id="a bell"
        ),
    ],
)
def test_a_file_that_is_no_document_is_refused(content: bytes, message: str) -> None:
    document = parse(content, "x.yaml")
    (problem,) = document.problems
    assert str(problem).startswith(message)
    assert not document.is_complete


def test_a_bomb_of_aliases_is_refused_without_being_walked() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    document = parse("\n".join(levels).encode(), "bomb.yaml")
    assert len(document.problems) == 9 + 8 * 9
    assert document.at(("a8",)) == [None] * 9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("1e-3", 0.001, id="a number without a point"),
        pytest.param("010", 10, id="a leading zero is not octal"),
        pytest.param("0o10", 8, id="octal says so"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("NO", "NO", id="Norway is not false"),
        pytest.param("yes", "yes", id="yes is not true"),
        pytest.param("12:30:45", "12:30:45", id="a time is not a number in base 60"),
        pytest.param("1_000", "1_000", id="underscores are text"),
        pytest.param("2013-03-01", "2013-03-01", id="dates are text until the contract asks"),
        pytest.param("True", True, id="true"),
        pytest.param("~", None, id="nothing"),
        pytest.param("-.inf", float("-inf"), id="infinity"),
        pytest.param("'1'", "1", id="quoted"),
    ],
)
def test_plain_values_are_read_by_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    read = parse(f"a: {text}".encode(), "x.yaml").at(("a",))
    assert read == value
    assert type(read) is type(value)


@given(
    st.one_of(
        st.integers().map(str),
        st.floats(allow_nan=False).map(lambda x: f"{x:.17g}" if abs(x) < 1e300 else "1.5"),
        st.sampled_from(["true", "FALSE", "null", "~", "Yes", "off", ".5", "5.", "+3", "0o17"]),
    )
)
@settings(max_examples=200, deadline=None)
def test_plain_values_are_read_as_ruamel_reads_them(text: str) -> None:
    yaml = YAML(typ="safe", pure=True)
    assert parse(f"a: {text}".encode(), "x.yaml").at(("a",)) == yaml.load(f"a: {text}")["a"]


@given(st.text(alphabet=st.sampled_from("abc:-[]{}#&*!|>'\"%@,? \n\t0\\"), max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_the_reader_raise(text: str) -> None:
    document = parse(text.encode(), "x.yaml")
    assert document.is_complete or document.problems


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_the_reader_raise(content: bytes) -> None:
    document = parse(content, "x.yaml")
    assert document.is_complete or document.problems
