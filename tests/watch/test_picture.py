"""A run in lines of text: rows that fit a terminal, what is at work, and how the run stands."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from rich.text import Text

from job.records.objective import better
from job.records.results import Final, Results
from job.watch import picture
from job.words import NONE
from tests.page.made import made_results
from tests.watch.made import AT, at_moment, working

OBJECTIVES = ["accuracy", "macro_f1", "balanced_accuracy", "log_loss"]
STATUSES = {1: "pruned", 3: "diverged", 5: "failed"}


def run_of(objective: str = "accuracy") -> Results:
    return made_results(12, 5, 10, objective=objective, statuses=STATUSES, n_finals=2)


def plain(lines: list[Text]) -> list[str]:
    return [line.plain.replace("\xa0", " ") for line in lines]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_rows_of_every_objective_and_status_fit_a_terminal(objective: str) -> None:
    """Heading and rows are columns that end at the same place, the last that a terminal of 80 columns leaves free."""
    run = run_of(objective)
    (top, heading), rows = picture.heading(objective), picture.rows(run)
    table = [row for row in rows if not row.plain.startswith("        ")]
    assert len(table) == len(run.trials)
    assert {row.cell_len for row in [heading, *table]} == {79}
    name = {"accuracy": "accuracy", "macro_f1": "macro F1", "balanced_accuracy": "balanced", "log_loss": "log loss"}
    words = f"trial status epochs {name[objective]} optimizer rate momentum decay time"
    assert heading.plain.split() == words.split()
    assert top.plain.index("learning") + len("learning") == heading.plain.index(" rate") + len(" rate")


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_star_marks_what_is_better_than_all_above_it(objective: str) -> None:
    """So the last star is the best trial, also where the objective is minimised and where trials end out of order."""
    run = run_of(objective)
    ended = run.trials[7].timing.model_copy(update={"ended_at": run.trials[0].timing.ended_at - timedelta(seconds=1)})
    run.trials[7] = run.trials[7].model_copy(update={"timing": ended})
    by_number = {trial.number: trial for trial in run.trials}
    lines = [line.split() for line in plain(picture.rows(run)) if line[2:8].strip()]
    starred = [int(words[1]) for words in lines if words[0] == picture.BEST]
    assert lines[0][:2] == [picture.BEST, "7"]
    values = [by_number[number].value for number in starred]
    assert all(b is not None and better(b, a, objective) for a, b in pairwise(values))
    for trial in run.trials:
        assert trial.value is None or not better(trial.value, values[-1], objective)


def test_a_trial_without_a_value_has_a_dash_and_its_error_below() -> None:
    """Pruned, diverged and failed trials have their status, the epochs they got to, and no score."""
    lines = plain(picture.rows(run_of()))
    place = {
        number: next(i for i, line in enumerate(lines) if line.startswith(f" {number:>6} ")) for number in STATUSES
    }
    assert lines[place[1]].split()[1:4] == ["pruned", "3/10", NONE]
    assert lines[place[3]].split()[1:4] == ["diverged", "3/10", NONE]
    assert lines[place[5]].split()[1:4] == ["failed", "0/10", NONE]
    assert lines[place[1] + 1].split()[0] in {picture.BEST, "2"}
    assert lines[place[3] + 1] == "        the loss was not finite in epoch 4"
    assert lines[place[5] + 1] == "        the loss was not finite in epoch 1"


def test_each_trial_and_repetition_has_a_row_once() -> None:
    """What is told in pieces is what would be told at once, beneath one heading."""
    run = run_of()
    rows = picture.Rows()
    parts = []
    for n_trials, n_finals in ((0, 0), (3, 0), (3, 0), (12, 0), (12, 1), (12, 2), (12, 2)):
        part = run.model_copy(update={"trials": run.trials[:n_trials], "finals": run.finals[:n_finals]})
        parts.append(plain(rows.new(part)))
    assert parts[0] == parts[2] == parts[6] == []
    assert [line for part in parts for line in part] == plain(picture.Rows().new(run))
    assert len(parts[4]) == len(parts[5]) == 3
    assert parts[5][-1].strip() == f"{run.finals[1].trial} again, with another seed: not complete"


def test_repetitions_that_end_out_of_order_have_a_row_each() -> None:
    """With Ray a trial's second repetition may end before its first, whose value then takes the first place."""
    rows, seen = picture.Rows(), []
    for values in ([0.8], [0.7, 0.8], [0.7, 0.8, None], [0.7, 0.8, 0.8, None]):
        final = Final(trial=4, values=list(values), mean=None, std=None)
        seen += [line.split(": ")[1] for line in plain(rows.new(at_moment(0, finals=[final])))]
    assert seen == ["80.0 %", "70.0 %", "not complete", "80.0 %"]


