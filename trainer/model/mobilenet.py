"""
MobileNetV2 and EfficientNet-Lite0: light encoders, named as their public weights name them.

MobileNetV2: Sandler et al. 2018. EfficientNet-Lite0: EfficientNet (Tan and Le 2019) without
squeeze-and-excitation and with ReLU6, made for int8.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from torch import nn, Tensor

from trainer.model.normalise import Normalise

STEM_CHANNELS = 32
# TensorFlow's 127 and 128 of 0..255. With these the first layer's outputs on photographs have the
# variance that its BatchNorm stores; with ImageNet's mean and std they have five times as much.
LITE_MEAN, LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3


class Stage(NamedTuple):
    """Blocks of one width: the first has the stride, the others have stride 1."""

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int


# Table 2 of the MobileNetV2 paper.
MOBILENET_V2 = (
    Stage(1, 16, 1, 1, 3),
    Stage(6, 24, 2, 2, 3),
    Stage(6, 32, 3, 2, 3),
    Stage(6, 64, 4, 2, 3),
    Stage(6, 96, 3, 1, 3),
    Stage(6, 160, 3, 2, 3),
    Stage(6, 320, 1, 1, 3),
)
# Table 1 of the EfficientNet paper (B0), whose widths Lite0 keeps.
EFFICIENTNET_LITE0 = (
    Stage(1, 16, 1, 1, 3),
    Stage(6, 24, 2, 2, 3),
    Stage(6, 40, 2, 2, 5),
    Stage(6, 80, 3, 2, 3),
    Stage(6, 112, 3, 1, 5),
    Stage(6, 192, 4, 2, 5),
    Stage(6, 320, 1, 1, 3),
)


class MobileNetV2Encoder(nn.Module):
    """
    MobileNetV2 without its last convolution and its classifier, as torchvision names it.

    image: (B, 3, H, W) in 0..1. Returns features at H/2 to H/32 with `channels` channels.
    """

    channels: tuple[int, ...] = (16, 24, 32, 96, 320)

    def __init__(self) -> None:
        super().__init__()
        self.normalise = Normalise()
        stem = nn.Sequential(*_conv_bn_relu6(3, STEM_CHANNELS, 3, stride=2))
        self.features = nn.Sequential(
            stem, *(MobileNetBlock(block) for block in _blocks(MOBILENET_V2))
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features, finest first."""
        stem, *blocks = self.features
        return _features(stem(self.normalise(image)), blocks)


class EfficientNetLite0Encoder(nn.Module):
    """
    EfficientNet-Lite0 without its last convolution and its classifier, named as its weights.

    image: (B, 3, H, W) in 0..1. Returns features at H/2 to H/32 with `channels` channels.

    A convolution of stride 2 is padded on all sides. TensorFlow pads it on the right and below
    only, which moves the features at H/32 by 31 px of the image.
    """

    channels: tuple[int, ...] = (16, 24, 40, 112, 320)

    def __init__(self) -> None:
        super().__init__()
        self.normalise = Normalise(LITE_MEAN, LITE_STD)
        self._conv_stem, self._bn0, self._relu6 = _conv_bn_relu6(3, STEM_CHANNELS, 3, stride=2)
        self._blocks = nn.ModuleList(LiteBlock(block) for block in _blocks(EFFICIENTNET_LITE0))
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                # TensorFlow's values, with which the weights were trained.
                module.eps, module.momentum = 1e-3, 0.01

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features, finest first."""
        x = self._relu6(self._bn0(self._conv_stem(self.normalise(image))))
        return _features(x, self._blocks)


class Block(NamedTuple):
    """The shape of an inverted residual: widen by 1x1, filter each channel, narrow by 1x1."""

    inputs: int
    outputs: int
    expansion: int
    stride: int
    kernel: int

    @property
    def is_residual(self) -> bool:
        """Return whether the block adds its input to its output."""
        return self.stride == 1 and self.inputs == self.outputs

    def layers(self) -> list[nn.Module]:
        """Return new layers, the first three of which a block that does not widen lacks."""
        inside = self.inputs * self.expansion
        widen = _conv_bn_relu6(self.inputs, inside, 1) if self.expansion > 1 else []
        filtered = _conv_bn_relu6(inside, inside, self.kernel, stride=self.stride, groups=inside)
        narrow = _conv(inside, self.outputs, 1)
        return [*widen, *filtered, narrow, nn.BatchNorm2d(self.outputs)]


class MobileNetBlock(nn.Module):
    """An inverted residual, named as torchvision names it; see Block."""

    def __init__(self, shape: Block) -> None:
        super().__init__()
        self.shape = shape
        *filtered, narrow, norm = shape.layers()
        triples = (filtered[at : at + 3] for at in range(0, len(filtered), 3))
        self.conv = nn.Sequential(*(nn.Sequential(*triple) for triple in triples), narrow, norm)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        y: Tensor = self.conv(x)
        return x + y if self.shape.is_residual else y


class LiteBlock(nn.Sequential):
    """An inverted residual, named as the weights of EfficientNet for torch name it; see Block."""

    names = (
        *('_expand_conv', '_bn0', '_relu0'),
        *('_depthwise_conv', '_bn1', '_relu1'),
        *('_project_conv', '_bn2'),
    )

    def __init__(self, shape: Block) -> None:
        layers = shape.layers()
        super().__init__(OrderedDict(zip(self.names[-len(layers) :], layers, strict=True)))
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        y: Tensor = super().forward(x)  # type: ignore[no-untyped-call]  # torch's Sequential
        return x + y if self.shape.is_residual else y


def _blocks(stages: Iterable[Stage]) -> Iterator[Block]:
    inputs = STEM_CHANNELS
    for stage in stages:
        for at in range(stage.blocks):
            stride = stage.stride if at == 0 else 1
            yield Block(inputs, stage.channels, stage.expansion, stride, stage.kernel)
            inputs = stage.channels


def _features(x: Tensor, blocks: Iterable[nn.Module]) -> list[Tensor]:
    """Return the last feature map of each size, finest first."""
    features = [x]
    for block in blocks:
        x = block(x)
        if x.shape[-1] == features[-1].shape[-1]:
            features.pop()
        features.append(x)
    return features


def _conv_bn_relu6(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    conv = _conv(inputs, outputs, kernel, stride=stride, groups=groups)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True)]


def _conv(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    conv = nn.Conv2d(
        inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
    )
    nn.init.kaiming_normal_(conv.weight, mode='fan_out')
    return conv
