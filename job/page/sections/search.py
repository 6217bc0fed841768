"""Section: what the search did, trial after trial."""

from collections import Counter

from job.page.blocks import Cell, figure, folded, paragraph, section, table
from job.page.figures.every import BEST_VALUE, CURVES, PARALLEL, SAMPLED
from job.page.markup import Markup
from job.page.view import View
from job.records.prior import WarmStart
from job.words import NONE, PARAMETERS, count, duration, listed, parameter

_SPLITTING = {"target_column", "min_class_images", "max_images", "validation_fraction", "test_fraction", "seed"}
"""Settings that decide which photos are in the test part."""


def search(view: View) -> Markup:
    """Return the page's third answer."""
    if not view.trials:
        return section("search", "What did the search do?", paragraph("No trial has ended yet."))
    statuses = Counter(trial.status for trial in view.trials)
    told = listed([f"{number} {status}" for status, number in statuses.items()])
    settings = view.run.settings
    design = min(view.n_initial, len(view.trials))
    lead = paragraph(
        f"{count(len(view.trials), 'trial')}: {told}. The first {design} are a space-filling design; those after it "
        f"were suggested by a Gaussian process with the acquisition function {settings.get('acquisition', 'EI')}, "
        f"comparing trials by validation {view.objective_name}.{_pruned(view)}"
    )
    prior = paragraph(_prior(view)) if view.run.warm_start else Markup()
    drawn = [figure(view, each) for each in (BEST_VALUE, PARALLEL, SAMPLED, CURVES)]
    return section("search", "What did the search do?", lead, prior, *drawn, _all_trials(view))


def _pruned(view: View) -> str:
    """Say why trials were stopped early, where some were, and what that has saved."""
    pruned = [trial for trial in view.trials if trial.status == "pruned"]
    if not pruned:
        return ""
    settings = view.run.settings
    rules = {"halving": "not among the best third", "median": "behind the median"}
    rule = rules.get(str(settings.get("pruner")), "behind")
    saved = len(pruned) * settings["epochs"] - sum(len(trial.epochs) for trial in pruned)
    were = "was" if len(pruned) == 1 else "were"
    return (
        f" {count(len(pruned), 'trial')} {were} stopped early, {rule} of those before, which saved {saved} of "
        f"{len(view.trials) * settings['epochs']} epochs."
    )


def _prior(view: View) -> str:
    """Say which trials of earlier runs the process was told, and what is other there."""
    runs = view.run.warm_start
    trials = count(sum(earlier.trials for earlier in runs), "trial")
    told = listed([f"{earlier.trials} of {earlier.uri} ({_unlike(earlier)})" for earlier in runs])
    words = f"The process was also told {trials} of {count(len(runs), 'earlier run')}: {told}."
    if all(earlier.same_data and _SPLITTING.isdisjoint(earlier.differs) for earlier in runs):
        return words
    return f"{words} Photos of the test part may have been among those that scored them."


def _unlike(earlier: WarmStart) -> str:
    left_out = f"{earlier.left_out:,} left out, " if earlier.left_out else ""
    data = "same data" if earlier.same_data else "other data"
    return f"{left_out}{data}, {f'other {listed(earlier.differs)}' if earlier.differs else 'same settings'}"


def _all_trials(view: View) -> Markup:
    names = list(view.trials[0].params)
    columns = ["trial", "status", view.objective_name, "best epoch", "epochs", *(PARAMETERS.get(n, n) for n in names)]
    rows: list[list[Cell]] = []
    marked = None
    for trial in view.trials:
        if trial is view.winner:
            marked = len(rows)
        value = NONE if trial.value is None else view.score(trial.value)
        epoch = NONE if trial.best_epoch is None else str(trial.best_epoch)
        status = trial.status if trial.error is None else f"{trial.status}: {trial.error}"
        params = [parameter(trial.params[name]) if name in trial.params else NONE for name in names]
        rows.append(
            [str(trial.number), status, value, epoch, str(len(trial.epochs)), *params, duration(trial.timing.total)]
        )
    strings = {index for index, name in enumerate(names) if isinstance(view.trials[0].params[name], str)}
    numbers = [2, 3, 4, *(5 + index for index in range(len(names)) if index not in strings), 5 + len(names)]
    shown = table("All trials", [*columns, "time"], rows, numbers=numbers, marked=marked)
    return folded(f"Table of all {count(len(view.trials), 'trial')}", shown)
