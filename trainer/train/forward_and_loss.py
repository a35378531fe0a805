"""The computation of a training step, from images to loss, as one function to compile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
import os
import shutil
import sys

import torch
from torch import Tensor

from trainer.model.network import DepthNetwork
from trainer.train.hint_loss import error_loss
from trainer.train.losses import LossTerms, stereo_loss

ForwardAndLoss = Callable[..., tuple[list[Tensor], LossTerms]]


def forward_and_loss(
    network: DepthNetwork,
    left: Tensor,
    right: Tensor,
    *,
    baseline_ratio: Tensor,
    hints: Tensor | None = None,
    loss: Callable[..., LossTerms] = stereo_loss,
) -> tuple[list[Tensor], LossTerms]:
    """
    Return the disparities of the left images and the loss of the pairs.

    network: the network.
    left, right: (B, 3, H, W) in 0..1.
    baseline_ratio, hints: see stereo_loss.
    loss: stereo_loss, compiled or not.
    """
    disparities, error = network.predict(left.contiguous(memory_format=memory_format(left.device)))
    terms = loss(left, right, disparities, baseline_ratio=baseline_ratio, hints=hints)
    if error is not None and hints is not None:
        of_left = disparities[0][:, :1] * baseline_ratio.view(-1, 1, 1, 1)
        terms = terms._replace(error=error_loss(error, of_left, hints[:, :1]))
    return disparities, terms


def compiled_forward_and_loss(device: torch.device) -> ForwardAndLoss:
    """
    Return forward_and_loss compiled by torch; without a compiler, warn and do not compile.

    On a GPU, network and loss become one graph. On a CPU only the loss is compiled, because the
    network would still use oneDNN's convolutions and gain nothing.
    """
    on_gpu = device.type == 'cuda'
    compiler = os.environ.get('CC', 'gcc') if on_gpu else os.environ.get('CXX', 'g++')
    if not shutil.which(compiler):
        print(f'compile: {compiler} not found; training without it', file=sys.stderr)
        return forward_and_loss
    # Compile for fixed sizes, which do not change in a training: other code would be slower.
    if on_gpu:
        return torch.compile(forward_and_loss, dynamic=False)
    return partial(forward_and_loss, loss=torch.compile(stereo_loss, dynamic=False))


def memory_format(device: torch.device) -> torch.memory_format:
    """Return the faster memory format for network and images."""
    # With AVX2, oneDNN takes up to twice as long for weight gradients in channels_last.
    return torch.channels_last if device.type == 'cuda' else torch.contiguous_format


def adam(
    parameters: Iterable[torch.nn.Parameter], *, learning_rate: float, fused: bool
) -> torch.optim.Adam:
    """Make the paper's optimiser (docs/method.md#optimisation); fused: one kernel for all."""
    return torch.optim.Adam(
        parameters, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=fused
    )
