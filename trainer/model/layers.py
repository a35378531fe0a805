"""The decoder's two layers: 3x3 convolutions with zero or replicate padding."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn, Tensor
import torch.nn.functional as F

# The paper pads with zeros, which leaves a frame of wrong depth around the image.
Padding = Literal['zeros', 'replicate']


class Conv3x3(nn.Conv2d):
    """A 3x3 convolution, (B, inputs, H, W) -> (B, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int, *, padding: Padding) -> None:
        super().__init__(inputs, outputs, kernel_size=3, padding=1, padding_mode=padding)

    def forward(self, x: Tensor) -> Tensor:
        """Pad and convolve."""
        if self.padding_mode == 'zeros':
            return super().forward(x)
        return F.conv2d(_replicate_pad(x), self.weight, self.bias)


class UpConv3x3(Conv3x3):
    """
    Nearest upsampling and a Conv3x3, (B, inputs, H, W) -> (B, outputs, 2 * H, 2 * W).

    Both are computed as one transposed convolution. A 3x3 window of the upsampled image holds
    only 2x2 different values, so the weights of equal values are added first: 4 multiplications
    instead of 9. Along one axis, weights (a, b, c) act as (a, b + c) on even pixels and as
    (a + b, c) on odd pixels.
    """

    taps: Tensor

    def __init__(self, inputs: int, outputs: int, *, padding: Padding) -> None:
        super().__init__(inputs, outputs, padding=padding)
        taps = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]])
        self.register_buffer('taps', taps, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Upsample and convolve."""
        kernel = torch.einsum('ki,lj,ocij->cokl', self.taps, self.taps, self.weight)
        if self.padding_mode == 'zeros':
            return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)
        return F.conv_transpose2d(_replicate_pad(x), kernel, self.bias, stride=2, padding=3)


class ReplicatePad(torch.autograd.Function):
    """
    Padding by a copy of the outermost pixels, (B, C, H, W) -> (B, C, H + 2, W + 2).

    It has its own gradient because torch.compile fails on torch's gradient of this padding when
    the convolution's gradient is channels_last.
    """

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        """Pad by one pixel on each side."""
        return F.pad(x, (1, 1, 1, 1), mode='replicate')

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        """Add the gradients of the copies to those of their originals."""
        for dim in (-1, -2):
            first, inner, last = gradient.split([1, gradient.shape[dim] - 2, 1], dim)
            gradient = inner.clone()
            gradient.narrow(dim, 0, 1).add_(first)
            gradient.narrow(dim, -1, 1).add_(last)
        return gradient


def _replicate_pad(x: Tensor) -> Tensor:
    padded: Tensor = ReplicatePad.apply(x)  # type: ignore[no-untyped-call]  # torch's apply
    return padded
