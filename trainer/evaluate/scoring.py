"""Scores of the predictions for a frame against its ground truth, and sums over frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import math
from typing import NamedTuple

import numpy as np

from monodepth_ros.core.disparity import disparity_from_depth
from trainer.evaluate.confidence import ConfidenceScore
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.ground_truth import DisparityGroundTruth, GroundTruthFrame
from trainer.evaluate.metrics import (
    d1_all,
    depth_metrics,
    DepthMetrics,
    garg_crop,
    mean_metrics,
    median_scale,
)

# Relative errors are counted in steps of 1 % up to 100 %; larger ones fall in the last step.
ERROR_STEPS = 100
# Distances double every second bin, so that a room has as many bins as a street.
BINS_A_DOUBLING = 2
NEAREST_BIN_M = 0.5


class ImageScore(NamedTuple):
    """
    The score of one prediction.

    name: name of the image.
    metrics: the metrics over the pixels compared.
    d1_all: in percent; None for a ground truth without disparities.
    scale: factor of the median scaling; 1 without it.
    valid_share: fraction of the ground truth's pixels that have a prediction.
    pixels: number of pixels compared.
    """

    name: str
    metrics: DepthMetrics
    d1_all: float | None
    scale: float
    valid_share: float
    pixels: int


class DistanceBin(NamedTuple):
    """Pixels with from_m <= Z < to_m: number, Abs Rel, and bias = mean (Zp - Z) / Z."""

    from_m: float
    to_m: float
    pixels: int
    abs_rel: float
    bias: float


class ErrorCounts:
    """Relative errors of all pixels by their size and by distance, up to cap_m."""

    def __init__(self, cap_m: float) -> None:
        doublings = math.log2(cap_m / NEAREST_BIN_M) if cap_m > NEAREST_BIN_M else 0
        steps = np.arange(math.ceil(doublings * BINS_A_DOUBLING))
        # Include cap_m itself in the last bin.
        last = np.nextafter(cap_m, np.inf)
        self._edges_m = np.array([0, *NEAREST_BIN_M * 2 ** (steps / BINS_A_DOUBLING), last])
        self._sums = np.zeros((3, len(self._edges_m) - 1))  # pixels, |error|, error
        self._histogram = np.zeros(ERROR_STEPS + 1)

    def add(self, predicted_m: np.ndarray, true_m: np.ndarray) -> None:
        """Count the pixels of one image, (N,) each, finite and positive."""
        error = (predicted_m - true_m) / true_m
        size = np.minimum((np.abs(error) * ERROR_STEPS).astype(int), ERROR_STEPS)
        self._histogram += np.bincount(size, minlength=ERROR_STEPS + 1)
        at = np.searchsorted(self._edges_m, true_m, side='right') - 1
        at = np.minimum(at, len(self._edges_m) - 2)
        for sums, values in zip(
            self._sums, (np.ones_like(error), np.abs(error), error), strict=True
        ):
            sums += np.bincount(at, values, minlength=len(sums))

    def cumulative(self) -> np.ndarray:
        """Return the fractions of pixels with an error below 1 %, ... 100 %, (ERROR_STEPS,)."""
        return np.asarray(np.cumsum(self._histogram)[:-1] / self._histogram.sum())

    def by_distance(self) -> list[DistanceBin]:
        """Return the bins that have pixels, nearest first."""
        bins = zip(self._edges_m, self._edges_m[1:], *self._sums, strict=False)
        return [
            DistanceBin(float(near), float(far), int(n), size / n, error / n)
            for near, far, n, size, error in bins
            if n
        ]


@dataclass
class RowScore:
    """The score of one model, or of the prior: for each image and over all pixels."""

    counts: ErrorCounts
    images: list[ImageScore] = field(default_factory=list)
    confidence: ConfidenceScore = field(default_factory=ConfidenceScore)

    @property
    def metrics(self) -> DepthMetrics:
        """Return the mean over images."""
        return mean_metrics(image.metrics for image in self.images)

    @property
    def d1_all(self) -> float | None:
        """Return the mean over images in percent; None without disparities."""
        values = [image.d1_all for image in self.images if image.d1_all is not None]
        return float(np.mean(values)) if values else None

    @property
    def valid_share(self) -> float:
        """Return the mean over images."""
        return float(np.mean([image.valid_share for image in self.images]))


class Comparison(NamedTuple):
    """One frame: the pixels compared, (H, W) bool, and each row's score and clamped depth."""

    compared: np.ndarray
    scores: dict[str, ImageScore]
    depths_m: dict[str, np.ndarray]


