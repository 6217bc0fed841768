"""What can end a job, and the exit code of each ending."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The process's exit codes; k8s/job.yaml decides by them whether to start again."""

    DONE = 0
    FAILURE = 1
    PERMANENT = 42
    INTERRUPTED = 130
    TERMINATED = 143


class JobError(Exception):
    """What will not get better by itself: a setting, the data, a permission, a run that does not match.

    Its message is one sentence that names the value or file and says what is allowed. The user sees it instead of a
    traceback, and the process exits with `ExitCode.PERMANENT`. `setting` is the field of Settings that the message is
    about, if any; the door adds its variable.
    """

    def __init__(self, message: str, *, setting: str | None = None) -> None:
        super().__init__(message)
        self.setting = setting


class SettingsError(JobError):
    """A setting, or a set of them, that cannot be used."""


class CatalogueError(JobError):
    """A catalogue that cannot be trained on."""


class StorageError(JobError):
    """Storage that answers no: no such bucket or key, wrong credentials, no permission."""


class ObjectMissingError(StorageError):
    """There is nothing under this key."""


class ObjectUnreadableError(StorageError):
    """The object cannot be read; others may be readable."""


class RunMismatchError(JobError):
    """OUTPUT_URI holds a run of other settings or data."""


class StorageUnavailableError(Exception):
    """Storage that did not answer within the retry time; starting again later may help (exit code 1)."""


class WorkersUnavailableError(Exception):
    """Ray that does not answer, or loses all its workers; starting again later may help (exit code 1)."""


class ResourcesError(Exception):
    """The system gives no thread, process or file more; starting again later may help (exit code 1)."""


class DeviceError(Exception):
    """A GPU that fails or has too little free memory; another machine may help (exit code 1)."""


class ChangedError(StorageUnavailableError):
    """An object was overwritten or deleted while it was read; the next start may find it whole."""


def exit_code_of(reason: BaseException) -> ExitCode:
    """Return the exit code of a process that ends for this reason."""
    if isinstance(reason, Preempted):
        return ExitCode(128 + reason.signal_number)
    if isinstance(reason, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return ExitCode.PERMANENT if isinstance(reason, JobError) else ExitCode.FAILURE


class Preempted(BaseException):
    """SIGTERM or SIGINT came, and the present work was interrupted.

    Like KeyboardInterrupt it is no error: `except Exception` must not catch it.

    `signal_number` is the signal's; the process exits with 128 + it.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number
