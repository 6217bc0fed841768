"""The README and the pages that it leads to: short, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)#:]+)\)")


def links(page: Path) -> list[Path]:
    return [(page.parent / target).resolve() for target in LINK.findall(page.read_text("utf-8"))]


def test_the_readme_is_short_and_leads_to_every_page_once() -> None:
    """What a reader wants first stands in 150 lines at most; the rest is one link away."""
    readme = ROOT / "README.md"
    assert len(readme.read_text("utf-8").splitlines()) <= 150
    found = links(readme)
    for page in PAGES:
        if page != readme:
            assert found.count(page) == 1, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    """Links, paths of tests and commands of make are those that exist, and stand on one line."""
    text = page.read_text("utf-8")
    assert [str(target) for target in links(page) if not target.exists()] == []
    named = set(re.findall(r"`((?:tests|benchmarks|job|k8s|docs)/[\w./-]+)`", text))
    assert {name for name in named if not (ROOT / name).exists()} == set()
    assert [line for line in text.splitlines() if line.count("`") % 2] == [], "code that is broken over two lines"
    rules = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([\w-]+)", text)) <= rules
