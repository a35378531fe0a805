"""The paper's decoder (docs/method.md#networks) over the features of any encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from trainer.model.layers import Conv3x3, Padding, UpConv3x3
from trainer.model.limits import MAX_DISPARITY_FRAC

SCALES = 4
# sigmoid(-3) * 0.3 is 1.4 % of the width: a typical disparity in a street. The paper starts at
# 15 %, from which a short training does not recover.
HEAD_BIAS = -3.0


class Decoded(NamedTuple):
    """
    The decoder's output.

    disparities: one (B, 2, H / 2**s, W / 2**s) float32 for each scale s, in fractions of the
        width, finest first.
    features: one (B, channels[level], H / 2**level, W / 2**level) for each level, finest first.
    """

    disparities: list[Tensor]
    features: list[Tensor]


class Decoder(nn.Module):
    """
    A decoder that upsamples step by step and predicts disparity at four scales.

    encoder_channels: number of channels of the encoder's features at H/2, H/4, ...
    channels: number of channels of the decoder's levels at H, H/2, ...
    """

    def __init__(
        self, encoder_channels: Sequence[int], channels: Sequence[int], *, padding: Padding
    ) -> None:
        super().__init__()
        self.channels = tuple(channels)
        levels = range(len(encoder_channels))
        skips = (0, *encoder_channels[:-1])
        below = (*channels[1:], encoder_channels[-1])
        joined = [channels[at] + skips[at] + (2 if at < SCALES - 1 else 0) for at in levels]
        self.upconvs = nn.ModuleList(
            _with_elu(UpConv3x3(below[at], channels[at], padding=padding)) for at in levels
        )
        self.iconvs = nn.ModuleList(
            _with_elu(Conv3x3(joined[at], channels[at], padding=padding)) for at in levels
        )
        heads = [Conv3x3(channels[at], 2, padding=padding) for at in range(SCALES)]
        self.heads = nn.ModuleList(heads)
        for head in heads:
            assert head.bias is not None
            nn.init.constant_(head.bias, HEAD_BIAS)

    def forward(self, features: list[Tensor]) -> Decoded:
        """
        Decode the encoder's features.

        features: (B, C, H / 2, W / 2), (B, C, H / 4, W / 4), ...
        """
        disparities: list[Tensor] = []
        decoded: list[Tensor] = []
        x = features[-1]
        for level in reversed(range(len(features))):
            parts = [self.upconvs[level](x)]
            if level > 0:
                parts.append(features[level - 1])
            if level < SCALES - 1:
                parts.append(_twice(disparities[0]).to(x.dtype))
            x = self.iconvs[level](torch.cat(parts, dim=1))
            decoded.insert(0, x)
            if level < SCALES:
                disparities.insert(0, _disparity_frac(self.heads[level], x))
        return Decoded(disparities, decoded)


def _disparity_frac(head: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(head, nn.Conv2d)
    # The heads run in float32: bfloat16 keeps 8 bits and would round disparities to 1.5 %.
    with torch.autocast(x.device.type, enabled=False):
        return MAX_DISPARITY_FRAC * torch.sigmoid(head(x.to(head.weight.dtype)))


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode='nearest')


def _with_elu(conv: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(conv, nn.ELU(inplace=True))
