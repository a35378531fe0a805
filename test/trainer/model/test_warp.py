"""Reconstruction by sampling."""

from __future__ import annotations

import pytest
import torch

from trainer.model.warp import warp


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
@pytest.mark.parametrize('width', [32, 37])
@pytest.mark.parametrize('shift_px', [0, 1, 5])
def test_a_whole_disparity_returns_the_shifted_image(dtype, tolerance, width, shift_px):
    image = torch.rand(2, 3, 4, width, dtype=dtype)
    offset_frac = torch.full((2, 1, 4, width), -shift_px / width, dtype=dtype)
    result = warp(image, offset_frac=offset_frac)
    expected = image[..., : width - shift_px]
    assert (result[..., shift_px:] - expected).abs().max() <= tolerance
    assert result[..., :shift_px].abs().max() <= tolerance if shift_px else True


def test_half_a_pixel_is_the_mean_of_two():
    image = torch.tensor([0.0, 1.0, 4.0, 9.0]).view(1, 1, 1, 4)
    offset_frac = torch.full((1, 1, 1, 4), 0.5 / 4)
    assert warp(image, offset_frac=offset_frac)[0, 0, 0, :3].tolist() == pytest.approx(
        [0.5, 2.5, 6.5]
    )


def test_gradients_reach_image_and_offset():
    generator = torch.Generator().manual_seed(0)
    options = {'dtype': torch.float64, 'generator': generator}
    image = torch.rand(1, 2, 3, 6, **options).requires_grad_()
    offset_frac = (torch.rand(1, 1, 3, 6, **options) * 0.3 - 0.15).requires_grad_()
    assert torch.autograd.gradcheck(lambda i, o: warp(i, offset_frac=o), (image, offset_frac))
