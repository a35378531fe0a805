"""The flip blend, and how far the passes agree."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from trainer.model.limits import MAX_DISPARITY_FRAC
from trainer.model.postprocess import error_of_spread, flip_blend

# An image twice as wide as the unit of its disparities: 0.05 are 2 px.
UNIT_PX, WIDTH = 40, 80
TWO_PX = 0.05


def _passes(image: float, mirrored: float) -> torch.Tensor:
    """(2, 2, 1, WIDTH): both views of either pass say one thing everywhere."""
    return torch.tensor([image, mirrored])[:, None, None, None].expand(2, 2, 1, WIDTH).clone()


def _confidence_of(disparities: torch.Tensor, *, unit_px: int = UNIT_PX) -> torch.Tensor:
    blended = flip_blend(disparities[:1, 0], disparities[1:, 0])
    return 1 - error_of_spread(disparities, blended, unit_px=unit_px)


def _row(disparities: torch.Tensor) -> list[float]:
    return _confidence_of(disparities)[0, 0].tolist()


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


def test_four_equal_estimates_are_certain():
    # At the borders too, where the right view ends: there the other pass alone counts.
    assert _row(_passes(TWO_PX, TWO_PX)) == pytest.approx([1.0] * WIDTH)


def test_a_right_view_that_says_otherwise_lowers_confidence_where_it_is_matched():
    disparities = _passes(TWO_PX, TWO_PX)
    disparities[0, 1, 0, 40] = TWO_PX + 0.04
    # Of four estimates three are 0.05 and one 0.09: s = sqrt(0.04^2 / 4) = 0.02, so that
    # confidence is 0.05 / (0.05 + 4 * 0.02); at 42, whose match is 2 px to the left.
    expected = [1.0] * WIDTH
    expected[42] = 5 / 13
    assert _row(disparities) == pytest.approx(expected, abs=1e-5)


def test_one_pass_has_two_estimates_and_doubts_what_the_right_view_does_not_show():
    disparities = _passes(TWO_PX, TWO_PX)[:1]
    disparities[0, 1, 0, 40] = TWO_PX + 0.04
    error = error_of_spread(disparities, disparities[:, 0], unit_px=UNIT_PX)
    row = (1 - error[0, 0]).tolist()
    # One is 0.05, the other 0.09: s = sqrt(0.04^2 / 2); to the left of the right view it is 0.
    expected = [1.0] * WIDTH
    expected[42] = 0.05 / (0.05 + 4 * 0.04 / 2**0.5)
    expected[:2] = [0.05 / (0.05 + 4 * 0.05 / 2**0.5)] * 2
    assert row == pytest.approx(expected, abs=1e-5)


def test_in_the_mirrored_pass_the_match_is_on_the_other_side():
    disparities = _passes(TWO_PX, TWO_PX)
    disparities[1, 1, 0, 40] = TWO_PX + 0.04
    # 42 of the mirrored image is 79 - 42 of the image.
    assert np.argmin(_row(disparities)) == 37


def test_passes_that_differ_lower_confidence_where_both_count():
    values = _row(_passes(0.05, 0.07))
    # Blended 0.06, all four 0.01 away from it: 0.06 / (0.06 + 4 * 0.01).
    assert values[20:60] == pytest.approx([0.6] * 40)
    # The outermost pixels are one pass's alone.
    assert [values[0], values[-1]] == pytest.approx([1, 1])


@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(1, 60), st.floats(1e-6, 1))
def test_confidence_is_a_fraction_whatever_the_network_says(seed, width, unit_px, scale):
    generator = torch.Generator().manual_seed(seed)
    fractions = torch.rand(2, 2, 3, width, generator=generator).clamp_min(1e-6)
    values = _confidence_of(MAX_DISPARITY_FRAC * scale * fractions, unit_px=unit_px)
    assert values.shape == (1, 3, width)
    assert ((values >= 0) & (values <= 1)).all()
