"""The decoder's layers against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainer.model.layers import Conv3x3, ReplicatePad, UpConv3x3


def _pair_of(layer, padding):
    """The layer and torch's convolution of the same weights, in float64."""
    torch.manual_seed(0)
    ours = layer(2, 3, padding=padding)
    plain = nn.Conv2d(2, 3, 3, padding=1, padding_mode=padding)
    plain.load_state_dict(ours.state_dict())
    return ours.double(), plain.double()


@pytest.mark.parametrize('padding', ['zeros', 'replicate'])
def test_a_convolution_is_that_of_torch(padding):
    ours, plain = _pair_of(Conv3x3, padding)
    x = torch.rand(2, 2, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(x), plain(x))


@pytest.mark.parametrize('padding', ['zeros', 'replicate'])
def test_an_upconvolution_is_nearest_upsampling_and_a_convolution(padding):
    ours, plain = _pair_of(UpConv3x3, padding)
    x = torch.rand(2, 2, 4, 5, dtype=torch.float64)
    twice = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(ours(x), plain(twice))


def test_padding_repeats_the_border_and_corners():
    padded = ReplicatePad.apply(torch.tensor([[1.0, 2], [3, 4]])[None, None])
    rows = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert padded[0, 0].tolist() == rows


@pytest.mark.parametrize('size', [(1, 1), (1, 4), (2, 3), (4, 5)])
def test_the_gradient_of_padding(size):
    x = torch.rand(1, 2, *size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ReplicatePad.apply, (x,))
