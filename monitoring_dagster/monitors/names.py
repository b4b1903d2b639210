"""What the names of columns usually mean, for drafting a document.

Only lists of words; what follows from them is `guesses`.
"""

from __future__ import annotations

from monitoring_dagster.monitors.vocabulary import Role


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PERSON_WORDS = _words(
    "email mail phone mobile telephone surname firstname lastname fullname address street iban "
    "ssn passport ip"
)
PERSON_NAMES = _words("first_name last_name full_name customer_name user_name")
SENSITIVE_WORDS = _words(
    "age gender sex race ethnicity religion nationality citizenship marital disability"
)
QUASI_WORDS = _words(
    "zip zipcode postcode postal birth birthday birthdate dob city lat lon latitude longitude"
)
ID_WORDS = _words("id uuid guid key number no")
REQUEST_WORDS = _words(
    "prediction request event application transaction order session impression score row"
)
LATENCY_WORDS = _words("latency elapsed response")
SCORE_WORDS = _words("score prob proba probability")
POSITIVE_WORDS = _words("1 true yes y t positive default defaulted bad churn fraud late")

SCORED_AT = (
    "scored_at", "predicted_at", "requested_at", "event_time", "event_timestamp", "timestamp",
    "ts", "occurred_at", "logged_at", "created_at", "time", "datetime", "date", "day",
)  # fmt: skip
"""Names of the time of scoring, the clearest first."""

KNOWN_AT = _words(
    "known_at label_at labelled_at labeled_at label_time outcome_at outcome_time observed_at "
    "resolved_at arrived_at"
)
"""Names of the time at which a label became known."""

ROLES: tuple[tuple[Role, frozenset[str]], ...] = (
    (
        Role.LABEL,
        _words(
            "label target y actual outcome ground_truth truth y_true default defaulted churn "
            "churned click clicked converted conversion fraud is_fraud is_late failed failure rul"
        ),
    ),
    (Role.SCORE, _words("score prob probability proba y_score y_proba p risk")),
    (Role.PREDICTION, _words("prediction predicted pred y_pred y_hat yhat decision forecast")),
    (Role.MODEL_VERSION, _words("model_version version model")),
    (Role.VARIANT, _words("variant arm treatment experiment ab_group experiment_group bucket")),
    (Role.STATUS, _words("status status_code http_status response_code")),
    (Role.WEIGHT, _words("weight sample_weight")),
)
"""Whole names that say the role."""

BEGINNINGS = {
    Role.LABEL: ("actual_", "true_", "observed_"),
    Role.PREDICTION: ("predicted_", "pred_", "forecast_", "will_"),
}
"""Beginnings of names that suggest the role, where no whole name says it."""
