"""The names of the metrics, and which way each is better; free of heavy imports."""

CLASSIFICATION = (
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "precision_macro",
    "recall_macro",
    "f1_weighted",
    "precision_weighted",
    "recall_weighted",
    "log_loss",
    "roc_auc",
    "pr_auc",
    "brier",
    "ece",
)
REGRESSION = ("rmse", "mae", "r2", "mape")
METRICS = CLASSIFICATION + REGRESSION
OF_TASK = {
    "tabular": CLASSIFICATION,
    "tabular-regression": REGRESSION,
    "image": CLASSIFICATION,
}
USUAL = {"tabular": "accuracy", "tabular-regression": "rmse", "image": "accuracy"}
"""What a candidate and the champion are compared by where nothing else is said."""
IN_UNITS = frozenset({"rmse", "mae"})
"""Those that have the unit of the target."""
SHARES = frozenset(CLASSIFICATION) - {"log_loss", "brier"}
"""Those that lie from 0 to 1, so that two of them differ by 1 at most."""
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece", "rmse", "mae", "mape"})
