"""Differences of a view and its reconstruction."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import structural_similarity
import torch

from trainer.train.photometric import appearance_loss, reprojection_error, ssim


def test_ssim_is_that_of_scikit_image():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 12, 14))
    _, expected = structural_similarity(
        first, second, win_size=3, data_range=1.0, use_sample_covariance=False, full=True
    )
    ours = ssim(torch.tensor(first)[None, None], torch.tensor(second)[None, None])[0, 0]
    np.testing.assert_allclose(ours.numpy(), expected[1:-1, 1:-1], atol=1e-10)


def test_an_image_equals_itself():
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    assert appearance_loss(image, image).item() == pytest.approx(0, abs=1e-6)


def test_appearance_of_black_and_white_by_hand():
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    similarity = 0.01**2 / (1 + 0.01**2)  # the variances are 0, so only the means count
    expected = 0.85 * (1 - similarity) / 2 + 0.15
    assert appearance_loss(black, white).item() == pytest.approx(expected, rel=1e-5)


def test_the_reprojection_error_of_each_view_is_least_at_the_true_disparity():
    """Four pixels apart: left[u] = right[u - 4]."""
    wide = torch.rand(1, 3, 16, 52, generator=torch.Generator().manual_seed(0))
    left, right = wide[..., :48], wide[..., 4:]
    true, other = (torch.full((1, 2, 16, 48), px / 48) for px in (4, 7))
    errors, others = (reprojection_error(left, right, d) for d in (true, other))
    # The left view's first columns, and the right view's last ones, are not in the other view.
    inside = errors[:, 0, :, 6:], errors[:, 1, :, :-6]
    assert max(float(error.max()) for error in inside) < 1e-4
    assert min(float(others[:, 0, :, 8:].mean()), float(others[:, 1, :, :-8].mean())) > 0.1


def test_the_reprojection_error_is_that_of_the_appearance_in_each_pixel():
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    errors = reprojection_error(black, white, torch.zeros(1, 2, 4, 4))
    assert errors.shape == (1, 2, 4, 4)
    expected = appearance_loss(black, white).item()
    np.testing.assert_allclose(errors.numpy(), expected, rtol=1e-5)
