"""The page: whole from any records, harmless whatever they hold, and the same each time."""

import base64
import hashlib
import html
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from job.page.page import draw_page
from job.records.dataset import LostClass
from job.records.prior import WarmStart
from job.records.results import Importance, Progress, Results
from job.records.run import Replay
from job.records.status import DeviceUsed
from job.search.suggest import design_size
from tests.page.made import EARLIER, made_progress, made_results
from tests.page.workers import with_workers

ALL_FIGURES = (
    *("test_accuracy", "importance", "partial_dependence", "pair_dependence", "best_value", "parallel_coordinates"),
    *("sampled", "learning_curves", "class_recall", "confusion_matrix", "mistakes", "class_balance", "phases"),
    "attempts",
)
NO_VALUE = dict.fromkeys(range(12), "diverged") | {3: "failed"}


def text_of(page: bytes) -> str:
    """Return what stands on a page, without its markup and styles."""
    body = re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def figures_of(page: bytes) -> list[str]:
    return re.findall(r'<figure id="(\w+)"', page.decode())


def charts_of(page: bytes) -> dict[str, Any]:
    (data,) = re.findall(r'<script type="application/json" id="charts">(.*?)</script>', page.decode())
    return dict(json.loads(data))


def test_every_figure_is_there_in_the_order_of_the_questions() -> None:
    """A finished run has all figures, each with something drawn."""
    page = draw_page(made_results())
    assert tuple(figures_of(page)) == ALL_FIGURES
    charts = charts_of(page)["figures"]
    assert {name for name, panels in charts.items() if panels} == set(ALL_FIGURES) - {"mistakes"}
    for name, panels in charts.items():
        assert page.count(f'<div id="{name}-'.encode()) == len(panels)
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page.decode())
    assert [heading.split("?")[0][:12] for heading in headings] == [
        *("How good is ", "Which hyperp", "What did the", "Where does t", "What was in ", "How did the ")
    ]


def test_the_page_says_what_the_results_say() -> None:
    """Scores, interval, baseline, winner, reasons, cost and versions stand there in words."""
    results = made_results(30, 45, 10)
    words = text_of(draw_page(results))
    test = results.test
    low, high = test.accuracy_ci95
    assert f"{100 * test.accuracy:.1f} % of 4,514 test photos are named right" in words
    assert f"95 % interval {100 * low:.1f} % to {100 * high:.1f} %" in words
    assert "Always naming the largest class, Topwear, would be right for 51.2 %" in words
    assert f"Trial {results.best.trial} is best: learning rate" in words
    assert "functional ANOVA (Sobol' indices) of the Gaussian process fitted to all trials" in words.replace("F", "f")
    for reason in (
        "listed, but there is no such image",
        "row length, for instance: row of 7 fields",
    ):
        assert reason in words
    assert "653 groups, none across the split" in words
    assert "2.00, at 0.8 an hour" in words  # three attempts of 50 minutes
    assert "signal 15" in words
    assert "2.14.1" in words


def test_workers_are_shown_where_there_were_some() -> None:
    """A figure, how much of their time was used, and a table of who trained what; nothing of it otherwise."""
    results = made_results(12, 4, 3)
    assert "worker" not in text_of(draw_page(results))
    page = draw_page(with_workers(results, 3))
    assert [name for name in figures_of(page) if name not in ALL_FIGURES] == ["workers"]
    words = text_of(page)
    shared = with_workers(results, 3).run
    assert shared.efficiency is not None
    assert f"3 workers spent {100 * shared.efficiency:.0f} % of their time on recorded trials" in words
    assert "The rest went by between trials and attempts, and with work that was lost." in words
    (table,) = re.findall(r"<table>\n<caption>Who trained what.*?</table>", page.decode(), flags=re.DOTALL)
    assert table.count("<tr") == 1 + len(shared.timeline)
    assert "ray-worker-2 NVIDIA L4, bf16" in text_of(table.encode())
    alone = [work for work in shared.timeline if work.worker == 0 and work.outcome == "complete"]
    run = shared.model_copy(update={"timeline": alone, "attempts": shared.attempts[:1]})
    words = text_of(draw_page(results.model_copy(update={"run": run})))
    assert "1 worker spent" in words
    assert (
        "of its time on recorded trials , from the first start to the last end. The rest went by between trials."
        in words
    )
    assert "lost" not in words


