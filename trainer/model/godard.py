"""
The paper's two encoders (Godard et al. 2017 and its supplement; docs/method.md#networks).

Both are plain convolutions with zero padding and ELU, without BatchNorm and without
normalisation of the image.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn, Tensor
import torch.nn.functional as F

VGG_KERNELS = (7, 5, 3, 3, 3, 3, 3)
RESNET50_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
EXPANSION = 4


class VggEncoder(nn.Module):
    """
    The paper's VGG: seven blocks, each a convolution of stride 1 and one of stride 2.

    image: (B, 3, H, W) in 0..1. Returns features at H/2 to H/128 with `channels` channels.
    """

    channels: tuple[int, ...] = (32, 64, 128, 256, 512, 512, 512)

    def __init__(self) -> None:
        super().__init__()
        widths = pairwise((3, *self.channels))
        self.blocks = nn.ModuleList(
            nn.Sequential(
                _conv_elu(inputs, outputs, kernel),
                _conv_elu(outputs, outputs, kernel, stride=2),
            )
            for (inputs, outputs), kernel in zip(widths, VGG_KERNELS, strict=True)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features, finest first."""
        features = [image]
        for block in self.blocks:
            features.append(block(features[-1]))
        return features[1:]


class ResNet50Encoder(nn.Module):
    """
    The paper's own ResNet50, whose stages halve the size in their last block.

    image: (B, 3, H, W) in 0..1. Returns features at H/2 to H/64 with `channels` channels.
    """

    channels: tuple[int, ...] = (64, 64, 256, 512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _conv_elu(3, 64, 7, stride=2)
        self.stages = nn.ModuleList(
            _stage(inputs, width, blocks)
            for inputs, (width, blocks) in zip(self.channels[1:-1], RESNET50_STAGES, strict=True)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features, finest first."""
        conv1 = self.conv1(image)
        # Explicit zeros, as in every layer: max_pool2d pads with -inf, and ELU can be negative.
        pool1 = F.max_pool2d(F.pad(conv1, (1, 1, 1, 1)), kernel_size=3, stride=2)
        features = [conv1, pool1]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return features


class GodardBottleneck(nn.Module):
    """A residual block of 1x1, 3x3 and 1x1 convolutions whose shortcut is always projected."""

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.convs = nn.Sequential(
            _conv_elu(inputs, width, 1),
            _conv_elu(width, width, 3, stride=stride),
            nn.Conv2d(width, outputs, 1),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, 4 * width, H / stride, W / stride)."""
        return F.elu(self.convs(x) + self.shortcut(x))


def init_as_paper(module: nn.Module) -> None:
    """Set Glorot-uniform weights and zero biases; with the heads' at zero, disparity is 15 %."""
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        assert module.bias is not None
        nn.init.zeros_(module.bias)


def _stage(inputs: int, width: int, blocks: int) -> nn.Sequential:
    widths = (inputs, *[EXPANSION * width] * (blocks - 1))
    strides = (*[1] * (blocks - 1), 2)
    return nn.Sequential(
        *(GodardBottleneck(i, width, stride=s) for i, s in zip(widths, strides, strict=True))
    )


def _conv_elu(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=(kernel - 1) // 2)
    return nn.Sequential(conv, nn.ELU(inplace=True))
