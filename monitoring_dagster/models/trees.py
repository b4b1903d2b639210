"""Trees of histogram gradient boosting whose every number leads to something that exists.

Their compiled code follows node, feature and category numbers without looking, so a crafted file
could make it read anywhere in memory. Which types are read at all is `trust`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from monitoring_dagster.errors import ModelRefused


def check(estimator: Any) -> None:
    """See that all trees below `estimator` stay inside themselves and their features.

    Raises:
        ModelRefused: one does not.
    """
    from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    owned: set[int] = set()
    loose: set[int] = set()
    for found in _everything(estimator):
        if isinstance(found, TreePredictor):
            loose.add(id(found))
        elif isinstance(found, BaseHistGradientBoosting):
            for predictor in _flat(getattr(found, "_predictors", [])):
                owned.add(id(predictor))
                if not _is_sound(predictor, _features(found)):
                    raise _refused()
    # A tree outside its model has no number of features to be checked against.
    if loose - owned:
        raise _refused()


def _refused() -> ModelRefused:
    return ModelRefused(
        "the model has a tree whose nodes lead to nodes, features or categories that it does not "
        "have: the file is damaged or crafted; store the model anew"
    )


def _features(model: Any) -> int:
    """The features that scikit-learn demands of rows before it asks the trees."""
    count = int(getattr(model, "n_features_in_", 0))
    mapper = getattr(model, "_bin_mapper", None)
    is_categorical = getattr(mapper, "is_categorical_", None)
    # The tables of categories are made from the mapper's own list of features.
    return count if is_categorical is None else min(count, len(is_categorical))


def _is_sound(predictor: Any, features: int) -> bool:
    nodes = predictor.nodes
    if not isinstance(nodes, np.ndarray) or nodes.ndim != 1 or not nodes.size:
        return False
    inner = nodes[nodes["is_leaf"] == 0]
    at = np.flatnonzero(nodes["is_leaf"] == 0)
    # Children lie behind their parent, as the grower writes them: no way leads in a circle.
    for side in ("left", "right"):
        children = inner[side].astype(np.int64)
        if not ((children > at) & (children < nodes.size)).all():
            return False
    chosen = inner["feature_idx"].astype(np.int64)
    by_category = inner[inner["is_categorical"] != 0]["bitset_idx"].astype(np.int64)
    bitsets = min(len(predictor.binned_left_cat_bitsets), len(predictor.raw_left_cat_bitsets))
    return bool(
        ((chosen >= 0) & (chosen < features)).all()
        and ((by_category >= 0) & (by_category < bitsets)).all()
    )


def _flat(predictors: Any) -> Iterator[Any]:
    for stage in predictors:
        yield from stage if isinstance(stage, (list, tuple)) else [stage]


def _everything(root: Any) -> Iterator[Any]:
    """Every object that `root` holds, itself included, each once."""
    waiting, seen = [root], set[int]()
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, (str, bytes, int, float, type(None))):
            continue
        seen.add(id(item))
        yield item
        waiting.extend(_parts(item))


def _parts(item: Any) -> list[Any]:
    held = list(getattr(item, "__dict__", {}).values())
    if isinstance(item, dict):
        held += [*item.keys(), *item.values()]
    elif isinstance(item, (list, tuple, set, frozenset)):
        held += list(item)
    elif isinstance(item, np.ndarray) and item.dtype == object:
        held += item.ravel().tolist()
    return held
