"""What one training step computes, from images to loss: one function for torch.compile to see."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
import os
import shutil
import sys

import torch
from torch import Tensor

from trainer.model.network import DepthNetwork
from trainer.train.losses import LossTerms, stereo_loss

Objective = Callable[..., tuple[list[Tensor], LossTerms]]


def objective(
    network: DepthNetwork,
    left: Tensor,
    right: Tensor,
    *,
    baseline_ratio: Tensor,
    loss: Callable[..., LossTerms] = stereo_loss,
) -> tuple[list[Tensor], LossTerms]:
    """
    The left images' disparities and the loss of the pairs.

    left, right: (B, 3, H, W) in 0..1. baseline_ratio: (B,), see stereo_loss.
    """
    disparities = network(left.contiguous(memory_format=memory_format(left.device)))
    return disparities, loss(left, right, disparities, baseline_ratio=baseline_ratio)


def compiled_objective(device: torch.device) -> Objective:
    """
    The same through torch.compile; without a compiler a warning is printed and it is as it was.

    On a GPU, network and loss become one graph. On a CPU only the loss is worth the minutes of
    compiling: oneDNN's convolutions stay what they are.
    """
    on_gpu = device.type == 'cuda'
    compiler = os.environ.get('CC', 'gcc') if on_gpu else os.environ.get('CXX', 'g++')
    if not shutil.which(compiler):
        print(f'compile: {compiler} not found, training goes on without', file=sys.stderr)
        return objective
    # Sizes do not change within a training: code for any size would be slower.
    if on_gpu:
        return torch.compile(objective, dynamic=False)
    return partial(objective, loss=torch.compile(stereo_loss, dynamic=False))


def memory_format(device: torch.device) -> torch.memory_format:
    """The faster one for network and images."""
    # With AVX2, oneDNN takes up to twice as long for weight gradients in channels_last.
    return torch.channels_last if device.type == 'cuda' else torch.contiguous_format


def adam(
    parameters: Iterable[torch.nn.Parameter], *, learning_rate: float, fused: bool
) -> torch.optim.Adam:
    """Make the paper's optimiser (docs/method.md#optimisation); fused: one kernel for all."""
    return torch.optim.Adam(
        parameters, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=fused
    )
