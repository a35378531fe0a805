"""The progress of a training: its speed and the time left."""

from __future__ import annotations

import time
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ProgressBar
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainer.train.checkpoint import VALIDATION_LOSS
from trainer.train.samples import StereoSample

# Reading a loss makes the CPU wait for the GPU, so it is not read at every step.
STEPS_A_LINE = 10


class TrainingProgress(ProgressBar):
    """One bar for the whole training: steps, images/s of all processes, losses, time left."""

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._bar = Progress(
            TextColumn('train'),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn('steps · {task.fields[rate]:.1f} images/s · {task.fields[losses]}· ETA'),
            TimeRemainingColumn(),
        )

    def disable(self) -> None:
        """Show nothing; Lightning calls it in every process but the first."""
        self._enabled = False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        self._start_s, self._images = time.monotonic(), 0
        total = trainer.estimated_stepping_batches
        self._task = self._bar.add_task(
            'train', total=total, completed=trainer.global_step, rate=0.0, losses=''
        )
        if self._enabled:
            self._bar.start()

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: StereoSample,
        batch_idx: int,
    ) -> None:
        """Count the batch."""
        self._images += len(batch.name) * trainer.world_size
        pl_module.log('images_per_s', self._rate())
        if self._enabled and trainer.global_step % STEPS_A_LINE == 0:
            self._update(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Show the final state and stop."""
        self._update(trainer)
        self._bar.stop()

    def on_exception(self, *_: Any) -> None:
        """Release the terminal before the error is printed."""
        self._bar.stop()

    def _rate(self) -> float:
        return self._images / (time.monotonic() - self._start_s)

    def _update(self, trainer: L.Trainer) -> None:
        self._bar.update(
            self._task,
            completed=trainer.global_step,
            rate=self._rate(),
            losses=_losses(trainer),
        )


def _losses(trainer: L.Trainer) -> str:
    metrics = trainer.callback_metrics
    shown = [
        f'{name} {metrics[name]:.3f} ' for name in ('loss', VALIDATION_LOSS) if name in metrics
    ]
    return ''.join(shown)