@pytest.mark.parametrize("parallel", [1, 3, 9])
@pytest.mark.parametrize("earlier", [(), EARLIER])
def test_the_page_says_how_many_trials_were_of_the_design_and_at_a_time(
    parallel: int, earlier: Sequence[WarmStart]
) -> None:
    """The design is as large as the search has made it, which has a point for each trial at a time."""
    results = made_results(12, 4, 3, warm_start=earlier)
    settings = results.settings | {"parallel_trials": parallel}
    words = text_of(draw_page(results.model_copy(update={"settings": settings})))
    told = sum(run.trials for run in earlier)
    assert f"The first {design_size(settings['n_initial_trials'], told, parallel)} are the initial design" in words
    assert ("were trained at a time" in words) is ("trials at a time" in words) is (parallel > 1)


def test_the_page_says_that_the_first_trial_was_a_guess() -> None:
    """Runs that are older have none."""
    older = made_results(12, 4, 3)
    said = "are the initial design, which begins with a best guess; those after it"
    newer = older.model_copy(update={"guess_first": True, "best": older.best.model_copy(update={"trial": 0})})
    assert said in text_of(draw_page(newer))
    assert "Trial 0, the best guess, is best: learning rate" in text_of(draw_page(newer))
    another = newer.model_copy(update={"best": older.best.model_copy(update={"trial": 1})})
    assert "Trial 1 is best: learning rate" in text_of(draw_page(another))
    assert said not in text_of(draw_page(older))
    assert "the best guess" not in text_of(draw_page(older))


@pytest.mark.parametrize(
    ("rate", "share", "said"),
    [
        (0.00125, 0.5, "learning rate is close to the low end of its range, 0.001 : a lower one may be better"),
        (0.08, 0.5, "learning rate is close to the high end of its range, 0.1 : a higher one may be better"),
        (0.0013, 0.5, None),  # 6 % of the logarithmic range
        (0.00125, 0.09, None),  # so it hardly matters
    ],
)
def test_a_winner_at_the_end_of_a_range_is_told(rate: float, share: float, said: str | None) -> None:
    """Where the hyperparameter matters: something better may lie beyond."""
    results = made_results(12, 4, 3)
    best = results.best.trial
    shares = {"learning_rate": Importance(main=0.0, total=share)}
    middle = {"momentum": 0.5, "weight_decay": 0.001, "optimizer": "adam"}
    trials = [
        trial.model_copy(update={"params": {"learning_rate": rate} | middle}) if trial.number == best else trial
        for trial in results.trials
    ]
    words = text_of(draw_page(results.model_copy(update={"trials": trials, "importance": shares})))
    assert ("of its range" in words) is (said is not None)
    assert said is None or said in words
    shown = made_progress(12).model_copy(update={"trials": trials, "importance": shares, "best": results.best})
    assert "of its range" not in text_of(draw_page(shown))


def test_the_page_says_where_prior_observations_came_from() -> None:
    """Each earlier run is named, with how many trials were taken and what is other there; the design is a short one."""
    words = text_of(draw_page(made_results(12, 4, 3, warm_start=EARLIER)))
    assert (
        "The first 2 are the initial design; those after it were suggested by a Gaussian process with the "
        "acquisition function EI, comparing trials by validation accuracy. 1 trial was stopped early, behind the "
        "median of those before, which saved 2 of 36 epochs. The process was also told 31 trials of "
        f"2 earlier runs: 30 of s3://shop/runs/41/ (same data, same settings) and 1 of {EARLIER[1].uri} (5 left out, "
        "other data, other epochs and seed). Photos of the test part may have been among those that scored them."
    ) in words
    same = text_of(draw_page(made_results(12, 4, 3, warm_start=EARLIER[:1])))
    assert "told 30 trials of 1 earlier run: 30 of s3://shop/runs/41/ (same data, same settings)." in same
    assert "may have been among" not in same
    assert "The process was also told" not in text_of(draw_page(made_results(12, 4, 3)))


