"""The flip blend."""

from __future__ import annotations

import pytest
import torch

from trainer.postprocess import flip_blend


def test_the_ramps_by_hand():
    # 201 columns: x = column / 200. Left of 0.05 (column 10) the mirrored one alone counts,
    # right of 0.1 (column 20) the mean; at 0.075 (column 15) they are mixed half and half.
    plain, mirrored = torch.zeros(1, 1, 201), torch.ones(1, 1, 201)
    blended = flip_blend(plain, mirrored)[0, 0]
    assert blended[[0, 10, 15, 20, 100]].tolist() == pytest.approx([1, 1, 0.75, 0.5, 0.5])
    assert blended[[180, 185, 190, 200]].tolist() == pytest.approx([0.5, 0.25, 0, 0])


def test_the_mirrored_prediction_is_mirrored_back():
    ramp = torch.linspace(0, 1, 101).expand(1, 1, 101)
    torch.testing.assert_close(flip_blend(ramp, ramp.flip(-1)), ramp)
