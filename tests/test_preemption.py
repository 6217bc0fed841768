"""Preemption: a signal is heeded at once, or at the end of what must not be interrupted."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from job.errors import Preempted
from job.preemption import Preemption


@pytest.fixture(params=[signal.SIGTERM, signal.SIGINT])
def number(request: pytest.FixtureRequest) -> int:
    """A signal that preempts."""
    chosen: int = request.param
    return chosen


@pytest.fixture
def stop() -> Iterator[Preemption]:
    """An installed preemption, which is taken back afterwards."""
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    preemption = Preemption()
    preemption.install()
    yield preemption
    preemption.stand_down()
    for each, handler in before.items():
        signal.signal(each, handler)


def test_a_signal_interrupts_what_may_be_interrupted(stop: Preemption, number: int) -> None:
    """Outside a deferred block the job is put down on the spot."""
    with pytest.raises(Preempted) as event:
        os.kill(os.getpid(), number)
    assert event.value.signal_number == number


def test_a_signal_waits_for_the_end_of_a_deferred_block(stop: Preemption, number: int) -> None:
    """Within a deferred block the work goes on, and the signal is heeded when it ends."""
    reached = False

    def work() -> None:
        nonlocal reached
        with stop.deferred():
            os.kill(os.getpid(), number)
            reached = True

    with pytest.raises(Preempted):
        work()
    assert reached


def test_a_step_boundary_heeds_a_deferred_signal(stop: Preemption, number: int) -> None:
    """`check` raises within a deferred block, and costs nothing before a signal."""
    stop.check()
    reached = False

    def work() -> None:
        nonlocal reached
        with stop.deferred():
            os.kill(os.getpid(), number)
            stop.check()
            reached = True

    with pytest.raises(Preempted):
        work()
    assert not reached


def test_a_second_signal_ends_the_process_at_once() -> None:
    """Whoever sends a second signal does not want to wait."""
    program = (
        "import os, signal\n"
        "from job.preemption import Preemption\n"
        "stop = Preemption(); stop.install()\n"
        "with stop.deferred():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print('working', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print('still working', flush=True)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (143, "working\n")


def test_a_signal_outranks_the_error_that_follows_it(stop: Preemption, number: int) -> None:
    """An error within a deferred block, after a signal, ends in the signal's exit code."""

    def work() -> None:
        with stop.deferred():
            os.kill(os.getpid(), number)
            raise OSError("storage is gone, too")

    with pytest.raises(Preempted):
        work()


def test_work_that_does_not_end_is_left_after_the_grace_period() -> None:
    """A process that cannot reach a step boundary in time ends all the same, with the signal's exit code."""
    program = (
        "import os, signal, threading\n"
        "from job import preemption\n"
        "preemption.GRACE_SECONDS = 0.2\n"
        "stop = preemption.Preemption(); stop.install()\n"
        "with stop.deferred():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    threading.Event().wait()\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert result.returncode == 143
