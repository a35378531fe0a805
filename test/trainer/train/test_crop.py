"""Enlarged windows of pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainer.train.crop import cropped, cropped_hints, draw_window, MIN_SCALE, WHOLE

HALF_UPPER_RIGHT = torch.tensor([[0.5, 0.5, -0.5]])


def test_a_window_by_hand():
    image = torch.arange(32.0).view(1, 1, 4, 8)
    window = cropped(image, HALF_UPPER_RIGHT, mode='nearest')
    # Columns 4 to 7 of rows 0 and 1, each twice.
    assert window[0, 0, ::2, ::2].tolist() == [[4, 5, 6, 7], [12, 13, 14, 15]]
    assert torch.equal(window[..., ::2], window[..., 1::2])
    torch.testing.assert_close(cropped(image, torch.tensor([WHOLE])), image)


def test_hints_are_of_the_enlarged_width():
    hints = torch.zeros(1, 2, 4, 8, dtype=torch.float16)
    hints[..., 4:] = 0.125
    assert torch.equal(cropped_hints(hints, HALF_UPPER_RIGHT), torch.full((1, 2, 4, 8), 0.25))


@pytest.mark.parametrize('shift_px', [4, 6])
def test_the_disparity_of_a_window_is_that_of_its_views(shift_px):
    """Of an image of smooth columns, which the interpolation keeps."""
    u = torch.arange(96.0)
    wide = (torch.sin(u / 5) / 2 + 0.5).view(1, 1, 1, 96).expand(1, 1, 16, 96)
    windows = torch.tensor([[0.8, 0.1, -0.1]])
    left, right = (
        cropped(view, windows) for view in (wide[..., :64], wide[..., shift_px:][..., :64])
    )
    hints = torch.full((1, 2, 16, 64), shift_px / 64)
    enlarged_px = float(cropped_hints(hints, windows)[0, 0, 0, 0]) * 64
    assert enlarged_px == pytest.approx(shift_px / 0.8)
    at = np.arange(64) - enlarged_px
    expected = np.interp(at[16:], np.arange(64), right[0, 0, 8].numpy())
    np.testing.assert_allclose(left[0, 0, 8, 16:].numpy(), expected, atol=0.01)


def test_windows_lie_in_the_image_and_half_of_the_pairs_stay_whole():
    windows = torch.stack([draw_window(np.random.default_rng((0, n))) for n in range(1000)])
    scale, u, v = windows.T
    assert 450 < int((scale == 1).sum()) < 550
    assert MIN_SCALE <= float(scale.min()) < MIN_SCALE + 0.01
    assert (u.abs() + scale).max() <= 1 + 1e-6
    assert (v.abs() + scale).max() <= 1 + 1e-6
    assert windows.dtype == torch.float32


def test_half_precision_around_it_changes_nothing():
    image = torch.rand(2, 3, 16, 640, generator=torch.Generator().manual_seed(0))
    windows = torch.tensor([WHOLE, (0.8, 0.1, -0.1)])
    with torch.autocast('cpu', torch.bfloat16):
        window = cropped(image, windows)
    assert torch.equal(window, cropped(image, windows))
    torch.testing.assert_close(window[0], image[0], rtol=0, atol=1e-4)
