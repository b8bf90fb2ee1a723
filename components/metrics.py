"""The names of the metrics, and which way each is better; free of heavy imports."""

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
    "precision_macro",
    "recall_macro",
    "log_loss",
    "roc_auc",
)
LOWER_IS_BETTER = frozenset({"log_loss"})
