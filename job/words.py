"""Numbers, times and names as a person reads them; one way to write each, on the page and in its figures."""

import math
from datetime import datetime

NBSP = "\xa0"
NONE = "\u2013"
"""A dash, in place of a missing value."""

OBJECTIVES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
}
PARAMETERS = {
    "learning_rate": "learning rate",
    "momentum": "momentum",
    "weight_decay": "weight decay",
    "optimizer": "optimizer",
}

_PERCENT = {"accuracy", "balanced_accuracy"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def score(value: float, objective: str) -> str:
    """Return a value of an objective: accuracies as a percentage, other scores with three digits."""
    return percent(value) if objective in _PERCENT else significant(value)


def deviation(value: float, objective: str) -> str:
    """Return a standard deviation of an objective's values, with two digits."""
    return percent(value) if objective in _PERCENT else significant(value, 2)


def percent(share: float, digits: int = 1) -> str:
    """Return a share, 0 to 1, as a percentage."""
    return f"{100 * share:.{digits}f}{NBSP}%"


def significant(value: float, digits: int = 3) -> str:
    """Return a number with so many significant digits, as a power of ten if it would be long."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -5 <= exponent < 6:  # noqa: PLR2004 -- as many zeros as a person counts
        places = max(digits - 1 - exponent, 0)
        text = f"{value:.{places}f}"
        return _minus(text.rstrip("0").rstrip(".") if "." in text else text)
    mantissa = f"{value / 10**exponent:.{digits - 1}f}".rstrip("0").rstrip(".")
    power = f"10{str(exponent).translate(_SUPERSCRIPTS)}"
    return power if mantissa == "1" else _minus(f"{mantissa}{NBSP}·{NBSP}{power}")


def parameter(value: float | str) -> str:
    """Return a hyperparameter's value."""
    return value if isinstance(value, str) else significant(value)


def count(number: int, thing: str, things: str | None = None) -> str:
    """Return a number of things, such as `1 trial` or `1,234 photos`."""
    return f"{number:,}{NBSP}{thing if number == 1 else things or f'{thing}s'}"


def duration(seconds: float) -> str:
    """Return a time in its two largest units."""
    if seconds < 10:  # noqa: PLR2004 -- tenths matter below
        return f"{seconds:.1f}{NBSP}s"
    whole = round(seconds)
    for unit, name, smaller, small in ((_DAY, "d", _HOUR, "h"), (_HOUR, "h", _MINUTE, "min"), (_MINUTE, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // smaller
            return f"{whole // unit}{NBSP}{name}" + (f" {rest}{NBSP}{small}" if rest else "")
    return f"{whole}{NBSP}s"


def moment(time: datetime) -> str:
    """Return a point in time, to the minute, with its zone's name."""
    return f"{time:%Y-%m-%d %H:%M} {time.tzname() or ''}".strip()


def listed(names: list[str]) -> str:
    """Return names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def _minus(number: str) -> str:
    return number.replace("-", "−")  # noqa: RUF001 -- a true minus sign
