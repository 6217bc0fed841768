"""The live view of a run as an SVG, for the README: `python -m benchmarks.live_picture RUN_URI FILE`.

Draws what a terminal of 80 columns shows at this moment, so the run should be going on.
"""

import io
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from job.records.results import Progress
from job.study.status import find_status
from job.watch import picture

# without the fonts that rich's own form asks another host for
FORM = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def main(uri: str, file: Path) -> None:
    """Draw the run at `uri`."""
    status = find_status(uri)()
    run = status.details
    assert isinstance(run, Progress), "the run has ended, or no trial has been begun"
    assert run.now is not None
    console = Console(record=True, width=80, file=io.StringIO(), highlight=False)
    for line in [*picture.Rows().new(run), *picture.going_on(run, run.now, 79, 40)]:
        console.print(line, soft_wrap=True)
    console.print(Text(f" results: {uri}", style="dim"))
    file.write_text(console.export_svg(title="job", theme=MONOKAI, code_format=FORM, unique_id="live"), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
