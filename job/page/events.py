"""A trial as a TensorBoard event file: its learning curve as scalars, its hyperparameters and value as hparams.

Made of the trial's record alone, so it can be made again; knows no storage and no torch.
"""

import tempfile
from pathlib import Path

from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

from job.records.trial import EpochRecord, TrialRecord

_CURVES = tuple(name for name in EpochRecord.model_fields if name != "epoch")


def event_file(trial: TrialRecord) -> bytes:
    """Return the content of a trial's event file; its points have the time of the trial's end."""
    walltime = trial.timing.ended_at.timestamp()
    with tempfile.TemporaryDirectory() as folder:
        with SummaryWriter(folder, write_to_disk=True) as writer:
            for epoch in trial.epochs:
                for name in _CURVES:
                    writer.add_scalar(name, getattr(epoch, name), epoch.epoch, walltime=walltime)
            metrics = {} if trial.value is None else {"value": trial.value}
            parts = hparams(dict(trial.params), metrics)
            for part in parts:
                writer.file_writer.add_summary(part, walltime=walltime)
            if trial.value is not None:
                writer.add_scalar("value", trial.value, trial.best_epoch, walltime=walltime)
        (path,) = Path(folder).iterdir()
        return path.read_bytes()
