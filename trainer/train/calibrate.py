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


def calibrate(folder: Path, split: Split, spec: ModelSpec) -> None:
    """
    Calibrate the results of a training that are not yet, and say so.

    folder: the training's, with last.ckpt and, if it validated, best.ckpt.
    Raises OSError if they cannot be written.
    """
    paths = [path for path in (folder / BEST, folder / LAST) if path.exists()]
    waiting = [path for path in paths if not read_record(path).calibration]
    if not split.validation:
        print('no pair validates, so that confidence stays as the network computes it')
        return
    if not waiting:
        return
    pairs = matched_pairs(split, split.validation, spec)
    for path in waiting:
        store_calibration(path, calibration(path, pairs))
    print(f'confidence means what matching finds on {len(pairs)} pairs that validate')


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
    """Return 1 - confidence and the relative difference to matching, (N,) each."""
    expected, measured = [], []
    for pair in pairs:
        with torch.inference_mode():
            disparity, confidence = model(torch.from_numpy(pair.image)[None])
        expected.append(1 - confidence[0].numpy()[pair.disparity > 0])
        measured.append(pair.relative_error(disparity[0].numpy()))
    return np.concatenate(expected), np.concatenate(measured)


def fit(expected: np.ndarray, measured: np.ndarray) -> tuple[Knot, ...]:
    """
    Return the rising line through the means of BINS bins, which isotonic regression makes rise.

    expected, measured: relative errors, (N,) in 0..1; of fewer pixels than bins nothing is learnt.
    """
    if len(expected) < BINS:
        return ()
    bins = np.array_split(np.argsort(expected, kind='stable'), BINS)
    sizes = [len(bin_) for bin_ in bins]
    means = [float(measured[bin_].mean()) for bin_ in bins]
    rising = isotonic_regression(means, weights=sizes)
    blocks = [np.concatenate(bins[low:high]) for low, high in pairwise(rising.blocks)]
    knots = [
        Knot(float(expected[block].mean()), float(measured[block].mean())) for block in blocks
    ]
    # Bins of one and the same expected error make one knot, the last one.
    return (
        *(knot for knot, after in pairwise(knots) if knot.expected < after.expected),
        knots[-1],
    )