@pytest.mark.parametrize("step", [0, 30, 120])
@pytest.mark.parametrize("repetition", [None, 3])
@pytest.mark.parametrize("worker", [None, 7])
@pytest.mark.parametrize("width", [62, 79, 120])
def test_a_trial_at_work_fits_the_width_and_its_bar_shows_the_share(
    width: int, worker: int | None, repetition: int | None, step: int
) -> None:
    """The bar gets what the words leave, and where they leave too little, the last of them are left out."""
    told = {"worker": worker, "repetition": repetition, "images_per_second": 1480.0, "train_loss": 0.123}
    each = working(12, step=step, **told)
    line, *below = picture.at_work(each, at_moment(12, each), width)
    assert line.cell_len <= width
    bar = line.plain.count("━") + line.plain.count("─")
    assert 4 <= bar <= 40
    assert line.plain.count("━") == bar * step // 120
    name = f"{'' if worker is None else 'worker 7: '}trial 12{', repetition 3' if repetition else ''}, epoch 3 of 10 "
    assert line.plain.startswith(f" {name}")
    after = f" {step}/120  1,480 photos/s  loss 0.123"
    assert line.plain.endswith(after) == (1 + len(name) + 4 + len(after) <= width)
    assert bar == 40 or not line.plain.endswith(after) or line.cell_len == width
    assert width > 79 or max(each.cell_len for each in below) <= 79


def test_a_trial_at_work_has_its_parameters_and_its_bar_of_pruning_below() -> None:
    """What is unknown yet is left out; a loss is pruned if it is above its bar."""
    each = working(12)
    assert plain(picture.at_work(each, at_moment(0, each), 79))[1:] == [
        "   rmsprop, learning rate 0.00345, momentum 0.456, weight decay 0.000567"
    ]
    each = working(12, value=0.5, bar=0.25)
    assert plain(picture.at_work(each, at_moment(0, each), 79))[2:] == [
        "   best so far 50.0 %, pruned after this epoch if below 25.0 %"
    ]
    assert plain(picture.at_work(each, at_moment(0, each, settings={"objective": "log_loss"}), 79))[2:] == [
        "   best so far 0.5, pruned after this epoch if above 0.25"
    ]


def test_more_trials_than_lines_have_a_line_each() -> None:
    """All three lines of each if they fit, else the first, as many as fit; how the run stands is always there."""
    at_work = [working(number, value=0.5, worker=number) for number in range(10, 14)]
    run = at_moment(10, *at_work)
    assert run.now is not None
    end = plain(picture.standing(run, run.now.at))
    whole = plain(picture.going_on(run, run.now, 79, 13))
    assert whole == [line for each in at_work for line in plain(picture.at_work(each, run, 79))] + end
    brief = [plain(picture.at_work(each, run, 79))[0] for each in at_work]
    assert plain(picture.going_on(run, run.now, 79, 12)) == brief + end
    assert plain(picture.going_on(run, run.now, 79, 5)) == brief + end
    assert plain(picture.going_on(run, run.now, 79, 3)) == brief[:2] + end
    assert plain(picture.going_on(run, run.now, 79, 0)) == end


