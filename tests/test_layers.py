"""The house: imports run downwards only, and nothing that is stored is a pickle."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "job"
BASE = {"errors", "seeds", "metrics", "text", "words", "records", "meter"}
ALLOWED = {
    "__main__": {"cli"},
    "cli": BASE
    | {"last_words", "logs", "settings", "settings_help", "preemption", "study", "page", "model", "watch"}
    | {"sample", "storage", ""},
    "preemption": {"errors"},
    "last_words": set(),
    "watch": BASE | {"watch"},
    "meter": set(),
    "settings_help": {"settings"},
    "settings": {"errors", "search", "storage"},
    "study": BASE
    | {
        "settings",
        "preemption",
        "study",
        "page",
        "model",
        "catalogue",
        "sample",
        "storage",
        "search",
        "training",
        "logs",
        "watch",
    },
    "page": BASE | {"page", "storage"},
    "model": BASE | {"model", "settings", "catalogue", "storage", "training"},
    "catalogue": BASE | {"catalogue", "storage"},
    "sample": BASE | {"sample", "storage"},
    "storage": BASE | {"storage"},
    "search": BASE | {"search"},
    "training": BASE | {"training"},
    "records": {"records", "words"},
    "errors": set(),
    "seeds": set(),
    "metrics": set(),
    "logs": {"text"},
    "text": set(),
    "words": set(),
    "__init__": set(),
}
"""Which rooms a room may import from."""

FORBIDDEN = {
    "catalogue": {"torch"},
    "search": {"torch", "boto3"},
    "training": {"boto3", "skopt"},
    "page": {"torch", "skopt"},
    "watch": {"torch", "boto3", "altair"},
    "records": {"torch"},
}
"""Libraries that a room must not know."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    """A room imports only from the rooms below it, and not the libraries it must not know."""
    names = imports(path)
    own = {name.split(".")[1] if "." in name else "" for name in names if name.split(".")[0] == "job"}
    assert own <= ALLOWED[room(path)]
    assert not {name.split(".")[0] for name in names} & FORBIDDEN.get(room(path), set())


def test_modules_import_each_other_in_no_circle() -> None:
    """Following imports never leads back to where it began."""
    names = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in MODULES}
    edges = {name: {target for target in imports(path) if target in names} for name, path in names.items()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join([*above, name])
        if name not in done:
            for target in edges[name]:
                visit(target, (*above, name))
            done.add(name)

    for name in edges:
        visit(name, ())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_pickled(path: Path) -> None:
    """No module writes a pickle or loads one unchecked."""
    text = path.read_text("utf-8")
    assert "pickle.dump" not in text
    assert "pickle.load" not in text
    assert "torch.save" not in text
    assert text.count("torch.load(") <= text.count("weights_only=True)")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_say_what_they_hold(path: Path) -> None:
    """Every module that has code begins with a docstring."""
    text = path.read_text("utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text))
