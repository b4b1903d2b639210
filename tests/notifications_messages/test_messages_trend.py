from __future__ import annotations

import datetime as dt
import io
import math
from dataclasses import replace

import pytest
from PIL import Image

from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.notifications import trend
from monitoring_dagster.notifications.message import Picture
from tests.notifications_messages import realistic

DAY = dt.date(2013, 11, 14)


def with_trend(*points: tuple[dt.date, float], **context: object) -> Incident:
    incident = realistic.performance()
    return replace(incident, context=replace(incident.context, trend=points, **context))


def drawn(incident: Incident) -> Picture:
    picture = trend.picture(incident)
    assert picture is not None
    return picture


def test_a_picture_has_the_same_bytes_every_time() -> None:
    assert drawn(realistic.performance()).png == drawn(realistic.performance()).png


def test_a_picture_is_960_by_360_and_holds_no_text_chunks() -> None:
    image = Image.open(io.BytesIO(drawn(realistic.performance()).png))
    assert image.size == (960, 360)
    assert "Software" not in image.info


def test_a_picture_is_described_for_those_who_cannot_see_it() -> None:
    picture = drawn(realistic.performance())
    assert picture.title == "roc_auc (area under the ROC curve, 0 to 1), 2–16 Nov 2013"
    assert picture.alternative == (
        "roc_auc (area under the ROC curve, 0 to 1) day by day, 2–16 Nov 2013: 0.439 on Sat 16 "
        "Nov 2013. The dashed line is its limit, 0.6. The days of the incident are shaded: "
        "14–16 Nov 2013."
    )


@pytest.mark.parametrize(
    "points",
    [(), ((DAY, math.nan),), ((DAY, math.inf), (DAY, -math.inf))],
    ids=["no days", "no value", "no finite value"],
)
def test_there_is_no_picture_of_nothing(points: tuple[tuple[dt.date, float], ...]) -> None:
    assert trend.picture(with_trend(*points)) is None


@pytest.mark.parametrize(
    "values",
    [[0.5], [0.5, 0.5], [math.nan, 1.0, math.nan], [1e99, -1e99], [5e-324, 0.0], [1e308, 1.0]],
    ids=["one day", "constant", "gaps", "huge", "tiny", "too large for an axis"],
)
def test_whatever_was_measured_can_be_drawn(values: list[float]) -> None:
    points = [(DAY + dt.timedelta(days=i), value) for i, value in enumerate(values)]
    for limit in (None, 0.5, math.nan, 1e308):
        assert drawn(with_trend(*points, trend_limit=limit)).png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "points",
    [
        ((dt.date.min, 1.0), (dt.date.max, 2.0)),
        ((dt.date(1990, 1, 1), 1.0),),
        ((dt.date(2050, 1, 1), 1.0), (dt.date(2049, 1, 1), 2.0)),
    ],
    ids=["all of the calendar", "before the incident", "after it, in no order"],
)
def test_any_days_can_be_drawn(points: tuple[tuple[dt.date, float], ...]) -> None:
    assert drawn(with_trend(*points)).png


@pytest.mark.parametrize(
    "text", ["$\\frac{1}{2}$", "$\\undefined$", "$", "漢字 🎉", "\x00\n\u202e", "x" * 10_000, ""]
)
def test_names_are_drawn_as_they_are(text: str) -> None:
    points = [(DAY, 1.0), (DAY + dt.timedelta(days=1), 2.0)]
    picture = drawn(replace(with_trend(*points, trend_of=text), title=text, monitor=text))
    assert picture.png
    assert len(picture.title) <= 150


def test_nothing_of_matplotlib_is_changed_for_others() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    drawn(realistic.drift())
    assert dict(mpl.rcParams) == before
