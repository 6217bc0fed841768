"""Section: what the search did, trial after trial."""

from collections import Counter

from job.report.blocks import Cell, figure, folded, paragraph, section, table
from job.report.figures.every import BEST_VALUE, CURVES, PARALLEL, SAMPLED
from job.report.markup import Markup
from job.report.view import View
from job.report.words import NONE, PARAMETERS, count, duration, listed, parameter


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
        f"comparing trials by validation {view.objective_name}."
    )
    drawn = [figure(view, each) for each in (BEST_VALUE, PARALLEL, SAMPLED, CURVES)]
    return section("search", "What did the search do?", lead, *drawn, _all_trials(view))


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
