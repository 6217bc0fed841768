"""What a person sees at the end of a command on a terminal: tables of trials and of the catalogue."""

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from job.records.dataset import Dataset
from job.records.results import Results


def print_summary(results: Results, uri: str) -> None:
    """Print the trials, the winner, its test scores and where the results lie."""
    console = Console(highlight=False)
    table = Table(box=SIMPLE, padding=0)
    for column in ("trial", "status", results.settings["objective"], "optimizer"):
        table.add_column(column, no_wrap=True)
    for column in ("learning rate", "momentum", "weight decay"):
        table.add_column(column, justify="right", no_wrap=True)
    for trial in results.trials:
        table.add_row(
            str(trial.number),
            trial.status,
            "" if trial.value is None else f"{trial.value:.4f}",
            str(trial.params["optimizer"]),
            f"{trial.params['learning_rate']:.2g}",
            f"{trial.params['momentum']:.2f}",
            f"{trial.params['weight_decay']:.2g}",
            style="bold green" if trial.number == results.best.trial else None,
        )
    console.print(table)
    _print_warnings(console, results.dataset)
    best, test, (low, high) = results.best, results.test, results.test.accuracy_ci95
    seeds = next((len(final.values) for final in results.finals if final.trial == best.trial), 0)
    chosen = f", with a mean of {best.value:.4f} over {seeds} other seeds" if best.repetition is not None else ""
    photos = sum(row.support for row in test.per_class)
    console.print(
        f"Trial {best.trial} won{chosen}. On {photos} test photos that nothing else in this run saw: accuracy "
        f"{test.accuracy:.3f} (95 % interval {low:.3f} to {high:.3f}), macro F1 {test.macro_f1:.3f}."
    )
    console.print(f"Results: {uri}", soft_wrap=True)
    console.print(f"Page: {uri.removesuffix('results.json')}report.html", soft_wrap=True)


def in_a_sentence(results: Results, uri: str) -> str:
    """Return how a run ended, its winner's test accuracy and where the results lie."""
    low, high = results.test.accuracy_ci95
    return (
        f"{results.status}: {len(results.trials)} trials, trial {results.best.trial} won, test accuracy "
        f"{results.test.accuracy:.3f} (95 % interval {low:.3f} to {high:.3f}); {uri}"
    )


def print_check(dataset: Dataset) -> None:
    """Print what the catalogue holds and what was left out."""
    console = Console(highlight=False)
    table = Table(box=SIMPLE, title=f"{dataset.images} photos of {len(dataset.classes)} classes")
    table.add_column("class")
    for column in ("train", "validation", "test"):
        table.add_column(column, justify="right")
    for row in sorted(dataset.classes, key=lambda row: -row.train):
        table.add_row(Text(row.name), str(row.train), str(row.validation), str(row.test))
    console.print(table)
    repeated = f"{len(dataset.repeated)} rows twice, " if dataset.repeated else ""
    console.print(
        f"{dataset.rows} rows, {repeated}{len(dataset.repaired)} names repaired, {len(dataset.quarantined)} ids left "
        f"out, {dataset.duplicate_groups} groups of identical photos, none across the split."
    )
    _print_warnings(console, dataset)


def _print_warnings(console: Console, dataset: Dataset) -> None:
    for sentence in dataset.warnings():
        console.print(sentence, style="yellow", markup=False)
