"""What SEARCH_SPACE may say, what comes of it, and what is said about one that cannot be used."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from job.errors import SettingsError
from job.search.space import OPTIMIZERS, PARAMETERS, Range, SearchSpace, parse_search_space

DEFAULT = {
    "learning_rate": {"low": 0.001, "high": 0.1, "prior": "log-uniform"},
    "momentum": {"low": 0.1, "high": 0.9, "prior": "uniform"},
    "weight_decay": {"low": 0.0001, "high": 0.01, "prior": "log-uniform"},
    "optimizer": ["sgd", "adam", "rmsprop", "nag"],
}


@pytest.mark.parametrize("text", [None, "", " \n", "{}"])
def test_nothing_overridden_is_the_default(text: str | None) -> None:
    """Without overrides the space is the one that the project was founded with."""
    assert parse_search_space(text).to_dict() == DEFAULT


def test_parts_of_a_range_that_are_left_out_are_the_defaults() -> None:
    """An override of one end of a range leaves its other end, its prior and all other parameters alone."""
    space = parse_search_space('{"learning_rate": {"high": 0.03}}')
    assert space.learning_rate == Range(0.001, 0.03, "log-uniform")
    assert space.to_dict() | {"learning_rate": None} == DEFAULT | {"learning_rate": None}


def test_a_single_value_fixes_its_parameter() -> None:
    """A number, a name, or a list of one name is no dimension of the search."""
    space = parse_search_space('{"momentum": 0, "optimizer": ["nag"]}')
    assert space.fixed == {"momentum": 0.0, "optimizer": "nag"}
    assert list(space.searched) == ["learning_rate", "weight_decay"]
    assert space == parse_search_space('{"momentum": 0.0, "optimizer": "nag"}')


def test_whole_numbers_become_floats() -> None:
    """The space that run.json holds reads the same whether 1 or 1.0 was written."""
    space = parse_search_space('{"learning_rate": {"low": 1, "high": 2}, "weight_decay": 0}')
    assert json.dumps(space.to_dict()["learning_rate"]) == '{"low": 1.0, "high": 2.0, "prior": "log-uniform"}'
    assert json.dumps(space.to_dict()["weight_decay"]) == "0.0"


def test_the_order_of_optimizers_does_not_matter() -> None:
    """The same optimizers in another order are the same space, so a run that began with one goes on with the other."""
    space = parse_search_space('{"optimizer": ["nag", "adam", "sgd"]}')
    assert space.optimizer == ("sgd", "adam", "nag")
    assert space == parse_search_space('{"optimizer": ["adam", "sgd", "nag"]}')


@pytest.mark.parametrize(
    ("text", "changes", "held"),
    [
        ("{}", {}, True),
        ("{}", {"learning_rate": 0.001}, True),
        ("{}", {"learning_rate": 0.1}, True),
        ("{}", {"learning_rate": 0.1000001}, False),
        ("{}", {"momentum": 0.0999999}, False),
        ("{}", {"learning_rate": "sgd"}, False),
        ('{"optimizer": ["sgd", "nag"]}', {}, False),
        ('{"optimizer": ["sgd", "adam"]}', {}, True),
        ('{"optimizer": "adam"}', {}, True),
        ('{"optimizer": "nag"}', {}, False),
        ('{"momentum": 0.9}', {}, True),
        ('{"momentum": 0.9}', {"momentum": 0.9000001}, False),
        ('{"weight_decay": 0}', {"weight_decay": 0.0}, True),
        ("{}", {"weight_decay": None}, False),
    ],
)
def test_a_space_holds_what_a_trial_of_it_could_have(text: str, changes: dict[str, Any], held: bool) -> None:  # noqa: FBT001
    """Ends of a range belong to it, a fixed parameter has its value alone, and none may be missing."""
    params: dict[str, Any] = {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.001, "optimizer": "adam"}
    tried = {name: value for name, value in (params | changes).items() if value is not None}
    assert parse_search_space(text).holds(tried) is held


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"learning_rate": {"low": 0.1, "high": 0.30000000000000004}, "momentum": 0.1}',
        '{"weight_decay": {"low": 0, "prior": "uniform"}, "optimizer": ["nag", "sgd"]}',
        '{"optimizer": "adam", "weight_decay": 1e-17, "momentum": {"low": 0, "high": 0.9999999999999999}}',
    ],
)
def test_a_space_survives_json_exactly(text: str) -> None:
    """What run.json holds of a space is that space again, in the canonical order of keys."""
    space = parse_search_space(text)
    written = json.dumps(space.to_dict())
    assert parse_search_space(written) == space
    assert json.dumps(parse_search_space(written).to_dict()) == written
    assert tuple(space.to_dict()) == PARAMETERS == ("learning_rate", "momentum", "weight_decay", "optimizer")


def test_a_space_is_frozen() -> None:
    """Nobody changes the space of a run under way, and its dictionary is a copy."""
    space = parse_search_space("{}")
    with pytest.raises(FrozenInstanceError):
        space.momentum = 0.5  # type: ignore[misc]
    space.to_dict()["optimizer"].clear()
    space.fixed["momentum"] = 0.5
    assert space == SearchSpace()


KNOWN = "learning_rate, momentum, weight_decay, optimizer"
NUMBER = "must be a finite number, or an object with low, high and prior"
NAMES = ", ".join(OPTIMIZERS)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", '"{" is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)'),
        ("lr=1", '"lr=1" is not JSON: Expecting value: line 1 column 1 (char 0)'),
        ("[0.1]", '[0.1] must be a JSON object, such as {"momentum": 0.9}'),
        ("null", 'null must be a JSON object, such as {"momentum": 0.9}'),
        ('{"lr": 1}', f'"lr" is unknown; the nearest name is learning_rate, and allowed are {KNOWN}'),
        ('{"optimiser": "sgd"}', f'"optimiser" is unknown; the nearest name is optimizer, and allowed are {KNOWN}'),
        (
            '{"momentum": {"hi": 0.5}}',
            'momentum."hi" is unknown; the nearest name is high, and allowed are low, high, prior',
        ),
        ('{"momentum": 0.9, "momentum": 0.5}', '"momentum" is there twice; allowed is each name once'),
        ('{"momentum": {"low": 0.1, "low": 0.2}}', '"low" is there twice; allowed is each name once'),
        ('{"momentum": true}', f"momentum=true {NUMBER}"),
        ('{"momentum": "0.9"}', f'momentum="0.9" {NUMBER}'),
        ('{"momentum": null}', f"momentum=null {NUMBER}"),
        ('{"momentum": [0.1, 0.9]}', f"momentum=[0.1, 0.9] {NUMBER}"),
        ('{"learning_rate": NaN}', f"learning_rate=NaN {NUMBER}"),
        ('{"learning_rate": 1e999}', f"learning_rate=Infinity {NUMBER}"),
        ('{"learning_rate": {"low": true}}', "learning_rate.low=true must be a finite number"),
        ('{"learning_rate": {"high": "1"}}', 'learning_rate.high="1" must be a finite number'),
        ('{"learning_rate": {"high": -Infinity}}', "learning_rate.high=-Infinity must be a finite number"),
        ('{"momentum": {"prior": "normal"}}', 'momentum.prior="normal" must be one of uniform, log-uniform'),
        (
            '{"learning_rate": {"low": 0.5}}',
            "learning_rate.low=0.5 must be below learning_rate.high=0.1; a plain number fixes the parameter",
        ),
        (
            '{"momentum": {"low": 0.5, "high": 0.5}}',
            "momentum.low=0.5 must be below momentum.high=0.5; a plain number fixes the parameter",
        ),
        (
            '{"weight_decay": {"low": 0}}',
            "weight_decay.low=0.0 must be at least 1e-30 with the prior log-uniform; the prior uniform allows less",
        ),
        (
            '{"learning_rate": {"low": 1e-200, "high": 1e-150}}',
            "learning_rate.low=1e-200 must be at least 1e-30 with the prior log-uniform; the prior uniform allows less",
        ),
        ('{"learning_rate": 0}', "learning_rate=0.0 must be above 0"),
        ('{"learning_rate": {"low": -1, "prior": "uniform"}}', "learning_rate.low=-1.0 must be above 0"),
        ('{"momentum": 1}', "momentum=1.0 must be at least 0 and below 1"),
        ('{"momentum": {"high": 1}}', "momentum.high=1.0 must be at least 0 and below 1"),
        ('{"momentum": -0.1}', "momentum=-0.1 must be at least 0 and below 1"),
        ('{"weight_decay": -1e-9}', "weight_decay=-1e-09 must be at least 0"),
        ('{"optimizer": []}', f"optimizer=[] must name each optimizer once, of {NAMES}"),
        ('{"optimizer": ["sgd", "sgd"]}', f'optimizer=["sgd", "sgd"] must name each optimizer once, of {NAMES}'),
        ('{"optimizer": ["sgd", "lion"]}', f'optimizer="lion" must be one of {NAMES}'),
        ('{"optimizer": "Adam"}', f'optimizer="Adam" must be one of {NAMES}, or a list of them'),
        ('{"optimizer": 3}', f"optimizer=3 must be one of {NAMES}, or a list of them"),
    ],
)
def test_a_bad_space_is_refused_with_its_value_and_what_is_allowed(text: str, sentence: str) -> None:
    """Every bad SEARCH_SPACE ends in one sentence that names the variable, the parameter, the value and the rule."""
    with pytest.raises(SettingsError) as caught:
        parse_search_space(text)
    assert (str(caught.value), caught.value.setting) == (sentence, "search_space")


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"momentum": ' + "1" * 5_000 + "}", '{"optimizer": "' + "x" * 9_999 + '"}']
)
def test_an_absurd_space_is_refused_briefly(text: str) -> None:
    """A huge value is refused like any other, and is not repeated in full."""
    with pytest.raises(SettingsError) as caught:
        parse_search_space(text)
    assert len(str(caught.value)) < 400


def test_two_mistakes_are_told_at_once() -> None:
    """Who made two mistakes need not start the job twice to hear of both."""
    with pytest.raises(SettingsError, match=r"momentum=true must be .*; optimizer=3 must be "):
        parse_search_space('{"momentum": true, "optimizer": 3}')


def test_the_space_is_read_without_the_optimiser() -> None:
    """The settings need this module, so it must not load what takes seconds to import."""
    code = "import sys, job.search.space; print({'skopt', 'scipy', 'sklearn', 'numpy', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
