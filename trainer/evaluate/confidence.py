"""
The score of a confidence as a prediction of the error: sparsification and reliability.

Ilg et al., ECCV 2018; for monocular depth Poggi et al., CVPR 2020 (docs/evaluation.md#confidence).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

# The curves have a point for every 2 % of the pixels that are left out.
SPARSIFICATION_STEPS = 50
RELIABILITY_BINS = 20


class ReliabilityBin(NamedTuple):
    """Pixels of similar confidence: number, mean of 1 - confidence, and mean relative error."""

    pixels: int
    expected: float
    measured: float


class Sparsification(NamedTuple):
    """
    Abs Rel of what is left when pixels are left out, at 0 %, 2 %, ... 98 %.

    by_confidence: the least confident ones first, (SPARSIFICATION_STEPS,).
    by_error: the worst ones first, which no confidence can beat.
    """

    by_confidence: np.ndarray
    by_error: np.ndarray

    @property
    def ause(self) -> float:
        """Return the area between the curves: 0 if confidence sorts the pixels by their error."""
        return float(np.mean(self.by_confidence - self.by_error))

    @property
    def aurg(self) -> float:
        """Return the area below Abs Rel: what confidence gains over pixels left out at random."""
        return float(np.mean(self.by_confidence[0] - self.by_confidence))


def sparsification(error: np.ndarray, confidence: np.ndarray) -> Sparsification:
    """Return the curves of one image from its relative errors and confidences, (N,) each."""
    return Sparsification(_means_of_rest(error, -confidence), _means_of_rest(error, error))


def _means_of_rest(error: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """Return the mean error of the pixels that are left, those of most doubt left out first."""
    # Pixels of equal doubt count with their mean, so that their place in the image means nothing.
    _, group, sizes = np.unique(doubt, return_inverse=True, return_counts=True)
    kept_first = np.repeat(np.bincount(group, error) / sizes, sizes)
    fractions = 1 - np.arange(SPARSIFICATION_STEPS) / SPARSIFICATION_STEPS
    kept = np.maximum(1, np.rint(fractions * len(error)).astype(int))
    return np.asarray(np.cumsum(kept_first, dtype=np.float64)[kept - 1] / kept)


@dataclass
class ConfidenceScore:
    """The score of a model's confidence: the curves of each image, and the bins of all pixels."""

    images: list[Sparsification] = field(default_factory=list)
    _sums: np.ndarray = field(default_factory=lambda: np.zeros((3, RELIABILITY_BINS)))

    def add(self, predicted_m: np.ndarray, true_m: np.ndarray, confidence: np.ndarray) -> None:
        """Add the pixels of one image, (N,) each: depths finite and positive, confidence 0..1."""
        error = np.abs(predicted_m - true_m) / true_m
        self.images.append(sparsification(error, confidence))
        expected = 1 - confidence
        at = np.minimum((expected * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
        for sums, values in zip(self._sums, (np.ones_like(error), expected, error), strict=True):
            sums += np.bincount(at, values, minlength=RELIABILITY_BINS)

    @property
    def ause(self) -> float:
        """Return the mean over images."""
        return float(np.mean([image.ause for image in self.images]))

    @property
    def aurg(self) -> float:
        """Return the mean over images."""
        return float(np.mean([image.aurg for image in self.images]))

    def curves(self) -> Sparsification:
        """Return the mean curves over images."""
        return Sparsification(
            *(np.mean(curves, axis=0) for curves in zip(*self.images, strict=True))
        )

    def reliability(self) -> list[ReliabilityBin]:
        """Return the bins that have pixels, the most confident first."""
        return [
            ReliabilityBin(int(n), expected / n, measured / n)
            for n, expected, measured in self._sums.T
            if n
        ]
