"""The documented tables: their columns, and the pages' own SQL on both databases."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitoring_dagster import stored
from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Subject, Verdict
from monitoring_dagster.store import Store
from monitoring_dagster.store.tables import detector_state, measurement, new_normal, verdict
from monitoring_dagster.store.tables import evaluation as evaluation_table
from tests.store.builders import DAY, evaluation, row

DOCS = Path(__file__).parents[2] / "docs"
PAGE, VERDICTS = DOCS / "measurements.md", DOCS / "verdicts.md"


def examples(page: Path) -> list[str]:
    return re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def answers(store: Store, page: Path) -> list[list[tuple[object, ...]]]:
    """What a page's examples answer."""

    def asked(connection: sa.Connection) -> list[list[tuple[object, ...]]]:
        return [[tuple(r) for r in connection.execute(sa.text(e))] for e in examples(page)]

    return store.read(asked)


@pytest.mark.parametrize(
    ("page", "table"), [(PAGE, measurement), (VERDICTS, verdict)], ids=["measurements", "verdicts"]
)
def test_the_page_describes_every_column_in_order(page: Path, table: sa.Table) -> None:
    text = page.read_text(encoding="utf-8").split("## What a row says", 1)[1].split("\n## ", 1)[0]
    cells = re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(cells)) == table.c.keys()


@pytest.mark.parametrize(
    ("page", "table"),
    [(PAGE, evaluation_table), (VERDICTS, detector_state), (VERDICTS, new_normal)],
    ids=["evaluation", "detector_state", "new_normal"],
)
def test_the_page_lists_the_columns_of_the_table_beside_it(page: Path, table: sa.Table) -> None:
    text = " ".join(page.read_text(encoding="utf-8").split())
    assert f"`{', '.join(table.c.keys())}`" in text


def test_the_page_names_the_key_of_a_verdict() -> None:
    text = " ".join(VERDICTS.read_text(encoding="utf-8").split())
    assert f"The key is `{', '.join(verdict.primary_key.columns.keys())}`" in text


def test_the_columns_are_those_that_were_promised() -> None:
    promised = (
        "monitor, model_version, day, metric, column, segment, value, value_state, ci_low, "
        "ci_high, reference_value, null_high, n, verdict, reason, config_hash, evaluation_id, "
        "revision, computed_at"
    )
    assert set(promised.split(", ")) <= set(measurement.c.keys())


def test_the_pages_examples_answer_their_questions(store: Store) -> None:
    auc = {"metric": "roc_auc", "column": "", "maturity": "final", "n": 500}
    for i in range(2):
        store.record(
            evaluation(day=DAY + dt.timedelta(days=i), stage="performance"),
            [
                row(**auc, value=0.75 - i / 8),
                row(**auc, value=0.5, segment="carrier=UA"),
                row(**auc, value=0.75, segment="carrier=AA"),
                row(**auc, value=None, segment="carrier=HA", status="no_data", reason="no_labels"),
            ],
        )
    drifted = [row("jensen_shannon", f"column_{i}", value=i / 16) for i in range(12)]
    store.record(evaluation("first"), drifted[:3])
    store.record(evaluation("second"), drifted)

    trend, top, missing, segments, again = answers(store, PAGE)
    assert [(str(day), value) for day, value, *_ in trend] == [
        ("2026-01-05", 0.75),
        ("2026-01-06", 0.625),
    ]
    assert [name for name, *_ in top] == [f"column_{i}" for i in range(11, 1, -1)]
    assert [(str(day), *rest) for day, *rest in missing] == [
        ("2026-01-05", "no_labels", 1, ""),
        ("2026-01-06", "no_labels", 1, ""),
    ]
    assert segments == [("carrier=UA", 0.5, 1000), ("carrier=AA", 0.75, 1000)]
    assert [(str(day), stage, revision) for day, stage, revision, *_ in again] == [
        ("2026-01-05", "drift", 2)
    ]


def drift(column: str, level: Level, reason: Reason, **numbers: float) -> Verdict:
    subject = Subject(Rule.DRIFT, "psi", column)
    return Verdict(subject, level, reason, f"{column}: {reason}", minimum_effect=0.3, **numbers)


def test_the_examples_of_verdicts_answer_their_questions(store: Store) -> None:
    error = Verdict(
        Subject(Rule.PERFORMANCE, "accuracy"), Level.CRITICAL, Reason.HARMFUL, "errors have risen"
    )
    elsewhere = Verdict(
        Subject(Rule.PERFORMANCE, "accuracy", segment="carrier=UA"),
        Level.CRITICAL,
        Reason.HARMFUL,
        "errors in carrier=UA have risen",
    )
    days = [
        [
            drift("distance", Level.WARN, Reason.LASTING, impact=0.01),
            drift("hour", Level.WARN, Reason.SUDDEN, impact=0.3),
            drift("temp", Level.NOT_ENOUGH_DATA, Reason.DAYS_DIFFER, smallest_effect=3.0),
            error,
            elsewhere,
        ],
        [
            drift("distance", Level.WARN, Reason.STILL_THERE, impact=0.01),
            drift("hour", Level.OK, Reason.WITHIN_NOISE, smallest_effect=0.1),
            drift("temp", Level.NOT_ENOUGH_DATA, Reason.DAYS_DIFFER, smallest_effect=2.0),
        ],
    ]
    for i, verdicts in enumerate(days):
        about = evaluation(day=DAY + dt.timedelta(days=i), stage="evaluation")
        rows = [stored.verdict_row(v) for v in verdicts]
        store.decide(
            "flights", lambda docket, about=about, rows=rows: docket.write(about, rows, "")
        )

    wrong, how_often, unseen = answers(store, VERDICTS)
    assert [(level, text) for level, _, _, _, text in wrong] == [
        ("critical", "errors have risen"),
        ("warn", "hour: sudden"),
        ("warn", "distance: lasting"),
    ]
    assert how_often == [("performance", 1, 0), ("drift", 0, 2)]
    assert unseen == [("temp", "days_differ", 2, 2.5, 0.3)]
