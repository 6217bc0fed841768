"""How large report.html is, how long it takes to draw, and how soon it is open and its figures are drawn.

    python -m benchmarks.page

Records are made (`tests/page/made.py`): 30 trials with 15 classes and 200 with 45, of 10 epochs, with 36 photos.
Drawing is CPU time: the first page of a process, which loads Altair and bundles the script, and the median
of five runs with one trial more each. Opening is from the navigation's start to the end of the load event, and to the
last figure, in headless Chromium, from a local file, the median of five.
"""

import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

from job.page.files import draw_figures
from job.page.page import draw_page
from job.records.results import Results
from tests.browser import Browser, open_browser
from tests.page.made import made_results

RUNS = 5
EPOCHS = 10
MISTAKES = 36
DRAWN = "return performance.getEntriesByName('drawn')[0]?.startTime ?? null"


def measure(browser: Browser, directory: Path, trials: int, classes: int) -> dict[str, float]:
    """Return the figures of a page of so many trials."""
    path = directory / f"{trials}.html"
    first, *others = [made_results(trials - n, classes, EPOCHS, n_mistakes=MISTAKES) for n in range(RUNS, -1, -1)]
    seconds = [_draw(path, results) for results in (first, *others)]
    opening, drawn = [], []
    for _ in range(RUNS):
        browser.open(path)
        while browser.ask(DRAWN) is None:
            time.sleep(0.02)
        drawn.append(float(browser.ask(DRAWN)))
        opening.append(browser.opening_milliseconds())
    started = time.process_time()
    draw_figures(others[-1])
    return {
        "megabytes": round(path.stat().st_size / 1e6, 2),
        "first_draw_cpu_seconds": round(seconds[0], 2),
        "draw_cpu_seconds": round(statistics.median(seconds[1:]), 2),
        "draw_figures_cpu_seconds": round(time.process_time() - started, 2),
        "open_milliseconds": round(statistics.median(opening)),
        "drawn_milliseconds": round(statistics.median(drawn)),
    }


def _draw(path: Path, results: Results) -> float:
    started = time.process_time()
    path.write_bytes(draw_page(results))
    return time.process_time() - started


def main() -> None:
    """Print the figures as JSON."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with open_browser(directory / "profile") as browser:
            figures = {
                f"{trials}_trials": measure(browser, directory, trials, n) for trials, n in ((30, 15), (200, 45))
            }
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"
    print(json.dumps({"machine": machine} | figures, indent=2))


if __name__ == "__main__":
    main()
