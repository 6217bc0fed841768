"""What an objective is: which way is better, and where an epoch says it."""


def sense(objective: str) -> int:
    """Return 1 for an objective that is minimised, which log_loss is, and -1 for one that is maximised."""
    return 1 if objective == "log_loss" else -1


def score_name(objective: str) -> str:
    """Return which of an epoch's scores the objective names."""
    return "validation_loss" if objective == "log_loss" else objective
