"""Normalisation of images as an encoder's weights were trained with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn, Tensor

# Statistics of ImageNet's images in 0..1, for red, green and blue.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """
    (image - mean) / std for each channel of an image, (B, 3, H, W) in 0..1; not trained.

    mean, std: three numbers each.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
    ) -> None:
        super().__init__()
        self.register_buffer('mean', torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Return the normalised image, (B, 3, H, W)."""
        return (image - self.mean) / self.std
