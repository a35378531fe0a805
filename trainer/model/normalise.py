"""Normalisation of images as the ImageNet weights were trained with."""

from __future__ import annotations

import torch
from torch import nn, Tensor

# Statistics of ImageNet's images in 0..1, for red, green and blue.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Normalise(nn.Module):
    """(image - mean) / std for each channel of an image, (B, 3, H, W) in 0..1; not trained."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('mean', torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """Return the normalised image, (B, 3, H, W)."""
        return (image - self.mean) / self.std
