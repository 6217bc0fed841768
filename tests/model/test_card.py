"""The model card: what it says is what the results say, in Markdown and YAML that no name can break."""

from typing import Any

import numpy as np
import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from job.model.card import escape_markdown, model_card, quote_yaml
from job.model.files import describe_model
from job.records.dataset import Dataset
from job.records.model import ModelDescription, ModelInput
from job.records.record import BadRecordError
from job.records.results import Final
from job.records.trial import TrialRecord
from job.study.results import score_test
from tests.study.test_results import START

CLASSES = ["Bags|`*_[x](http://y)<b>&amp;$1$", "Flip\nFlops #1!", "Über ~~Shoes~~ 👟"]
SETTINGS: dict[str, Any] = {
    "target_column": 'sub: Category\'s "kind"',
    "min_class_images": 10,
    "seed": 7,
    "epochs": 3,
    "batch_size": 16,
    "objective": "macro_f1",
    "init_weights": "s3://secret-bucket/w.pth",
}
DATASET = Dataset.model_validate(
    {
        "uri": "s3://secret-bucket/private/fa*shion.zip",
        "fingerprint": "f" * 64,
        "rows": 120,
        "images": 100,
        "repaired": ["1"],
        "classes": [{"name": name, "train": 20, "validation": 3, "test": 10} for name in CLASSES],
        "quarantined": [
            {"id": "1", "kind": "small_class", "reason": "class Ties has 2 photos, under 10"},
            {"id": "2", "kind": "small_class", "reason": "class Ties has 2 photos, under 10"},
            {"id": "3", "kind": "conflicting_labels", "reason": "the same photo (3, 4) is labelled Bags and Shoes"},
            {"id": "4", "kind": "conflicting_labels", "reason": "the same photo (3, 4) is labelled Bags and Shoes"},
            {"id": "5", "kind": "undecodable", "reason": "photo does not decode: it is no JPEG or PNG"},
            {"id": "6", "kind": "no_photo", "reason": "no photo in images/"},
        ],
        "excluded_classes": [{"name": "Ties", "images": 2}],
        "duplicate_groups": 1,
    }
)
BEST = TrialRecord.model_validate(
    {
        "number": 4,
        "params": {"learning_rate": 0.0123456789, "momentum": 0.9, "weight_decay": 0.001, "optimizer": "nag"},
        "status": "complete",
        "value": 0.75,
        "best_epoch": 2,
        "epochs": [],
        "error": None,
        "model": None,
        "timing": {
            "suggest": 0,
            "train": 1,
            "evaluate": 1,
            "checkpoint": 0,
            "total": 2,
            "images_per_second": 20,
            "attempt": 1,
            "ended_at": START,
        },
    }
)
TEST = score_test(np.array([[8, 2, 0], [1, 9, 0], [5, 5, 0]]), 30, CLASSES, mistakes=[])


def description(height: int = 80, width: int = 60) -> ModelDescription:
    photos = ModelInput(height=height, width=width, mean=(0.8, 0.7, 0.6), std=(0.2, 0.2, 0.2))
    sha256 = {"model.safetensors": "a", "model.onnx": "b"}
    return describe_model(photos, dataset=DATASET, best=BEST, test=TEST, sha256=sha256)


def made_card(height: int = 80, width: int = 60, **changes: Any) -> str:
    """Return a card in which every user's text is as nasty as it can be."""
    about: dict[str, Any] = {
        "description": description(height, width),
        "settings": SETTINGS,
        "dataset": DATASET,
        "trials": [BEST] * 5,
        "finals": [],
        "best": BEST,
        "test": TEST,
    }
    return model_card(**about | changes).decode()


@pytest.fixture(scope="module")
def card() -> str:
    """The card of a trial."""
    return made_card()


def text_of(token: Token) -> str:
    """Return what a reader sees of a run of text, having checked that it is text alone."""
    children = token.children or []
    assert {child.type for child in children} <= {"text", "text_special"}, token.content
    return "".join(child.content for child in children)


