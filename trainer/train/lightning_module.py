"""The training of one batch: Lightning's hooks around the network and the paper's loss."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR

from trainer.model.network import DepthNetwork
from trainer.train.augment import augment
from trainer.train.checkpoint import record_entry, TrainingRecord, VALIDATION_LOSS
from trainer.train.forward_and_loss import (
    adam,
    compiled_forward_and_loss,
    forward_and_loss,
    memory_format,
)
from trainer.train.panels import training_panel
from trainer.train.samples import StereoSample

PANELS = 4


class TrainingDivergedError(ValueError):
    """Raised if the loss or a weight is no finite number any more."""


class StereoDepth(L.LightningModule):
    """
    The training of disparity from pairs (docs/method.md#loss).

    network: the network to train.
    record: origin of the weights, stored in checkpoints.
    learning_rate: of Adam at the start.
    compile: whether to use torch.compile.
    """

    def __init__(
        self,
        network: DepthNetwork,
        record: TrainingRecord,
        *,
        learning_rate: float,
        compile: bool,
    ) -> None:
        super().__init__()
        self.network = network
        self._compile = compile
        self._forward_and_loss = forward_and_loss
        self._record = record
        self._learning_rate = learning_rate
        self._unchecked: tuple[Tensor, StereoSample] | None = None

    def on_fit_start(self) -> None:
        """Set memory format and compilation, which depend on the device, known only now."""
        # torch declares no such overload of its own.
        self.network.to(memory_format=memory_format(self.device))  # type: ignore[call-overload]
        if self._compile:
            self._forward_and_loss = compiled_forward_and_loss(self.device)

    def training_step(self, batch: StereoSample, index: int) -> Tensor:
        """Return the loss of one augmented batch."""
        self._check_last_loss()
        augmented = augment(batch)
        _, terms = self._forward_and_loss(self.network, **augmented._asdict())
        self._unchecked = terms.total.detach(), batch
        self.log('loss', terms.total.detach(), sync_dist=True)
        self.log_dict({name: value.detach() for name, value in terms._asdict().items()})
        schedule = self.lr_schedulers()
        assert isinstance(schedule, LRScheduler)  # see configure_optimizers
        self.log('learning_rate', schedule.get_last_lr()[0])
        return terms.total

    def validation_step(self, batch: StereoSample, index: int) -> None:
        """Log the paper's loss without augmentation, and pictures of the first batch."""
        left, right = batch.left / 255, batch.right / 255
        disparities, terms = forward_and_loss(
            self.network, left, right, baseline_ratio=batch.baseline_ratio
        )
        self.log(VALIDATION_LOSS, terms.total, sync_dist=True, batch_size=len(left))
        if index == 0 and isinstance(self.logger, TensorBoardLogger):
            of_rig = disparities[0] * batch.baseline_ratio.view(-1, 1, 1, 1)
            for at in range(min(PANELS, len(left))):
                panel = training_panel(left[at], right[at], of_rig[at])
                self.logger.experiment.add_image(
                    f'validation/{at}', panel, self.global_step, dataformats='HWC'
                )

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Halve the learning rate at 3/5 and 4/5 of all steps (docs/method.md#optimisation)."""
        # Lightning cannot clip gradients if a fused kernel unscales them.
        fused = self.trainer.gradient_clip_val is None
        optimizer = adam(self.parameters(), learning_rate=self._learning_rate, fused=fused)
        steps = int(self.trainer.estimated_stepping_batches)
        milestones = [steps * 3 // 5, steps * 4 // 5]
        schedule = MultiStepLR(optimizer, milestones, gamma=0.5)
        return {
            'optimizer': optimizer,
            'lr_scheduler': {'scheduler': schedule, 'interval': 'step'},
        }

    def on_train_end(self) -> None:
        """Check the loss of the last step, which no next step checks."""
        self._check_last_loss()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the record; raise TrainingDivergedError if weights are not finite."""
        self._check_last_loss()
        # Check weights too: the loss of another process, or only a gradient, may be infinite.
        if not all(torch.isfinite(value).all() for value in self.parameters()):
            raise TrainingDivergedError(
                'a gradient made weights infinite; lower learning_rate, or set '
                'trainer.gradient_clip_val. The last checkpoint is from before it'
            )
        checkpoint |= record_entry(self._record)

    def _check_last_loss(self) -> None:
        # Check a step late: reading the latest value would make the CPU wait for the GPU.
        if self._unchecked is None:
            return
        loss, batch = self._unchecked
        self._unchecked = None
        if not torch.isfinite(loss):
            raise TrainingDivergedError(
                f'the loss became {loss.item()} in the batch of {"; ".join(batch.name)}; look at '
                'these pairs, or lower learning_rate. The last checkpoint is from before it'
            )
