"""A network that a teacher made as good in one pass as in two, and that knows its error."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

from torch import nn, Tensor

from trainer.model.decoder import in_float32
from trainer.model.layers import Conv3x3
from trainer.model.network import DepthNetwork

# A usual error on the streets that train; the head learns to tell pixels apart from there.
FIRST_ERROR = 0.1


class OnePass(NamedTuple):
    """
    The prediction of one pass.

    disparity: (B, 1, H, W) of the left view, in fractions of the width.
    log_error: (B, 1, H, W), logarithm of its expected relative error.
    """

    disparity: Tensor
    log_error: Tensor


class OnePassNetwork(nn.Module):
    """
    A DepthNetwork with a head for the error (docs/method.md#self-distillation).

    network: the network, whose right disparity and coarse scales no longer matter.
    """

    def __init__(self, network: DepthNetwork) -> None:
        super().__init__()
        self.network = network
        self.error_head = Conv3x3(network.decoder.channels[0], 1, padding='replicate')
        assert self.error_head.bias is not None
        nn.init.zeros_(self.error_head.weight)
        nn.init.constant_(self.error_head.bias, math.log(FIRST_ERROR))

    @property
    def stride(self) -> int:
        """Return the number of pixels that divides every valid height and width."""
        return self.network.stride

    def train(self, mode: bool = True) -> Self:
        """Train, but normalise batches as the teacher does: by its statistics of many images."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, image: Tensor) -> OnePass:
        """Predict an image, (B, 3, H, W) in 0..1; raise ValueError as DepthNetwork."""
        disparities, features = self.network.decode(image)
        return OnePass(disparities[0][:, :1], in_float32(self.error_head, features))
