"""MODEL_CARD.md: what the published model is, what it was made of, how good it is and where it ends.

Its words are in card.md.j2. Its front matter is that of https://huggingface.co/docs/hub/model-cards. The card is a pure
function of the results and names no bucket or folder.
"""

import json
import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from jinja2 import Environment, PackageLoader, StrictUndefined

from job.records.dataset import Dataset, QuarantineKind
from job.records.model import ModelDescription
from job.records.results import Final, Test
from job.records.trial import TrialRecord
from job.training.data import MAX_SHIFT

FEW_PHOTOS = 20
"""A class with fewer test photos has rough scores: of 19 hits in 19, the 95 % interval begins at 0.83."""

_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$#!])")
_ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz)$")


def model_card(
    *,
    description: ModelDescription,
    settings: Mapping[str, Any],
    dataset: Dataset,
    trials: Sequence[TrialRecord],
    finals: Sequence[Final],
    best: TrialRecord,
    test: Test,
) -> bytes:
    """Return the card as Markdown; `settings` are those that define the search, and `best` is whose model it is."""
    quarantined = Counter(item.kind or "unknown" for item in dataset.quarantined)
    card = _ENVIRONMENT.get_template("card.md.j2").render(
        description=description,
        settings=settings,
        dataset=dataset,
        trials=trials,
        finals=finals,
        best=best,
        test=test,
        catalogue=_catalogue_name(dataset),
        quarantined=dict(sorted(quarantined.items())),
        conflicts=quarantined[QuarantineKind.CONFLICTING_LABELS],
        few=FEW_PHOTOS,
        max_shift=MAX_SHIFT,
    )
    return card.encode()


def escape_markdown(text: str) -> str:
    """Return one line in which nothing is markup, not even in a table's cell."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return _MARKUP.sub(r"\\\1", plain)


def quote_yaml(text: str) -> str:
    """Return a double-quoted YAML string: a JSON string, with what YAML counts as unprintable written out."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)


def _catalogue_name(dataset: Dataset) -> str:
    """Return the last part of a catalogue's URI, without an archive's extension: a name, and no place."""
    name = posixpath.basename(dataset.uri.rstrip("/"))
    return _ARCHIVE.sub("", unquote(name) if dataset.uri.startswith("file://") else name) or "catalogue"


_ENVIRONMENT = Environment(
    loader=PackageLoader("job.model", ""),
    autoescape=False,  # noqa: S701 -- Markdown, whose escaping are the two filters
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters |= {"markdown": escape_markdown, "yaml": quote_yaml, "zip": zip}