def test_how_a_run_stands() -> None:
    """Only what there is: the best after the first value, the time once it is known, a budget and a price if set."""
    assert plain(picture.standing(at_moment(0), AT)) == [" 0 of 30 trials"]
    finals = [
        Final(trial=2, values=[0.5, None], mean=None, std=None),
        Final(trial=3, values=[0.5], mean=None, std=None),
    ]
    plan = {"final_trials": 3, "final_seeds": 3}
    written = [working(9), *(working(9, checkpoint_at=AT - timedelta(seconds=ago)) for ago in (90, 15))]
    now = {"seconds_left": 1234.0, "seconds_allowed": 7200.0}
    run = at_moment(9, *written, finals=finals, settings=plan, price=3.0, **now)
    assert run.best is not None
    best = f"best {run.best.value:.1%} (trial {run.best.trial})".replace("%", " %")
    assert plain(picture.standing(run, AT)) == [
        f" 9 of 30 trials · 3 of 9 repetitions · {best}",
        " about 20 min 34 s left",
        " 10 min of 2 h spent · cost 0.5 · checkpoint 15 s ago",
    ]
    assert plain(picture.standing(at_moment(9, seconds_left=1234.0), AT)) == [
        f" 9 of 30 trials · {best} · about 20 min 34 s left"
    ]
    assert plain(picture.standing(at_moment(9, seconds_left=7.0), AT)) == [f" 9 of 30 trials · {best} · seconds left"]
    assert plain(picture.standing(at_moment(9, seconds_left=0.0), AT)) == [f" 9 of 30 trials · {best}"]


def test_results_stand_without_a_time_left() -> None:
    """A run that has ended has a winner and nothing to come."""
    run = run_of()
    (line,) = plain(picture.standing(run, AT))
    assert line.startswith(" 12 of 12 trials · 6 of 6 repetitions · best ")
    assert line.endswith(f"(trial {run.best.trial})")


def test_the_lines_of_a_long_run_fit_a_terminal() -> None:
    """The longest usual numbers, at every moment of its repetitions, leave no line longer than 79 columns."""
    final = Final(trial=1, values=[0.5] * 9, mean=None, std=None)
    each = working(1, checkpoint_at=AT - timedelta(hours=1))
    plan = {"n_trials": 9999, "final_trials": 99, "final_seeds": 100}
    now = {"seconds_left": 123456.0, "seconds_allowed": 1234567.0, "seconds_spent": 1234560.0}
    run = at_moment(30, each, finals=[final] * 99, settings=plan, price=98.7, **now)
    assert max(line.cell_len for line in picture.standing(run, AT)) <= 79


@pytest.mark.parametrize(
    ("done", "total", "share", "full"), [(0, 0, 0, 0), (0, 7, 0, 0), (3, 4, 75, 30), (999, 1000, 99, 39)]
)
def test_a_task_has_a_bar_of_its_share(done: int, total: int, share: int, full: int) -> None:
    """Rounded down, so that it is not full before it is done."""
    line = picture.task("fetching", done, total, 79).plain
    assert line == f" fetching {'━' * full}{'─' * (40 - full)} {share} %"
    assert picture.task("fetching", done, total, 30).cell_len <= 30


def test_a_clock_has_hours_only_where_there_are_any() -> None:
    """Minutes and seconds have two digits behind larger ones; seconds are rounded."""
    assert [picture.clock(each) for each in (0.4, 59.6, 65, 3599.4, 7201)] == [
        "0:00",
        "1:00",
        "1:05",
        "59:59",
        "2:00:01",
    ]


def test_what_another_clock_dates_after_now_was_just_now() -> None:
    """Two machines' clocks may differ, and nothing was minus two seconds ago."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    ago = [picture.ago(now - timedelta(seconds=each), now).replace("\xa0", " ") for each in (-2, 12.4, 90)]
    assert ago == ["0.0 s ago", "12 s ago", "1 min 30 s ago"]


def test_a_line_is_cut_to_the_width_it_has() -> None:
    """With an ellipsis in the last column; the line itself is left as it is."""
    line = Text("0123456789")
    assert (picture.cut(line, 5).plain, picture.cut(line, 10).plain, line.plain) == (
        "0123…",
        "0123456789",
        "0123456789",
    )
