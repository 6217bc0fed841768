"""The objective: which way is better, and which of an epoch's scores it is."""


def sense(objective: str) -> int:
    """Return 1 for an objective that is minimised, which log_loss is, and -1 for one that is maximised."""
    return 1 if objective == "log_loss" else -1


def score_name(objective: str) -> str:
    """Return which of an epoch's scores the objective names."""
    return "validation_loss" if objective == "log_loss" else objective


def better(value: float, than: float | None, objective: str) -> bool:
    """Return whether a value of the objective beats another; any value beats None, and equal ones do not."""
    return than is None or sense(objective) * value < sense(objective) * than