def compare(
    predictions: Mapping[str, np.ndarray],
    frame: GroundTruthFrame,
    config: EvaluateConfig,
    *,
    garg: bool,
) -> Comparison | None:
    """
    Score predictions over the pixels with a ground truth that all of them see.

    predictions: depth by name, (H, W) float32 metres in the ground truth's camera, NaN where
        unseen, +inf beyond range, which counts as cap_m.
    frame: the image and its ground truth.
    config: the protocol.
    garg: whether to use Garg's crop.
    Returns None if there is no pixel to compare.
    """
    true_m = frame.ground_truth.depth_m
    known = _known(frame, config, garg=garg)
    compared = known.copy()
    for predicted_m in predictions.values():
        compared &= ~np.isnan(predicted_m)
    if not compared.any():
        return None
    scores, depths_m = {}, {}
    for name, predicted_m in predictions.items():
        metric_m = _in_its_metres(predicted_m, frame.disparity)
        scale = _scale(metric_m[compared], true_m[compared], config)
        metric_m = metric_m * np.float32(scale)
        # Clamp after the scaling: the median of a clamped prediction may be a limit of the range.
        depths_m[name] = np.clip(metric_m, config.min_m, config.cap_m)
        scores[name] = ImageScore(
            frame.name,
            depth_metrics(depths_m[name][compared], true_m[compared]),
            _d1_all(metric_m[compared], true_m[compared], frame.disparity),
            scale,
            float(np.mean(~np.isnan(predicted_m[known]))),
            int(compared.sum()),
        )
    return Comparison(compared, scores, depths_m)


def _known(frame: GroundTruthFrame, config: EvaluateConfig, *, garg: bool) -> np.ndarray:
    """Return the ground truth's pixels that count, (H, W) bool."""
    true_m = frame.ground_truth.depth_m
    known: np.ndarray
    if frame.disparity is not None:
        known = np.isfinite(true_m)  # stereo 2015 counts every pixel, however far
    else:
        known = (true_m > config.min_m) & (true_m < config.cap_m)
    return known & garg_crop(*true_m.shape) if garg else known


def _scale(predicted_m: np.ndarray, true_m: np.ndarray, config: EvaluateConfig) -> float:
    return median_scale(predicted_m, true_m) if config.median_scaling else 1.0


def _in_its_metres(predicted_m: np.ndarray, disparity: DisparityGroundTruth | None) -> np.ndarray:
    """Convert depth to the metres of a disparity benchmark, those of its nominal baseline."""
    if disparity is None:
        return predicted_m
    return predicted_m * np.float32(disparity.nominal.baseline_m / disparity.rig.baseline_m)


def _d1_all(
    predicted_m: np.ndarray, true_m: np.ndarray, disparity: DisparityGroundTruth | None
) -> float | None:
    """Return D1-all of depths in the nominal rig's metres; infinite depth has disparity 0."""
    if disparity is None:
        return None
    nominal = disparity.nominal
    predicted_px, true_px = (
        disparity_from_depth(
            depth_m, focal_px=nominal.intrinsics.fx, baseline_m=nominal.baseline_m
        )
        for depth_m in (predicted_m, true_m)
    )
    return d1_all(predicted_px, true_px)
