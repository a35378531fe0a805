"""
The calibration of a training's confidence by matching, without labels (docs/method.md#confidence).

What a network expects of its error is compared with its difference to matching on pairs that
validate, and what it meant is stored beside its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
from scipy.optimize import isotonic_regression
import torch

from monodepth_ros.core.model_spec import ModelSpec
from trainer.model.calibration import Knot
from trainer.model.exported_network import ExportedNetwork
from trainer.train.checkpoint import (
    BEST,
    LAST,
    load_trained,
    Passes,
    read_record,
    store_calibration,
)
from trainer.train.matched_pairs import matched_pairs, MatchedPair
from trainer.train.split import Split

# Bins of as many pixels each; more would cost time on the robot.
BINS = 8
# Nearer to each other, expected errors mean the same: a steep line would magnify their rounding.
MIN_STEP = 1e-3


def calibrate(folder: Path, split: Split, spec: ModelSpec) -> None:
    """
    Calibrate the results of a training that are not yet, and say so.

    folder: the training's, with last.ckpt and, if it validated, best.ckpt.
    Raises OSError if they cannot be written.
    """
    if not split.validation:
        print('no pair validates, so that confidence is not calibrated')
        return
    paths = [path for path in (folder / BEST, folder / LAST) if path.exists()]
    waiting = [path for path in paths if not read_record(path).calibration]
    if not waiting:
        return
    pairs = matched_pairs(split, spec)
    if sum(int((pair.disparity > 0).sum()) for pair in pairs) < BINS:
        print('matching finds nothing on the pairs that validate: confidence is not calibrated')
        return
    for path in waiting:
        store_calibration(path, calibration(path, pairs))
    print(f'confidence is calibrated by matching on {len(pairs)} pairs that validate')


def calibration(checkpoint: Path, pairs: Sequence[MatchedPair]) -> dict[Passes, tuple[Knot, ...]]:
    """Return what the confidence of a checkpoint means on pairs, for all ways to export it."""
    network, spec, *_ = load_trained(checkpoint)
    width, ways = spec.camera.width, get_args(Passes)
    models = {
        passes: ExportedNetwork(network, canonical_width=width, flip=passes == 2)
        for passes in ways
    }
    return {passes: fit(*expected_and_measured(model, pairs)) for passes, model in models.items()}


def expected_and_measured(
    model: ExportedNetwork, pairs: Sequence[MatchedPair]
) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 - confidence and the relative difference to matching, (N,) float64 each."""
    expected, measured = [], []
    for pair in pairs:
        with torch.inference_mode():
            disparity, confidence = model(torch.from_numpy(pair.image)[None])
        expected.append(1 - confidence[0].numpy()[pair.disparity > 0])
        measured.append(pair.relative_error(disparity[0].numpy()))
    return np.concatenate(expected, dtype=np.float64), np.concatenate(measured, dtype=np.float64)


def fit(expected: np.ndarray, measured: np.ndarray) -> tuple[Knot, ...]:
    """
    Return the line through the means of BINS bins, where it rises, and from there to (1, 1).

    expected, measured: relative errors, (N,) float64 in 0..1, at least BINS of them. Isotonic
        regression joins bins whose measured errors fall, and those of one expected error are
        joined too.
    """
    bins = np.array_split(np.argsort(expected, kind='stable'), BINS)
    means = [measured[bin_].mean() for bin_ in bins]
    rising = isotonic_regression(means, weights=[len(bin_) for bin_ in bins])
    joined: list[np.ndarray] = []
    for low, high in pairwise(rising.blocks):
        block = np.concatenate(bins[low:high])
        if joined and expected[block].mean() < expected[joined[-1]].mean() + MIN_STEP:
            block = np.concatenate([joined.pop(), block])
        joined.append(block)
    knots = [Knot(float(expected[b].mean()), float(measured[b].mean())) for b in joined]
    return *(knot for knot in knots if knot.expected <= 1 - MIN_STEP), Knot(1.0, 1.0)
