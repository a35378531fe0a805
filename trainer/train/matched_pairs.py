"""Pairs that validate with their matching, which judges predictions without labels."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
import os
import sys
from typing import NamedTuple

import numpy as np

from monodepth_ros.core.model_spec import ModelSpec
from trainer.datasets.hint_matching import matched_hints_px
from trainer.train.pairs import CanonicalViews, PairName
from trainer.train.split import Split

MAX_PAIRS = 32


class MatchedPair(NamedTuple):
    """
    A left image in the canonical camera, and its matching.

    image: (H, W, 3) uint8 RGB.
    disparity: (H, W) float32 of the canonical baseline, in fractions of the width, 0 where no
        matching is sure.
    """

    image: np.ndarray
    disparity: np.ndarray

    def relative_error(self, predicted: np.ndarray) -> np.ndarray:
        """
        Return |Zp - Z| / Z of a predicted disparity where matching is sure, (N,).

        At most 1: matching is wrong at some pixels, which must not decide.
        """
        known = self.disparity > 0
        error = np.abs(self.disparity[known] / predicted[known] - 1)
        return np.asarray(np.minimum(error, 1))


def matched_pairs(split: Split, spec: ModelSpec) -> list[MatchedPair]:
    """
    Match up to MAX_PAIRS pairs that validate, evenly spaced; name those that cannot be read.

    spec: of the training that validates on them.
    """
    views = [CanonicalViews(sequence, spec.camera) for sequence in split.sequences]

    def matched(pair: PairName) -> MatchedPair | None:
        try:
            return _matched(views[pair.sequence], pair.name, spec.baseline_m)
        except (ValueError, OSError) as error:
            print(f'{error}; calibrating without this pair', file=sys.stderr)
            return None

    sampled = split.validation[:: -(-len(split.validation) // MAX_PAIRS)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(matched, sampled))
    return [pair for pair in found if pair is not None]


def _matched(views: CanonicalViews, name: str, baseline_m: float) -> MatchedPair:
    left = views.read(name)[0].transpose(1, 2, 0)
    matched_px = matched_hints_px(*views.sequence.read_pair(name))[:1]
    ratio = views.sequence.calibration.baseline_m / baseline_m
    return MatchedPair(np.ascontiguousarray(left), views.disparity_frac(matched_px)[0] / ratio)
