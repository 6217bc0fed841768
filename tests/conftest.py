"""What tests share: no AWS settings of the machine, and for those that ask a real S3 server and a finished run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.jobs import LEARNT, run_job, tiny_settings
from tests.seaweed import Seaweed, running_seaweed

_LONGEST = {"test_torture.py", "test_fresh_processes.py", "test_real_photos.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take minutes; as the last ones they would leave the other processes idle."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


@pytest.fixture(scope="session", autouse=True)
def _no_aws_settings() -> Iterator[None]:
    """Keep the credentials of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(autouse=True)
def _default_logs() -> Iterator[None]:
    """Forget how a test has set up logs: it may be to a stream that is closed when the test ends."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A running S3 server: endpoint, admin and reader identities, new_bucket(), environment()."""
    with running_seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a job that has ended: `run`, its `catalogue` and its `cache`. Not to be written to."""
    directory = tmp_path_factory.mktemp("published")
    result = run_job(tiny_settings(directory, **LEARNT))
    assert result.returncode == 0, result.stderr
    return directory
