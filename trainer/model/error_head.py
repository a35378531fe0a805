"""The head that predicts the error of a network's own disparity."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from trainer.model.layers import Conv3x3

# The decoder's levels at H/4, H/8 and H/16: the error is one of objects, not of pixels.
FINEST, COARSEST = 2, 4
CHANNELS = 16
# No prediction is better than that. Without a bound, a step too far would divide by nothing.
MIN_ERROR = 0.005
# The sigmoid of it is 0.1, a usual error on streets that train.
HEAD_BIAS = -2.2


class ErrorHead(nn.Module):
    """
    A few convolutions over what the decoder knows at H/4 and coarser.

    channels: channels of the decoder's levels at H, H/2, ...
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        levels = channels[FINEST : COARSEST + 1]
        self.narrow = nn.ModuleList(nn.Conv2d(level, CHANNELS, kernel_size=1) for level in levels)
        self.mix = Conv3x3(CHANNELS, CHANNELS, padding='replicate')
        self.head = Conv3x3(CHANNELS, 1, padding='replicate')
        assert self.head.bias is not None
        nn.init.zeros_(self.head.weight)
        nn.init.constant_(self.head.bias, HEAD_BIAS)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """
        Return the expected relative error, (B, 1, H, W) float32, MIN_ERROR to 1.

        features: of the decoder's levels, finest first.
        """
        levels = features[FINEST : COARSEST + 1]
        with torch.autocast(levels[0].device.type, enabled=False):
            parts = [
                _enlarged(narrow(level.to(self.head.weight.dtype)), 2**at)
                for at, (narrow, level) in enumerate(zip(self.narrow, levels, strict=True))
            ]
            mixed = self.mix(F.elu(torch.stack(parts).sum(dim=0)))
            expected = torch.sigmoid(_enlarged(self.head(F.elu(mixed)), 2**FINEST))
            return MIN_ERROR + (1 - MIN_ERROR) * expected


def _enlarged(x: Tensor, factor: int) -> Tensor:
    if factor == 1:
        return x
    return F.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=False)
