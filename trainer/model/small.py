"""A small encoder that trains on a CPU, for the demo."""

from __future__ import annotations

from itertools import pairwise

from torch import nn, Tensor

IMAGE_MEAN = 0.45
IMAGE_STD = 0.225


class SmallEncoder(nn.Module):
    """
    An encoder of five stages, each two 3x3 convolutions with BatchNorm.

    image: (B, 3, H, W) in 0..1. Returns features at H/2 to H/32 with `channels` channels.
    """

    channels: tuple[int, ...] = (16, 32, 64, 96, 128)

    def __init__(self) -> None:
        super().__init__()
        widths = (3, *self.channels)
        self.stages = nn.ModuleList(
            nn.Sequential(
                _conv_bn_elu(inputs, outputs, stride=2), _conv_bn_elu(outputs, outputs, stride=1)
            )
            for inputs, outputs in pairwise(widths)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features, finest first."""
        features = []
        x = (image - IMAGE_MEAN) / IMAGE_STD
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features


def _conv_bn_elu(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ELU(inplace=True))
