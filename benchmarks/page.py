"""How large report.html is, how long it takes to draw, and how soon it is open, at two sizes of a run.

    python -m benchmarks.page

Records are made (`tests/page/made.py`): 30 trials, the default, and 200, of 10 epochs, with 45 classes and 36 photos.
Drawing is the process's CPU time with the surrogate's fit, the median of five; opening is from the navigation's start
to the end of the load event in headless Chromium, from a local file, the median of five.
"""

import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

from job.page.exports import draw_figures
from job.page.page import draw_page
from tests.browser import Browser, open_browser
from tests.page.made import made_results

RUNS = 5
CLASSES = 45
EPOCHS = 10
MISTAKES = 36


def measure(browser: Browser, directory: Path, trials: int) -> dict[str, float]:
    """Return the figures of a page of so many trials."""
    results = made_results(trials, CLASSES, EPOCHS, n_mistakes=MISTAKES)
    drawing, opening = [], []
    path = directory / f"{trials}.html"
    for _ in range(RUNS):
        started = time.process_time()
        path.write_bytes(draw_page(results))
        drawing.append(time.process_time() - started)
        browser.open(path)
        opening.append(browser.opening_milliseconds())
    started = time.process_time()
    draw_figures(results)
    return {
        "megabytes": round(path.stat().st_size / 1e6, 2),
        "draw_cpu_seconds": round(statistics.median(drawing), 2),
        "draw_figures_cpu_seconds": round(time.process_time() - started, 2),
        "open_milliseconds": statistics.median(opening),
    }


def main() -> None:
    """Print the figures as JSON."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with open_browser(directory / "profile") as browser:
            figures = {f"{trials}_trials": measure(browser, directory, trials) for trials in (30, 200)}
    machine = f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"
    print(json.dumps({"machine": machine} | figures, indent=2))


if __name__ == "__main__":
    main()
