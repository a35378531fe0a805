"""The computation of a training step, from images to loss, as one function to compile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
import os
import shutil
import sys
from typing import Any, Protocol

import torch
from torch import Tensor

from trainer.model.network import DepthNetwork
from trainer.train.losses import LossTerms, stereo_loss


class Terms(Protocol):
    """The terms of a loss, a NamedTuple."""

    @property
    def total(self) -> Tensor:
        """Return what is minimised."""

    def _asdict(self) -> dict[str, Tensor]: ...


# Called with a network and the arguments of forward_and_loss; the finest disparities are first.
Objective = Callable[..., tuple[list[Tensor], Terms]]


def forward_and_loss(
    network: DepthNetwork,
    left: Tensor,
    right: Tensor,
    *,
    baseline_ratio: Tensor,
    seen: Tensor | None = None,
    hints: Tensor | None = None,
    loss: Callable[..., LossTerms] = stereo_loss,
) -> tuple[list[Tensor], LossTerms]:
    """
    Return the disparities of the left images and the loss of the pairs.

    network: the network.
    left, right: (B, 3, H, W) in 0..1.
    seen: what the network sees of left; None: left itself.
    baseline_ratio, hints: see stereo_loss.
    loss: stereo_loss, compiled or not.
    """
    image = left if seen is None else seen
    disparities = network(image.contiguous(memory_format=memory_format(image.device)))
    return disparities, loss(left, right, disparities, baseline_ratio=baseline_ratio, hints=hints)


def compiled(objective: Objective, device: torch.device) -> Objective:
    """
    Return an objective compiled by torch; without a compiler, warn and do not compile.

    On a GPU, network and loss become one graph. On a CPU only stereo_loss is compiled, because the
    network would still use oneDNN's convolutions and gain nothing.
    """
    on_gpu = device.type == 'cuda'
    compiler = os.environ.get('CC', 'gcc') if on_gpu else os.environ.get('CXX', 'g++')
    if not shutil.which(compiler):
        print(f'compile: {compiler} not found; training without it', file=sys.stderr)
        return objective
    # Compile for fixed sizes, which do not change in a training: other code would be slower.
    if on_gpu:
        compiled: Objective = torch.compile(objective, dynamic=False)
        return compiled
    if objective is not forward_and_loss:
        return objective
    return partial(forward_and_loss, loss=torch.compile(stereo_loss, dynamic=False))


def memory_format(device: torch.device) -> torch.memory_format:
    """Return the faster memory format for network and images."""
    # With AVX2, oneDNN takes up to twice as long for weight gradients in channels_last.
    return torch.channels_last if device.type == 'cuda' else torch.contiguous_format


def adam(
    parameters: Iterable[torch.nn.Parameter] | list[dict[str, Any]],
    *,
    learning_rate: float,
    fused: bool,
) -> torch.optim.Adam:
    """Make the paper's optimiser (docs/method.md#optimisation); fused: one kernel for all."""
    return torch.optim.Adam(
        parameters, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=fused
    )