def test_equal_results_give_equal_bytes() -> None:
    """Drawn again, also by another process, the page is the same."""
    code = (
        "import hashlib; from job.page.page import draw_page; from tests.page.made import made_results\n"
        "print(hashlib.sha256(draw_page(made_results(12, 4, 3))).hexdigest())"
    )
    digests = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(digests) == 1
    assert draw_page(made_results(12, 4, 3)) == draw_page(made_results(12, 4, 3))


HOSTILE = ("<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "a & b", "\x00\x1b[2J", "名前", "x" * 300)


def test_what_a_catalogue_holds_is_shown_and_never_run() -> None:
    """Names, ids, reasons and thumbnails are data, whatever they look like."""
    results = made_results(12, 6, 3, names=HOSTILE)
    mistakes = [
        mistake.model_copy(update={"thumbnail": '"><script>alert(2)</script>', "id": HOSTILE[1]})
        for mistake in results.test.mistakes
    ]
    reasons = [item.model_copy(update={"reason": HOSTILE[0]}) for item in results.dataset.quarantined]
    update = {
        "test": results.test.model_copy(update={"mistakes": mistakes}),
        "dataset": results.dataset.model_copy(update={"quarantined": reasons, "uri": HOSTILE[0]}),
        "settings": results.settings | {"target_column": HOSTILE[0]},
    }
    page = draw_page(results.model_copy(update=update)).decode()
    assert re.findall(r"<script[^>]*>", page) == ['<script type="application/json" id="charts">', "<script>"]
    assert page.count("</script") == 2
    assert "onerror=alert(1)>" not in page.replace("&gt;", "")
    assert "\x00" not in page
    assert "<script>alert(1)</script>" in text_of(page.encode())
    assert HOSTILE[0] in json.dumps(charts_of(page.encode()))


def test_a_page_asks_nothing_of_anyone() -> None:
    """There is no address that a browser would fetch, and none but the page's own script and style may run."""
    page = html.unescape(draw_page(made_results()).decode())
    markup = re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    assert re.findall(r'(?:src|href)="(?!data:|#)', markup) == []
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    assert re.findall(r"url\((?!data:)", style) == []
    assert ' style="' not in markup
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', page)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy


def test_the_policy_has_the_hashes_of_script_and_style() -> None:
    """What runs is what was drawn, to the byte."""
    page = draw_page(made_results(9, 3, 2)).decode()
    for name in ("script", "style"):
        (content,) = re.findall(rf"<{name}>(.*?)</{name}>", page, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert html.unescape(page).count(f"{name}-src 'sha256-{digest}'") == 1


def test_every_colour_that_is_named_is_one() -> None:
    """A browser passes over a variable that nothing sets, and the text has no colour of its own."""
    page = draw_page(made_results(n_mistakes=3)).decode()
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    light, dark = (set(re.findall(r"--(\w+):#", palette)) for palette in re.findall(r":root\{(.*?)\}", style))
    assert light == dark
    assert set(re.findall(r"var\(--(\w+)\)", page)) - light == set()


def test_a_run_that_goes_on_says_so_and_loads_itself_again() -> None:
    """While trials are missing, the page says after how many it was drawn; a finished one stays as it is."""
    page = draw_page(made_progress(9, 30))
    words = text_of(page)
    assert "The run is going on: 9 of 30 trials done." in words
    assert b'http-equiv="refresh" content="60"' in page
    assert "test_accuracy" not in figures_of(page)
    assert {"best_value", "parallel_coordinates", "learning_curves", "class_balance"} <= set(figures_of(page))
    assert b'http-equiv="refresh"' not in draw_page(made_results(12, 4, 3))


def test_the_best_trials_trained_again_are_shown_with_their_spread() -> None:
    """Each seed's value, mean and deviation stand in a figure and a table, the best mean, which has won, first."""
    results = made_results(12, 4, 3, n_finals=3)
    page = draw_page(results)
    assert figures_of(page)[1] == "finals"
    finals = {final.trial: final for final in results.finals}
    won = finals[results.best.trial]
    assert won.mean == max(final.mean or 0.0 for final in finals.values())
    assert won.mean is not None
    assert won.std is not None
    spread = f"{100 * won.mean:.1f} % ± {100 * won.std:.1f} %"
    words = text_of(page)
    assert f"Trained again with 3 other seeds, it has a mean validation accuracy of {spread} , the best mean" in words
    assert "of the 3 best trials of the search. The model is that of repetition 2." in words
    assert "In the search its validation accuracy was" in words
    assert "not compared" in json.dumps(charts_of(page)["figures"]["finals"])
    (table,) = re.findall(
        r"<table>\n<caption>Validation accuracy with other seeds.*?</table>", page.decode(), flags=re.DOTALL
    )
    first = text_of(re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)[1].encode()).split()
    assert first[0] == str(results.best.trial)
    assert [value for value in won.values if f"{100 * (value or 0.0):.1f}" not in first] == []


def test_what_cannot_be_compared_lets_the_best_trial_win() -> None:
    """Where no trial has a value with each seed, the page says so; a run that goes on says how many are still to be."""
    results = made_results(12, 4, 3, n_finals=3)
    finals = [final.model_copy(update={"mean": None, "std": None}) for final in results.finals]
    best = results.best.model_copy(update={"trial": finals[0].trial, "repetition": None})
    words = text_of(draw_page(results.model_copy(update={"finals": finals, "best": best})))
    assert "Of the 3 best trials of the search, trained again with other seeds, none has a value" in words
    progress = made_progress(30, 30)
    asked = progress.settings | {"final_trials": 3, "final_seeds": 3}
    some = [
        final.model_copy(update={"trial": trial.number}) for final, trial in zip(finals, progress.trials, strict=False)
    ]
    words = text_of(draw_page(progress.model_copy(update={"settings": asked, "finals": some[:1]})))
    assert "The run is going on: 30 of 30 trials and 3 of 9 repetitions done." in words
    assert "and 6 repetitions of the best" in words
    some[0] = some[0].model_copy(update={"mean": 0.5})
    assert progress.best is not None
    best = progress.best.model_copy(update={"trial": some[0].trial, "repetition": 1})
    going_on = {"settings": asked, "finals": some[:1], "best": best}
    words = text_of(draw_page(progress.model_copy(update=going_on)))
    assert f"best mean validation accuracy so far 50.0 % trial {best.trial}, 3 other seeds" in words


@pytest.mark.parametrize(("trials", "classes", "most"), [(30, 15, 1_600_000), (200, 45, 3_500_000)])
def test_a_page_stays_small(trials: int, classes: int, most: int) -> None:
    """Its size is told, and has a limit at two sizes of a run."""
    page = draw_page(made_results(trials, classes, 10, n_mistakes=36))
    print(f"{len(page):,} bytes")  # noqa: T201 -- the figure is asked for
    assert len(page) < most
    assert tuple(figures_of(page)) == ALL_FIGURES


ONE_POINT = '{"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0, "optimizer": "adam"}'

CASES: dict[str, Callable[[], Results | Progress]] = {
    "one trial": lambda: made_results(1, 3, 1, statuses={}),
    "finals": lambda: made_results(12, 3, 4, n_finals=5),
    "finals by log loss": lambda: made_results(12, 3, 4, n_finals=3, objective="log_loss"),
    "one final": lambda: made_results(12, 3, 4, n_finals=1, statuses={}),
    "two classes": lambda: made_results(9, 2, 2),
    "no mistakes": lambda: made_results(9, 3, 2, n_mistakes=0),
    "one attempt": lambda: made_results(9, 3, 2, n_attempts=1),
    "many attempts": lambda: made_results(9, 3, 2, n_attempts=60),
    "log loss": lambda: made_results(12, 3, 4, objective="log_loss"),
    "macro F1": lambda: made_results(12, 3, 4, objective="macro_f1"),
    "balanced accuracy": lambda: made_results(12, 3, 4, objective="balanced_accuracy"),
    "optimizers alone": lambda: made_results(
        9, 3, 2, space='{"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0}', statuses={}
    ),
    "one range": lambda: made_results(
        12, 3, 2, space='{"momentum": 0.9, "weight_decay": 0, "optimizer": "nag"}', statuses={}
    ),
    "narrow range": lambda: made_results(
        12, 3, 2, space='{"learning_rate": {"low": 0.01, "high": 0.011}}', statuses={}
    ),
    "one point": lambda: made_results(1, 3, 4, space=ONE_POINT, statuses={}),
    "one point, repeated": lambda: made_results(1, 3, 4, space=ONE_POINT, statuses={}, n_finals=1),
    "no value": lambda: made_progress(12, statuses=NO_VALUE),
    "no trial": lambda: made_progress(0),
    "workers": lambda: with_workers(made_results(12, 3, 4), 3),
    "many workers": lambda: with_workers(made_results(60, 3, 4), 50),
    "workers that go on": lambda: with_workers(made_progress(12), 3),
    "workers at the beginning": lambda: with_workers(made_progress(0), 3),
    "fewer planned": lambda: made_progress(9, 2),
}


@pytest.mark.parametrize("case", CASES)
def test_whatever_a_run_was_it_is_drawn(case: str) -> None:
    """No run is too small or too odd for its page."""
    page = draw_page(CASES[case]())
    assert page.startswith(b"<!DOCTYPE html>")
    assert "NaN" not in json.dumps(charts_of(page))
    assert "nan" not in text_of(page).split()
    assert "class_balance" in figures_of(page)


def test_what_is_odd_about_a_catalogue_is_told() -> None:
    """Classes that are lost or alike, rows that are there twice and files that were passed over are on the page."""
    results = made_results()
    update = {
        "lost_classes": [LostClass(name="Hats", rows=2)],
        "similar_classes": [["BAGS", "Bags"], ["Shoes", "shoes"]],
        "repeated": ["1163"],
        "companions": 64,
    }
    dataset = results.dataset.model_copy(update=update)
    page = html.unescape(draw_page(results.model_copy(update={"dataset": dataset})).decode()).replace("\xa0", " ")
    assert "a photo that can be used: Hats (2 rows)." in page
    assert "differ in case, blanks or form alone: BAGS and Bags; Shoes and shoes." in page
    assert "1 row, each time the same" in page
    assert "64 files that macOS has put beside others" in page
    assert "macOS" not in html.unescape(draw_page(results).decode())


def test_attempts_on_other_devices_or_with_other_suggestions_are_told() -> None:
    """Which devices, and of which trial another attempt would have suggested other hyperparameters."""
    results = made_results()
    words = text_of(draw_page(results))
    assert "It was trained on" not in words
    assert "would have suggested" not in words
    devices = [DeviceUsed("NVIDIA T4", "7.5", "fp16"), DeviceUsed("NVIDIA L4", "8.9", "bf16")]
    params = {"learning_rate": 0.01, "optimizer": "sgd"}
    replay = Replay(trial=4, recorded=params, suggested=params | {"learning_rate": 0.02})
    first, second, *others = results.run.attempts
    attempts = [first.model_copy(update={"device": devices[0]})]
    attempts += [second.model_copy(update={"device": devices[1], "replay": replay}), *others]
    run = results.run.model_copy(update={"attempts": attempts})
    words = text_of(draw_page(results.model_copy(update={"run": run})))
    assert "It was trained on 2 devices: NVIDIA L4, bf16; NVIDIA T4, fp16." in words
    assert "Attempt 2 would have suggested trial 4 otherwise (learning rate 0.02, optimizer sgd in place of" in words


def test_a_catalogue_without_classes_is_drawn() -> None:
    """Not even what no job leaves keeps the page from being drawn."""
    progress = made_progress(3)
    empty = progress.dataset.model_copy(update={"classes": [], "quarantined": [], "excluded_classes": []})
    page = draw_page(progress.model_copy(update={"dataset": empty, "search_space": {"momentum": "?"}, "settings": {}}))
    assert "No row or photo was left out." in text_of(page)


def test_a_page_is_drawn_from_the_results_alone() -> None:
    """Who draws a page again waits neither for torch nor for a model of the search."""
    code = "import sys, job.page.page, job.page.files; sys.exit(bool({'torch', 'job.search'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
