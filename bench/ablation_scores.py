"""Scores of the ablation: a model's last checkpoints on the sets that judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, ExitStack
from dataclasses import dataclass, field
import math
from pathlib import Path
from typing import Any

import numpy as np

from bench.ablation_data import JudgedSet
from monodepth_ros.parameters import OutputParams
from monodepth_ros.pipeline.predictor import Predictor
from monodepth_ros.storage.pair_folder import PairFolder
from trainer.evaluate.confidence import ConfidenceScore
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.evaluate import load_model, predict_frame
from trainer.evaluate.metrics import DepthMetrics, mean_metrics
from trainer.evaluate.pair_ground_truth import pair_ground_truth
from trainer.evaluate.scoring import (
    BINS_A_DOUBLING,
    compare,
    Comparison,
    DistanceBin,
    ErrorCounts,
    NEAREST_BIN_M,
)

# Near pixels are two of the bins by distance, 2.8 m to 5.7 m.
NEAR_M, NEAR_END_M = (NEAREST_BIN_M * 2 ** (step / BINS_A_DOUBLING) for step in (5, 7))
TOO_FAR = 0.25
# The node clears space up to points of this confidence: a confident point that is too far clears
# an obstacle.
SURE = OutputParams.clearing_confidence
# Outliers of matching against the lidar.
DISAGREES = 0.1


@dataclass
class NearErrors:
    """
    Counts of near pixels, from NEAR_M to NEAR_END_M.

    pixels: number of pixels.
    error: sum of (Zp - Z) / Z.
    too_far: those predicted too far by more than TOO_FAR of their depth.
    sure: those of too_far with a confidence of at least SURE.
    """

    pixels: int = 0
    error: float = 0.0
    too_far: int = 0
    sure: int = 0

    def add(self, predicted_m: np.ndarray, *, confidence: np.ndarray, true_m: np.ndarray) -> None:
        """Count the pixels of one image, (N,) each, finite."""
        near = (true_m >= NEAR_M) & (true_m < NEAR_END_M)
        error = predicted_m / true_m - 1
        too_far = near & (error > TOO_FAR)
        self.pixels += int(near.sum())
        self.error += float(error[near].sum())
        self.too_far += int(too_far.sum())
        self.sure += int((too_far & (confidence >= SURE)).sum())


@dataclass
class SetScore:
    """The score of several checkpoints on one set: metrics of each image, counts of all pixels."""

    checkpoints: int
    counts: ErrorCounts
    images: list[DepthMetrics] = field(default_factory=list)
    near: NearErrors = field(default_factory=NearErrors)
    confidence: ConfidenceScore = field(default_factory=ConfidenceScore)

    def add(
        self,
        comparison: Comparison,
        confidences: dict[str, np.ndarray | None],
        true_m: np.ndarray,
    ) -> None:
        """
        Add one frame.

        comparison: of the checkpoints' depths.
        confidences: of the same checkpoints, (H, W) as the depths.
        true_m: ground truth, (H, W) in metres.
        """
        compared = comparison.compared
        for name, depth_m in comparison.depths_m.items():
            of_name = confidences[name]
            assert of_name is not None  # checkpoints have it
            predicted_m, truth_m = depth_m[compared], true_m[compared]
            confidence = of_name[compared]
            self.images.append(comparison.scores[name].metrics)
            self.counts.add(predicted_m, truth_m)
            self.near.add(predicted_m, confidence=confidence, true_m=truth_m)
            self.confidence.add(predicted_m, truth_m, confidence)

    def as_dict(self) -> dict[str, Any]:
        """Return the figures for JSON; fractions of no pixels are None."""
        mean = mean_metrics(self.images)
        return {
            'abs_rel': mean.abs_rel,
            'rmse_m': mean.rmse_m,
            'delta_1': mean.delta_1,
            'ause': self.confidence.ause,
            'near_bias': _fraction(self.near.error, self.near.pixels),
            'near_too_far': _fraction(self.near.too_far, self.near.pixels),
            'near_sure': _fraction(self.near.sure, self.near.too_far),
            # All checkpoints are compared on the same pixels.
            'by_distance': [
                entry._replace(pixels=entry.pixels // self.checkpoints)._asdict()
                for entry in self.counts.by_distance()
            ],
        }


@contextmanager
def opened(checkpoints: Sequence[Path]) -> Iterator[dict[str, Predictor]]:
    """Yield predictors of the checkpoints by name; depth is not limited, since scores clamp it."""
    with ExitStack() as stack:
        yield {
            path.stem: Predictor(
                stack.enter_context(closing(load_model(path))), max_depth_m=math.inf
            )
            for path in checkpoints
        }


def score(predictors: dict[str, Predictor], judged: JudgedSet) -> dict[str, Any]:
    """Return the figures of the predictors together on one set, see SetScore.as_dict."""
    config = EvaluateConfig(crop=judged.crop)
    total = SetScore(len(predictors), ErrorCounts(config.cap_m))
    for frame in pair_ground_truth(str(judged.folder), config).frames:
        if frame is None:
            continue
        predictions = {
            name: predict_frame(predictor, frame) for name, predictor in predictors.items()
        }
        depths_m = {name: depth_m for name, (depth_m, _) in predictions.items()}
        comparison = compare(depths_m, frame, config, garg=judged.crop == 'garg')
        if comparison is not None:
            confidences = {name: confidence for name, (_, confidence) in predictions.items()}
            total.add(comparison, confidences, frame.ground_truth.depth_m)
    if not total.images:
        raise ValueError(
            f'{judged.folder} has no pixel to compare, expected ground truth of up to '
            f'{config.cap_m:g} m in gt_depth/; remove the folder, and it is made again'
        )
    return total.as_dict()


def disagreement(lidar: JudgedSet, matched: JudgedSet) -> list[dict[str, float]]:
    """
    Compare the ground truth of matching with the lidar, where both are known.

    Returns for each bin: from_m, to_m, pixels, abs_rel, bias and `outliers`, the fraction of
    pixels that differ by more than DISAGREES of their depth.
    """
    config = EvaluateConfig(crop=lidar.crop)
    counts, outliers = ErrorCounts(config.cap_m), ErrorCounts(config.cap_m)
    matches = PairFolder(matched.folder)
    for frame in pair_ground_truth(str(lidar.folder), config).frames:
        if frame is None:
            continue
        matched_m = matches.read_gt_depth(Path(frame.name).name)
        assert matched_m is not None  # all frames with lidar are matched
        comparison = compare({'': matched_m}, frame, config, garg=lidar.crop == 'garg')
        if comparison is not None:
            values = comparison.depths_m[''][comparison.compared]
            true_m = frame.ground_truth.depth_m[comparison.compared]
            counts.add(values, true_m)
            far_off = np.abs(values - true_m) > DISAGREES * true_m
            outliers.add(values[far_off], true_m[far_off])
    far_off_by = {entry.from_m: entry.pixels for entry in outliers.by_distance()}
    return [
        _with_outliers(entry, far_off_by.get(entry.from_m, 0)) for entry in counts.by_distance()
    ]


def _with_outliers(entry: DistanceBin, outliers: int) -> dict[str, float]:
    return entry._asdict() | {'outliers': outliers / entry.pixels}


def _fraction(part: float, whole: int) -> float | None:
    return part / whole if whole else None
