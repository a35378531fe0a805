"""The calibration of a network's expected error, as a part of the graph."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from torch import nn, Tensor


class Knot(NamedTuple):
    """A point of the calibration: where `expected` stands, the relative error is `measured`."""

    expected: float
    measured: float


class Calibration(nn.Module):
    """
    The map from an expected error to the measured one: linear between knots, constant beyond.

    knots: with rising `expected` and `measured` that does not fall; none: nothing
        changes.
    """

    def __init__(self, knots: tuple[Knot, ...]) -> None:
        super().__init__()
        self.knots = knots

    def forward(self, expected: Tensor) -> Tensor:
        """Map expected relative errors, of any shape."""
        if not self.knots:
            return expected
        # Few operations on whole images, which every engine computes fast.
        measured = expected * 0 + self.knots[0].measured
        for low, high in pairwise(self.knots):
            width = high.expected - low.expected
            slope = (high.measured - low.measured) / width
            measured = measured + slope * (expected - low.expected).clamp(0.0, width)
        return measured