def test_the_front_matter_is_what_the_hub_reads(card: str) -> None:
    """Valid YAML: an unknown licence until somebody states one, and the test metrics with the data set's name."""
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["license"] == "unknown"
    assert front["pipeline_tag"] == "image-classification"
    (result,) = front["model-index"][0]["results"]
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"]["name"] == 'fa*shion, by sub: Category\'s "kind"'
    assert result["dataset"]["split"] == "test"
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values["accuracy"] == pytest.approx(TEST.accuracy, abs=1e-4)
    assert values["f1"] == pytest.approx(TEST.macro_f1, abs=1e-4)


def test_the_table_of_classes_shows_their_names_as_they_are(card: str) -> None:
    """No class name is markup or ends a cell: a reader sees it letter by letter, on one line."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(card)
    cells = [text_of(tokens[at + 1]) for at, token in enumerate(tokens) if token.type == "td_open"]
    rows = [cells[at : at + 6] for at in range(len(cells) - 18, len(cells), 6)]
    assert [row[0] for row in rows] == [" ".join(name.split()) for name in CLASSES]
    assert rows[1] == ["Flip Flops #1!", "20", "10", "0.562", "0.900", "0.692"]


@pytest.mark.parametrize(
    "text",
    [
        "Trial 4 has the best validation macro_f1, 0.7500, in epoch 2 of 3",
        "| learning_rate | 0.0123457 |",
        "| accuracy | 0.567 (95 % interval 0.392 to 0.726) |",
        "\\&amp;\\$1\\$ | 0.333 |",
        "\n  - small class: 2\n",
        "\n  - conflicting labels: 2\n",
        "which the model does not know: Ties (2)",
        "60 photos trained the model, 9 chose it, and 30 tested it",
        "3 of 3 classes have fewer than 20 test photos",
        "recognised no test photo: Über \\~\\~Shoes\\~\\~ 👟.",
        "2 photos were left out because an identical one has another label",
        "| initial weights | a given state dict |",
        "resize((60, 80)",
    ],
)
def test_the_card_says_what_the_results_say(card: str, text: str) -> None:
    """Data, split, hyperparameters, metrics, the majority's baseline and the limits, with their numbers."""
    assert text in card


def test_the_card_of_a_repetition_tells_how_it_was_chosen() -> None:
    """Where the best trials were trained again, the mean and its spread stand there, and whose weights these are."""
    fields = BEST.model_dump() | {"value": 0.7625}
    final = Final(trial=4, values=[0.7375, 0.7625], mean=0.75, std=0.0177)
    finals = [Final(trial=2, values=[0.5, None], mean=None, std=None), final]
    card = made_card(finals=finals, best=TrialRecord(**fields | {"repetition": 2}))
    words = " ".join(card.split())
    assert "The best 2 were trained again with 2 other seeds each." in words
    assert "trial 4 have the best mean validation macro_f1, 0.7500 (standard deviation 0.0177)." in words
    assert "The model is the best of them, number 2, with 0.7625, in epoch 2 of 3." in words


def test_the_card_tells_of_no_place(card: str) -> None:
    """A card is made to be published; buckets and folders are not."""
    assert "secret-bucket" not in card
    assert "private" not in card


@pytest.mark.parametrize("text", ["a\x00b", "\x85\u2028x", "\ufeff'\"\\", "tab\there", "é😀", ": - # {x}", "\ud800"])
def test_any_text_can_be_quoted(text: str) -> None:
    """Whatever a name holds, YAML gives it back and Markdown has it on one line."""
    if text != "\ud800":  # half a character, which only a broken file name can hold
        assert yaml.safe_load(quote_yaml(text)) == text
    quote_yaml(text).encode()
    assert escape_markdown(text).encode().isascii() or text == "é😀"
    assert "\n" not in escape_markdown(text)


def test_model_json_is_read_as_it_was_written() -> None:
    """What describes the model gives equal bytes, and anything else is refused with the field that is wrong."""
    data = description().to_json()
    assert ModelDescription.parse(data) == description()
    assert ModelDescription.parse(data).to_json() == data
    with pytest.raises(BadRecordError, match="architecture"):
        ModelDescription.parse(data.replace(b"resnet18", b"resnet50"))
    with pytest.raises(BadRecordError):
        ModelDescription.parse(data[:100])
