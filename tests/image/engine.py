"""The container engine as the image's tests use it: the docker client, with whatever engine answers it."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

IMAGE = "fashiontune-job"


def docker(*arguments: str) -> str:
    """Run a docker command and return what it prints; raises AssertionError with its error where it fails."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr or done.stdout}"
    return done.stdout


def inspect(name: str) -> dict[str, Any]:
    """Return what the engine knows of an image or a container."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", name))
    return found[0]


@dataclass(frozen=True)
class Ended:
    """A container that has run."""

    code: int
    out: str
    err: str

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log events of that name."""
        return [event for event in map(json.loads, self.err.splitlines()) if event["event"] == name]


@contextmanager
def started(*options: str, command: tuple[str, ...] = (), image: str = IMAGE) -> Iterator[str]:
    """Start a container and yield its name; it is removed afterwards, whatever it does."""
    name = f"fashiontune-test-{uuid.uuid4().hex[:12]}"
    docker("run", "--detach", "--name", name, *options, image, *command)
    try:
        yield name
    finally:
        docker("rm", "--force", name)


def wait(name: str) -> Ended:
    """Wait until a container ends."""
    code = int(docker("wait", name))
    logs = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True)
    return Ended(code, logs.stdout, logs.stderr)


def run(*options: str, command: tuple[str, ...] = (), image: str = IMAGE) -> Ended:
    """Run a container to its end."""
    with started(*options, command=command, image=image) as name:
        return wait(name)


def wait_for_event(name: str, event: str, count: int = 1) -> None:
    """Wait until a job in a container has logged an event so many times."""
    follow = ["docker", "logs", "--follow", name]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as logs:
        assert logs.stdout is not None
        seen = []
        for line in logs.stdout:
            seen.append(line)
            count -= f'"event": "{event}"' in line
            if count == 0:
                logs.terminate()
                return
    raise AssertionError(f"the job ended without {event!r}:\n" + "".join(seen[-20:]))


def variables(settings: dict[str, str]) -> list[str]:
    """Return settings as the options of `docker run`."""
    return [option for name, value in settings.items() for option in ("--env", f"{name}={value}")]
