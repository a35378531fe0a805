"""The loss of a network that a teacher makes as good in one pass as in two."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from trainer.model.one_pass import OnePass, OnePassNetwork
from trainer.train.forward_and_loss import memory_format
from trainer.train.teacher import Teacher


class DistillationTerms(NamedTuple):
    """The terms of the loss: |log d - log t| to the teacher, and error_loss."""

    distillation: Tensor
    error: Tensor

    @property
    def total(self) -> Tensor:
        """Return the sum that is minimised; each term moves parameters of its own."""
        return self.distillation + self.error


class Distillation:
    """
    The training of a OnePassNetwork, called as forward_and_loss is.

    docs/method.md#self-distillation.
    """

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher

    def __call__(
        self,
        network: OnePassNetwork,
        left: Tensor,
        right: Tensor,
        *,
        baseline_ratio: Tensor,
        seen: Tensor | None = None,
        hints: Tensor | None = None,
    ) -> tuple[list[Tensor], DistillationTerms]:
        """
        Return the left disparities of the left images, and the loss.

        seen: what the network sees of left, which the teacher sees; None: left itself.
        hints: as in forward_and_loss; None: error is 0.
        right does not matter.
        """
        taught = self._teacher(left.contiguous(memory_format=memory_format(left.device)))
        image = left if seen is None else seen
        predicted = network(image.contiguous(memory_format=memory_format(image.device)))
        known = torch.zeros_like(taught) if hints is None else hints[:, :1]
        ratio = baseline_ratio.view(-1, 1, 1, 1)
        # In half precision, logarithms would be off by about one per cent.
        with torch.autocast(left.device.type, enabled=False):
            terms = DistillationTerms(
                (predicted.disparity.log() - taught.log()).abs().mean(),
                error_loss(predicted, known / ratio),
            )
        return [predicted.disparity], terms


def error_loss(predicted: OnePass, hints: Tensor) -> Tensor:
    """
    Return log e + |log d - log h| / e where there are hints, their mean; e is the expected error.

    Where it is least, e is the mean of |log d - log h| over pixels that look alike (the negative
    log-likelihood of Laplace's distribution; Kendall and Gal, NeurIPS 2017). It moves e alone.

    hints: (B, 1, H, W) disparities of the canonical baseline, 0 where there is none.
    """
    known = hints > 0
    disparity = predicted.disparity.detach()
    error = (disparity.log() - torch.where(known, hints, disparity).log()).abs()
    each = predicted.error.log() + error / predicted.error
    return (each * known).sum() / known.sum().clamp(min=1)
