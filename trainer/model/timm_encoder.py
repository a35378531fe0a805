"""Encoders of the timm library, which is optional."""

from __future__ import annotations

from typing import Any

from torch import nn, Tensor
import torch.nn.functional as F

from monodepth_ros.common.errors import one_line
from trainer.model.decoder import SCALES
from trainer.model.normalise import Normalise


class TimmEncoder(nn.Module):
    """
    Any encoder of timm that returns one feature map for each halving of the size.

    image: (B, 3, H, W) in 0..1. Returns features at H/2, H/4, ... with `channels` channels. If
    timm's first feature map is at H/4, as in ConvNeXt, the image is used as the one at H/2.
    """

    def __init__(self, name: str, *, pretrained: bool) -> None:
        super().__init__()
        # timm's own class, with more than an nn.Module has.
        self.features: Any = _create(name, pretrained=pretrained)
        layout: Any = getattr(self.features, 'output_fmt', 'NCHW')
        if layout != 'NCHW':
            raise ValueError(
                f'timm/{name} returns features as {layout.value}, expected NCHW of any size; '
                f'choose a convolutional encoder'
            )
        reductions = list(self.features.feature_info.reduction())
        channels = tuple(self.features.feature_info.channels())
        self._begins_at_half = reductions[0] == 2
        self.channels = channels if self._begins_at_half else (3, *channels)
        halvings = [2 ** (at + 1) for at in range(len(self.channels))]
        if reductions != halvings[-len(reductions) :] or len(halvings) < SCALES:
            raise ValueError(
                f'timm/{name} divides the size by {reductions}, expected a feature map for each '
                f'of {halvings}; choose a convolutional or hierarchical encoder'
            )
        trained_on = self.features.pretrained_cfg
        self.normalise = Normalise(trained_on['mean'], trained_on['std'])

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the features, finest first."""
        x = self.normalise(image)
        features = self.features(x)
        return features if self._begins_at_half else [F.avg_pool2d(x, 2), *features]


def _create(name: str, *, pretrained: bool) -> Any:
    try:
        import timm
    # A torchvision that does not match torch raises RuntimeError on import.
    except (ImportError, RuntimeError) as error:
        raise ValueError(
            f'timm/{name} needs timm ({one_line(error)}); install it with: pip install timm'
        ) from error
    try:
        return timm.create_model(name, pretrained=pretrained, features_only=True)
    # timm raises other errors for unknown names, encoders without features, failed downloads.
    except Exception as error:
        raise ValueError(f'timm cannot create {name}: {one_line(error)}') from error
