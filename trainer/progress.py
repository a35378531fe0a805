"""How fast a training goes, and how long it will take."""

from __future__ import annotations

from datetime import timedelta
import time
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import RichProgressBar

from trainer.data.pairs import StereoSample

IMAGES_PER_S = 'images_per_s'


class TrainingProgress(RichProgressBar):
    """Lightning's bar with images/s of all processes and the time left of the whole training."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock."""
        super().on_train_start(trainer, pl_module)
        self._start_s, self._first_step = time.monotonic(), trainer.global_step
        self._images = 0

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
        rate = self._images / (time.monotonic() - self._start_s)
        pl_module.log(IMAGES_PER_S, rate, prog_bar=True)
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def get_metrics(self, trainer: L.Trainer, pl_module: L.LightningModule) -> dict[str, Any]:
        """What stands behind the bar."""
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop('v_num', None)
        done = trainer.global_step - self._first_step
        if done:
            left = trainer.estimated_stepping_batches - trainer.global_step
            seconds = (time.monotonic() - self._start_s) / done * left
            metrics['ETA'] = str(timedelta(seconds=round(seconds)))
        return metrics
