"""The documented table: its columns, and the page's own SQL on both databases."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import sqlalchemy as sa

from monitoring_dagster.store import Store
from monitoring_dagster.store.tables import evaluation as evaluation_table
from monitoring_dagster.store.tables import measurement
from tests.store.builders import DAY, evaluation, row

PAGE = Path(__file__).parents[2] / "docs" / "measurements.md"


def examples() -> list[str]:
    return re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_page_describes_every_column_in_order() -> None:
    table = re.findall(r"^\| (`.*?) \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(table)) == measurement.c.keys()


def test_the_page_lists_the_columns_of_evaluation() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert f"`{', '.join(evaluation_table.c.keys())}`" in text


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

    def answers(connection: sa.Connection) -> list[list[tuple[object, ...]]]:
        return [[tuple(r) for r in connection.execute(sa.text(e))] for e in examples()]

    trend, top, missing, segments, again = store.read(answers)
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
