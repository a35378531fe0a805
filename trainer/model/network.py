"""Networks by name: an encoder and the paper's decoder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import nn, Tensor

from monodepth_ros.core.model_spec import check_size
from trainer.model.decoder import Decoded, Decoder
from trainer.model.error_head import ErrorHead
from trainer.model.godard import init_as_paper, ResNet50Encoder, VggEncoder
from trainer.model.layers import Padding
from trainer.model.mobilenet import EfficientNetLite0Encoder, MobileNetV2Encoder
from trainer.model.resnet import ResNetEncoder, RESNETS
from trainer.model.small import SmallEncoder
from trainer.model.timm_encoder import TimmEncoder
from trainer.model.weights import IMAGENET, load_weights

TIMM = 'timm/'
# Channels of the decoder at H, H/2, ...; a network uses one level per encoder feature. The
# paper's, and narrower ones that fit light encoders.
CHANNELS = (16, 32, 64, 128, 256, 512, 512)
LIGHT_CHANNELS = (16, 24, 48, 96, 128)
SMALL_CHANNELS = (8, 16, 32, 64, 96)


class Encoder(Protocol):
    """An encoder; `channels` are the channels of its features at H/2, H/4, ..."""

    channels: tuple[int, ...]

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Return the features of an image, (B, 3, H, W) in 0..1, finest first."""

    def half(self) -> object:
        """Compute in float16 from now on, as nn.Module does."""


class Predicted(NamedTuple):
    """
    The prediction for images of (B, 3, H, W).

    disparities: see DepthNetwork.
    error: (B, 1, H, W) expected relative error of the finest left disparity, up to 1; None if the
        network has not learnt it.
    """

    disparities: list[Tensor]
    error: Tensor | None


class DepthNetwork(nn.Module):
    """
    An encoder and the paper's decoder: an image in, disparities at four scales out.

    The image is (B, 3, H, W) in 0..1. The disparity of scale s is (B, 2, H / 2**s, W / 2**s)
    float32: left and right, in fractions of the width. The finest scale is first.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        channels: tuple[int, ...] = CHANNELS,
        padding: Padding = 'replicate',
    ) -> None:
        super().__init__()
        self.encoder = encoder
        levels = len(encoder.channels)
        self.decoder = Decoder(encoder.channels, channels[:levels], padding=padding)
        self.error_head: ErrorHead | None = None

    @property
    def stride(self) -> int:
        """Return the number of pixels that divides every valid height and width."""
        return 1 << len(self.encoder.channels)

    def learn_error(self, *, with_hints: bool) -> None:
        """Keep or add the head of the error for a training with hints, remove it for others."""
        if not with_hints:
            self.error_head = None
        elif self.error_head is None:
            self.error_head = ErrorHead(self.decoder.channels)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Predict disparities; raise ValueError for a size that is no multiple of the stride."""
        return self.predict(image).disparities

    def predict(self, image: Tensor) -> Predicted:
        """Predict disparities and their error; raise as forward."""
        height, width = image.shape[-2:]
        check_size(width=width, height=height, stride=self.stride)
        decoded: Decoded = self.decoder(self.encoder(image))
        if self.error_head is None:
            return Predicted(decoded.disparities, None)
        # It learns the error of the disparity as it is, and must not change what that sees.
        error: Tensor = self.error_head([level.detach() for level in decoded.features])
        return Predicted(decoded.disparities, error)


def build_network(
    name: str, *, weights: str | None = None, log: Callable[[str], object] = print
) -> DepthNetwork:
    """
    Build a network by name, on the CPU.

    name: a key of NETWORKS or 'timm/NAME'.
    weights: weights of the encoder: None, 'imagenet', or the path of a file, see load_weights.
    log: called with a line that names the file of the weights; timm finds its own.
    Raises ValueError for other names and for weights that do not fit.
    """
    if name.startswith(TIMM):
        return _timm_network(name, weights)
    if name not in NETWORKS:
        known = ', '.join(NETWORKS)
        raise ValueError(f'network is {name!r}, expected {known} or {TIMM}NAME')
    network = NETWORKS[name]()
    if weights is not None:
        load_weights(network.get_submodule('encoder'), name, weights, log)
    return network


def stride_of(name: str) -> int:
    """Return the stride of a network by name, without allocating or loading its weights."""
    with torch.device('meta'):
        return build_network(name).stride


def _timm_network(name: str, weights: str | None) -> DepthNetwork:
    if weights not in (None, IMAGENET):
        raise ValueError(
            f'weights of {name} are {weights!r}, expected {IMAGENET!r} or none: timm chooses and '
            f'fetches its own files'
        )
    return DepthNetwork(TimmEncoder(name.removeprefix(TIMM), pretrained=weights == IMAGENET))


def _resnet(name: str) -> DepthNetwork:
    return DepthNetwork(ResNetEncoder(name))


def _as_paper(encoder: Encoder) -> DepthNetwork:
    return DepthNetwork(encoder, padding='zeros').apply(init_as_paper)


NETWORKS: dict[str, Callable[[], DepthNetwork]] = {
    'godard_vgg': lambda: _as_paper(VggEncoder()),
    'godard_resnet50': lambda: _as_paper(ResNet50Encoder()),
    'small': lambda: DepthNetwork(SmallEncoder(), channels=SMALL_CHANNELS),
    'mobilenet_v2': lambda: DepthNetwork(MobileNetV2Encoder(), channels=LIGHT_CHANNELS),
    'efficientnet_lite0': lambda: DepthNetwork(
        EfficientNetLite0Encoder(), channels=LIGHT_CHANNELS
    ),
    **{name: partial(_resnet, name) for name in RESNETS},
}
