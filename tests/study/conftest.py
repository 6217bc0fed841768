"""A run that has ended, for the tests of what it has published."""

from pathlib import Path

import pytest

from tests.jobs import run_job, tiny_settings

PUBLISHED = {"EPOCHS": "4", "SEARCH_SPACE": '{"learning_rate": 0.01, "optimizer": "sgd"}'}
"""Settings with which the tiny catalogue is learnt."""


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a job that has ended: `run`, its `catalogue` and its `cache`. Not to be written to."""
    directory = tmp_path_factory.mktemp("published")
    result = run_job(tiny_settings(directory, **PUBLISHED))
    assert result.returncode == 0, result.stderr
    return directory
