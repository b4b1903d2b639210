"""Estimation error: the estimate less what was realised, once the labels are final."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitoring_dagster.metrics.estimated.names import ADAPTED, ERROR, PLAIN
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Status

FINAL = "final"


def errors(estimates: Sequence[Measurement], realised: Sequence[Measurement]) -> list[Measurement]:
    """`estimation_error` of every estimate whose metric has final labels.

    Its column is `@` and the estimate's name, such as `@estimated_roc_auc`. The interval is that
    of the realised metric, seen from the estimate: where it leaves out zero, the estimate missed
    by more than labels vary by. Where either side has no value, the error has none, for the same
    reason.

    Args:
        estimates: what `measure` returned for the day.
        realised: the performance of the same day.
    """
    known = {
        (m.metric, m.column, m.segment, m.model_version): m for m in realised if m.maturity == FINAL
    }
    return list(_errors(estimates, known))


def _errors(
    estimates: Sequence[Measurement], known: dict[tuple[str, str, str, str], Measurement]
) -> Iterator[Measurement]:
    for guess in estimates:
        prefix = next((p for p in (PLAIN, ADAPTED) if guess.metric.startswith(p)), None)
        if prefix is None:
            continue
        metric = guess.metric.removeprefix(prefix)
        truth = known.get((metric, guess.column, guess.segment, guess.model_version))
        if truth is not None:
            yield Measurement(
                ERROR,
                _missed(guess.estimate, truth.estimate),
                column=f"@{guess.metric}",
                segment=guess.segment,
                model_version=guess.model_version,
                coverage=truth.coverage,
                maturity=truth.maturity,
            )


def _missed(guess: Estimate, truth: Estimate) -> Estimate:
    for side in (guess, truth):
        if side.status is not Status.OK:
            return Estimate.without(side.status, side.reason, side.detail, side.n)
    return Estimate(
        guess.value - truth.value,
        guess.value - truth.ci_high,
        guess.value - truth.ci_low,
        truth.n,
    )
