"""Pictures of a training for TensorBoard."""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from trainer.model.warp import warp

ERROR_AT_WHITE = 0.5


def training_panel(left: Tensor, right: Tensor, disparity: Tensor) -> np.ndarray:
    """
    Stack input, left disparity, left view reconstructed from the right one, and its error.

    left, right: (3, H, W) in 0..1.
    disparity: (2, H, W) of this rig, in fractions of the width.
    Returns (4 H, W, 3) uint8 RGB, with disparity from 0 to its maximum, and the error from 0 to
    ERROR_AT_WHITE.
    """
    d_left = disparity[None, :1]
    rebuilt = warp(right[None], offset_frac=-d_left)[0]
    error = (rebuilt - left).abs().mean(dim=0) / ERROR_AT_WHITE
    relative = d_left[0, 0] / d_left.max()
    rows = [_rgb(left), _colored(relative, cv2.COLORMAP_TURBO), _rgb(rebuilt)]
    return np.concatenate([*rows, _colored(error, cv2.COLORMAP_INFERNO)])


def _rgb(image: Tensor) -> np.ndarray:
    return _levels(image).transpose(1, 2, 0)


def _colored(values: Tensor, colors: int) -> np.ndarray:
    return cv2.cvtColor(cv2.applyColorMap(_levels(values), colors), cv2.COLOR_BGR2RGB)


def _levels(values: Tensor) -> np.ndarray:
    return (values.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
