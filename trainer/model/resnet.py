"""ResNets with BatchNorm (He et al. 2016), named as torchvision names their weights."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn, Tensor
import torch.nn.functional as F

from trainer.model.normalise import Normalise

WIDTHS = (64, 128, 256, 512)


class ResNetEncoder(nn.Module):
    """
    A ResNet without its classifier.

    image: (B, 3, H, W) in 0..1. Returns features at H/2 to H/32 with `channels` channels.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        block, depths = RESNETS[name]
        self.normalise = Normalise()
        outputs = [width * block.expansion for width in WIDTHS]
        self.channels = (64, *outputs)
        self.conv1 = _conv(3, 64, 7, stride=2)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(block, 64, WIDTHS[0], depths[0], stride=1)
        self.layer2 = _stage(block, outputs[0], WIDTHS[1], depths[1], stride=2)
        self.layer3 = _stage(block, outputs[1], WIDTHS[2], depths[2], stride=2)
        self.layer4 = _stage(block, outputs[2], WIDTHS[3], depths[3], stride=2)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features, finest first."""
        x = F.relu(self.bn1(self.conv1(self.normalise(image))), inplace=True)
        features = [x]
        x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            features.append(x)
        return features


class BasicBlock(nn.Module):
    """A residual block of two 3x3 convolutions."""

    expansion = 1

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, width, 3, stride=stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, width, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x), inplace=True)


class Bottleneck(nn.Module):
    """A residual block of 1x1, 3x3 and 1x1 convolutions; the 3x3 one has the stride."""

    expansion = 4

    def __init__(self, inputs: int, width: int, *, stride: int) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1 = _conv(inputs, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, stride=stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, 4 * width, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x), inplace=True)


class Architecture(NamedTuple):
    """The type of block of a ResNet, and the number of blocks in each of its four stages."""

    block: type[BasicBlock] | type[Bottleneck]
    depths: tuple[int, int, int, int]


RESNETS = {
    'resnet18': Architecture(BasicBlock, (2, 2, 2, 2)),
    'resnet34': Architecture(BasicBlock, (3, 4, 6, 3)),
    'resnet50': Architecture(Bottleneck, (3, 4, 6, 3)),
}


def _stage(
    block: type[BasicBlock] | type[Bottleneck], inputs: int, width: int, depth: int, *, stride: int
) -> nn.Sequential:
    first = block(inputs, width, stride=stride)
    outputs = width * block.expansion
    return nn.Sequential(first, *(block(outputs, width, stride=1) for _ in range(depth - 1)))


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Module:
    if inputs == outputs and stride == 1:
        return nn.Identity()
    return nn.Sequential(_conv(inputs, outputs, 1, stride=stride), nn.BatchNorm2d(outputs))


def _conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode='fan_out', nonlinearity='relu')
    return conv
