"""The paper's decoder (METHOD section 1) over any encoder, and the two together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from trainer.model.encoders import SmallEncoder

MAX_DISPARITY_FRAC = 0.3
SCALES = 4
# sigmoid(-3) * 0.3 is 1.4 % of the width: about what a street shows. The paper starts at 15 %,
# from where a short training does not find back.
HEAD_BIAS = -3.0


class Decoder(nn.Module):
    """
    Upsamples step by step, joins the encoder's features, predicts disparity at four scales.

    encoder_channels: of the features at H/2, H/4, ...; channels: of the levels at H, H/2, ...
    """

    def __init__(self, encoder_channels: Sequence[int], channels: Sequence[int]) -> None:
        super().__init__()
        levels = range(len(encoder_channels))
        skips = (0, *encoder_channels[:-1])
        below = (*channels[1:], encoder_channels[-1])
        self.upconvs = nn.ModuleList(_conv_elu(below[at], channels[at]) for at in levels)
        self.iconvs = nn.ModuleList(
            _conv_elu(channels[at] + skips[at] + (2 if at < SCALES - 1 else 0), channels[at])
            for at in levels
        )
        self.heads = nn.ModuleList(_head(channels[at]) for at in range(SCALES))

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Disparities (B, 2, H / 2**s, W / 2**s) in fractions of the width, finest first."""
        disparities: list[Tensor] = []
        x = features[-1]
        for level in reversed(range(len(features))):
            parts = [self.upconvs[level](_twice(x))]
            if level > 0:
                parts.append(features[level - 1])
            if level < SCALES - 1:
                parts.append(_twice(disparities[0]))
            x = self.iconvs[level](torch.cat(parts, dim=1))
            if level < SCALES:
                logits = self.heads[level](x).float()
                disparities.insert(0, MAX_DISPARITY_FRAC * torch.sigmoid(logits))
        return disparities


class DepthNetwork(nn.Module):
    """image (B, 3, H, W) in 0..1 -> disparities of both views at four scales, finest first."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = SmallEncoder()
        self.decoder = Decoder(self.encoder.channels, (8, 16, 32, 64, 96))

    @property
    def stride(self) -> int:
        """Height and width of the input must be multiples of it."""
        return self.encoder.stride

    def forward(self, image: Tensor) -> list[Tensor]:
        """See the class."""
        return self.decoder(self.encoder(image))


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode='nearest')


def _conv_elu(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(_padded_conv(inputs, outputs), nn.ELU(inplace=True))


def _padded_conv(inputs: int, outputs: int) -> nn.Conv2d:
    # The paper pads with zeros, which leaves a frame of wrong depth around the image.
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode='replicate')


def _head(inputs: int) -> nn.Conv2d:
    head = _padded_conv(inputs, 2)
    nn.init.constant_(head.bias, HEAD_BIAS)
    return head
