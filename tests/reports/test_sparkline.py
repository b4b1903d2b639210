from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

from monitoring_dagster.reports.sparkline import Picture, Point, trend

NAN = math.nan


def drawn(*points: Point, reference: float | None = None) -> ET.Element:
    return ET.fromstring(trend("roc_auc", points, reference))  # noqa: S314 - our own text


def lines(document: ET.Element) -> list[str]:
    return [e.attrib["points"] for e in document.iter() if e.tag.endswith("polyline")]


def test_a_day_without_a_value_leaves_a_gap() -> None:
    points = [Point(str(i), 0.7, 0.6, 0.8) for i in range(5)]
    points[2] = Point("2", NAN, NAN, NAN)
    assert [len(line.split()) for line in lines(drawn(*points))] == [2, 2]


def test_a_trend_without_any_value_says_so() -> None:
    assert "no values yet" in trend("roc_auc", [Point("d", NAN, NAN, NAN)])


def test_a_constant_trend_is_drawn_and_names_are_escaped() -> None:
    document = ET.fromstring(trend("<b>&", [Point("<d>", 1.0, NAN, NAN)]))  # noqa: S314 - our own
    assert lines(document)
    assert "<b>&" in "".join(document.itertext())


def test_the_reference_widens_the_scale_and_is_dashed() -> None:
    document = drawn(Point("a", 0.7, 0.6, 0.8), reference=0.2)
    assert [e for e in document.iter() if "stroke-dasharray" in e.attrib]


def test_a_name_beside_a_picture_is_neither_a_link_nor_a_picture_of_its_own() -> None:
    picture = Picture.of("<svg/>", "psi of x](https://evil.example/y.png) ![<b>\n# y")
    alternative, _, source = picture.removeprefix("![").rpartition("](")
    assert source == "data:image/svg+xml;base64,PHN2Zy8+)"
    unescaped = re.sub(r"\\[^\w\s]", "", alternative)
    assert not set(unescaped) & set("[]()<>!#`\n")
