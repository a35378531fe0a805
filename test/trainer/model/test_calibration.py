"""The calibration's map, as numpy interpolates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from trainer.model.calibration import Calibration, Knot

ERRORS = st.floats(0, 1, width=32)


@given(
    st.lists(ERRORS, min_size=1, max_size=8, unique_by=lambda value: round(value, 3)),
    st.lists(ERRORS, min_size=8, max_size=8),
    st.lists(ERRORS, min_size=1, max_size=9),
)
def test_it_is_linear_between_knots_and_constant_beyond(expected, measured, asked):
    knots = tuple(map(Knot, sorted(expected), sorted(measured)))
    computed = Calibration(knots)(torch.tensor(asked, dtype=torch.float64))
    rises = [knot.measured for knot in knots]
    assert computed.numpy() == pytest.approx(np.interp(asked, sorted(expected), rises), abs=1e-9)


def test_without_knots_nothing_changes():
    expected = torch.tensor([0.0, 0.3, 1.7])
    assert torch.equal(Calibration(())(expected), expected)
