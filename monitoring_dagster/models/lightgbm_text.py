"""A booster's text, read far enough to know that every number of it leads to something that exists.

LightGBM's compiled code follows feature, node and category numbers without looking, as
scikit-learn's does (`trees`). The model itself is read by LightGBM alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.errors import ModelRefused

PROBABILITIES = ("binary", "cross_entropy")
CLASSES = ("multiclass", "multiclassova")
NUMBERS = (
    "regression",
    "regression_l1",
    "huber",
    "fair",
    "poisson",
    "quantile",
    "mape",
    "gamma",
    "tweedie",
)

_PANDAS = "pandas_categorical:"
_CATEGORICAL = re.compile(r"^\[categorical_feature: ([\d,]*)\]$", re.MULTILINE)


@dataclass(frozen=True)
class Booster:
    """What the text says of the model.

    Args:
        features: names of the inputs, in order.
        classes: how many it tells apart; 0 for a regression.
        categories: the values that stand for 0, 1, ... of each input that pandas held as
            categories.
    """

    features: Sequence[str]
    classes: int
    categories: Mapping[str, Sequence[Any]]


def check(text: str) -> Booster:
    """Read what is to be known of a booster before LightGBM is asked.

    Args:
        text: as `Booster.save_model` writes it.

    Raises:
        ModelRefused: it is no such text, leads to what is not there, or gives neither
            probabilities nor predictions.
    """
    try:
        return _checked(text)
    except (ValueError, KeyError, IndexError, RecursionError) as error:
        raise ModelRefused(
            "it is no text of a LightGBM booster whose numbers lead to features, nodes and "
            f"categories that it has ({error}): the file is damaged or crafted; store it anew "
            "with Booster.save_model or mlflow.lightgbm.log_model"
        ) from error


def _checked(text: str) -> Booster:
    first, blocks, rest = _parts(text)
    head = _values(first)
    features = head["feature_names"].split()
    _need(int(head["max_feature_idx"]) == len(features) - 1, "another number of features")
    _need(len(set(features)) == len(features), "two features of one name")
    infos = head["feature_infos"].split()
    _need(len(infos) == len(features), "a feature without its range")
    columns = int(head["num_class"])
    _need(columns == int(head["num_tree_per_iteration"]) >= 1, "trees of other classes")
    _need(len(blocks) > 0 and len(blocks) % columns == 0, "a class without its tree")
    sizes = [int(size) for size in head["tree_sizes"].split()]
    _need(sizes == [len(block.encode()) for block in blocks], "trees of other sizes")
    for block in blocks:
        _check_tree(_values(block), len(features))
    classes = _classes(head.get("objective", ""), columns)
    return Booster(features, classes, _categories(rest, features, infos))


def _parts(text: str) -> tuple[str, list[str], str]:
    """What precedes the trees, each tree, and what follows them."""
    _need(text.startswith("tree\n"), "another beginning")
    starts = [match.start() for match in re.finditer(r"^Tree=", text, re.MULTILINE)]
    end = text.find("\nend of trees\n") + 1
    _need(bool(starts) and end > starts[-1], "no trees or no end of them")
    blocks = [text[here:there] for here, there in pairwise([*starts, end])]
    return text[: starts[0]], blocks, text[end:]


def _values(block: str) -> dict[str, str]:
    pairs = [line.split("=", 1) for line in block.split("\n") if "=" in line]
    values = dict(pairs)
    # LightGBM may take the other one of two.
    _need(len(values) == len(pairs), "a line that is there twice")
    return values


def _check_tree(tree: Mapping[str, str], features: int) -> None:
    leaves = int(tree["num_leaves"])
    _need(leaves >= 1 and len(tree["leaf_value"].split()) == leaves, "a leaf without its value")
    if leaves > 1:
        _check_splits(tree, leaves, features)
    if int(tree.get("is_linear", "0")):
        _check_linear(tree, leaves, features)


def _check_splits(tree: Mapping[str, str], leaves: int, features: int) -> None:
    inner = leaves - 1
    chosen, kind = _numbers(tree, "split_feature", inner), _numbers(tree, "decision_type", inner)
    _need(bool(((chosen >= 0) & (chosen < features)).all()), "no such feature")
    at = np.arange(inner)
    for side in ("left_child", "right_child"):
        child = _numbers(tree, side, inner)
        # A node is written after its parent, so no way leads in a circle; ~n is leaf n.
        is_node = (child > at) & (child < inner)
        _need(bool((is_node | ((child < 0) & (~child < leaves))).all()), "no such node")
    thresholds = tree["threshold"].split()
    _need(len(thresholds) == inner, "a node without its threshold")
    tables = int(tree["num_cat"])
    _need(0 <= tables <= inner, "more tables of categories than nodes")
    used = [float(thresholds[place]) for place in np.flatnonzero(kind & 1)]
    _need(all(0 <= one < tables for one in used), "no such categories")
    if tables:
        borders = _numbers(tree, "cat_boundaries", tables + 1)
        words = len(tree["cat_threshold"].split())
        is_sound = borders[0] == 0 and borders[-1] == words and bool((np.diff(borders) >= 0).all())
        _need(is_sound, "no such categories")


def _check_linear(tree: Mapping[str, str], leaves: int, features: int) -> None:
    counts = _numbers(tree, "num_features", leaves)
    total = int(counts.sum())
    chosen = _numbers(tree, "leaf_features", total)
    is_known = bool((counts >= 0).all() and ((chosen >= 0) & (chosen < features)).all())
    _need(is_known, "no such feature")
    _need(len(tree["leaf_coeff"].split()) == total, "a feature without its coefficient")
    _need(len(tree["leaf_const"].split()) == leaves, "a leaf without its value")


def _numbers(tree: Mapping[str, str], name: str, length: int) -> NDArray[np.int64]:
    found = np.array([int(word) for word in tree[name].split()], dtype=np.int64)
    _need(len(found) == length, f"{name} of another length")
    return found


def _classes(objective: str, columns: int) -> int:
    name, *settings = objective.split()
    if name in CLASSES:
        _need(f"num_class:{columns}" in settings, "trees of other classes")
        return columns
    _need(columns == 1, "trees of other classes")
    if name in PROBABILITIES:
        return 2
    if name in NUMBERS:
        return 0
    known = ", ".join((*PROBABILITIES, *CLASSES, *NUMBERS))
    raise ModelRefused(
        f"its objective is {name!r}, whose answers are neither probabilities nor predictions; "
        f"train it with one of {known}"
    )


def _categories(
    rest: str, features: Sequence[str], infos: Sequence[str]
) -> dict[str, Sequence[Any]]:
    """Which inputs pandas held as categories, and as which."""
    at = rest.rfind(_PANDAS)
    lists = json.loads(rest[at + len(_PANDAS) :].strip() or "null") if at >= 0 else None
    if not lists:
        return {}
    _need(isinstance(lists, list) and all(isinstance(one, list) for one in lists), "odd categories")
    match = _CATEGORICAL.search(rest)
    places = [int(place) for place in match[1].split(",") if place] if match else []
    if len(places) != len(lists):
        # Without its parameters the text still shows categories as 1:2:3 instead of [1:3].
        places = [place for place, info in enumerate(infos) if re.fullmatch(r"-?\d+(:\d+)+", info)]
    if len(places) != len(lists):
        raise ModelRefused(
            f"it has categories of {len(lists)} columns and does not say of which; train it with "
            "categorical_feature, or without columns that are constant"
        )
    return {features[place]: values for place, values in zip(places, lists, strict=True)}


def _need(is_so: bool, told: str) -> None:
    if not is_so:
        raise ValueError(told)
