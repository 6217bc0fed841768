"""What all tests share: no AWS settings of the machine, and a real S3 server for those that ask for one."""

import os
from collections.abc import Iterator

import pytest
import structlog

from tests.seaweed import Seaweed, running_seaweed


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
