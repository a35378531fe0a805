"""Evaluation of models on data with a ground truth, through the same code as on the robot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, ExitStack
from dataclasses import dataclass, field
import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.progress import track

from monodepth_ros.common.paths import typed_path
from monodepth_ros.core.canonical import ImageWarp
from monodepth_ros.inference.backend import Backend
from monodepth_ros.inference.load import load_backend
from monodepth_ros.pipeline.predictor import Predictor
from monodepth_ros.storage.bag import is_recording
from monodepth_ros.storage.pair_folder import PairFolder
from trainer.datasets.depth_map import DepthMap, look_up, resample
from trainer.evaluate.bag_ground_truth import bag_ground_truth
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.ground_truth import GroundTruthFrame, GroundTruthFrames
from trainer.evaluate.pair_ground_truth import pair_ground_truth
from trainer.evaluate.prior import training_prior
from trainer.evaluate.scoring import compare, Comparison, ErrorCounts, RowScore

CHECKPOINT_SUFFIX = '.ckpt'
PRIOR = 'prior (never sees the image)'
EXAMPLES = 3


class Predicted(NamedTuple):
    """
    The prediction of a row for a frame, in the ground truth's camera.

    depth_m: (H, W) float32 metres, NaN where unseen.
    confidence: (H, W) float32 in 0..1; None without.
    """

    depth_m: np.ndarray
    confidence: np.ndarray | None


Predict = Callable[[GroundTruthFrame], Predicted]


class Example(NamedTuple):
    """One frame and the first model's depth, (H, W) in the ground truth's camera, clamped."""

    name: str
    abs_rel: float
    rgb: np.ndarray
    depth_m: np.ndarray
    true_m: np.ndarray


@dataclass
class Evaluation:
    """
    The results of an evaluation.

    data: what was evaluated, as it was given.
    ground_truth: the frames and their ground truth.
    config: the protocol.
    garg: whether Garg's crop was used.
    scores: score of each model, then of PRIOR if config.prior is set.
    examples: the best and the worst frames, at most EXAMPLES of each, best first.
    without_ground_truth: number of frames left out because they have no ground truth.
    without_pixels: number of frames with a ground truth, but no pixel to compare.
    """

    data: str
    ground_truth: GroundTruthFrames
    config: EvaluateConfig
    garg: bool
    scores: dict[str, RowScore]
    examples: list[Example] = field(default_factory=list)
    without_ground_truth: int = 0
    without_pixels: int = 0

    @property
    def frames(self) -> int:
        """Return the number of frames that were compared."""
        return len(next(iter(self.scores.values())).images)


def evaluate(models: Sequence[Path], data: str, config: EvaluateConfig) -> Evaluation:
    """
    Run every model on every frame with a ground truth.

    models: checkpoints (.ckpt) or model files.
    data: a rosbag2 or data that open_sequences reads.
    config: the protocol.
    Raises ValueError or OSError if a model, the data or the ground truth is missing.
    """
    path = typed_path(data)
    is_bag = is_recording(path)
    ground_truth = bag_ground_truth(path, config) if is_bag else pair_ground_truth(data, config)
    garg = config.crop == 'garg' or (
        config.crop == 'auto' and ground_truth.benchmark == 'kitti raw'
    )
    with ExitStack() as stack:
        backends = {
            name: stack.enter_context(closing(load_model(path)))
            for name, path in _short_names(models).items()
        }
        predictors = {name: _predicting(backend) for name, backend in backends.items()}
        if config.prior is not None:
            predictors[PRIOR] = _knowing(training_prior(PairFolder(config.prior)))
        scores = {name: RowScore(ErrorCounts(config.cap_m)) for name in predictors}
        evaluation = Evaluation(data, ground_truth, config, garg, scores)
        for frame in track(ground_truth.frames, 'evaluate', total=ground_truth.max_frames):
            if frame is None:
                evaluation.without_ground_truth += 1
                continue
            predicted = {name: predict(frame) for name, predict in predictors.items()}
            depths_m = {name: depth_m for name, (depth_m, _) in predicted.items()}
            comparison = compare(depths_m, frame, config, garg=garg)
            if comparison is None:
                evaluation.without_pixels += 1
            else:
                _take(evaluation, frame, comparison, predicted)
    if not evaluation.frames:
        raise ValueError(_nothing(evaluation))
    return evaluation


def load_model(path: Path) -> Backend:
    """Load a checkpoint or a model file as an inference backend."""
    if path.suffix != CHECKPOINT_SUFFIX:
        # The self-test comes from ONNX Runtime, so results are the same on every machine.
        return load_backend(path, 'onnxruntime')
    # Imported late, because torch takes seconds to import and a model file does not need it.
    from trainer.evaluate.torch_backend import open_checkpoint

    return open_checkpoint(path)


def _short_names(models: Sequence[Path]) -> dict[str, Path]:
    """Return the models by their paths below the folder that they share."""
    paths = [path.absolute() for path in models]
    shared = Path(os.path.commonpath([path.parent for path in paths]))
    return {str(path.relative_to(shared)): path for path in paths}


def _predicting(backend: Backend) -> Predict:
    # The protocol clamps depth, the same for all models, and disparities are not clamped at all.
    predictor = Predictor(backend, max_depth_m=math.inf)
    return lambda frame: predict_frame(predictor, frame)


def predict_frame(predictor: Predictor, frame: GroundTruthFrame) -> Predicted:
    """Predict a frame, and bring depth and confidence into the camera of its ground truth."""
    prediction = predictor.predict(frame.rgb, frame.camera)
    depth_m, confidence = (
        None if values is None else look_up(values, prediction.camera, frame.ground_truth.camera)
        for values in (prediction.depth_m, prediction.confidence)
    )
    assert depth_m is not None
    return Predicted(depth_m, confidence)


def _knowing(prior: DepthMap) -> Predict:
    return lambda frame: Predicted(resample(prior, frame.ground_truth.camera), None)


def _take(
    evaluation: Evaluation,
    frame: GroundTruthFrame,
    comparison: Comparison,
    predicted: Mapping[str, Predicted],
) -> None:
    compared = comparison.compared
    true_m = frame.ground_truth.depth_m[compared]
    for name, score in evaluation.scores.items():
        score.images.append(comparison.scores[name])
        predicted_m = comparison.depths_m[name][compared]
        score.counts.add(predicted_m, true_m)
        confidence = predicted[name].confidence
        if confidence is not None:
            score.confidence.add(predicted_m, true_m, confidence[compared])
    _keep_example(evaluation.examples, frame, comparison)


def _keep_example(
    examples: list[Example], frame: GroundTruthFrame, comparison: Comparison
) -> None:
    """Insert the frame if it is among the best or the worst; drop the one in the middle."""
    name, score = next(iter(comparison.scores.items()))
    abs_rel = score.metrics.abs_rel
    at = sum(example.abs_rel < abs_rel for example in examples)
    full = len(examples) == 2 * EXAMPLES
    if full and at == EXAMPLES:
        return
    rgb = ImageWarp(frame.camera, frame.ground_truth.camera).warp(frame.rgb)
    true_m = np.where(comparison.compared, frame.ground_truth.depth_m, np.float32(np.nan))
    examples.insert(at, Example(frame.name, abs_rel, rgb, comparison.depths_m[name], true_m))
    if full:
        # The list held EXAMPLES best and EXAMPLES worst; the new one moved one to the middle.
        del examples[EXAMPLES]


def _nothing(evaluation: Evaluation) -> str:
    data, ground_truth = evaluation.data, evaluation.ground_truth
    if not evaluation.without_pixels:
        return (
            f'{data} holds no ground truth: looked for {ground_truth.looked_for}; add it, or '
            'compare with --truth stereo'
        )
    return (
        f'{data}: none of {evaluation.without_pixels} frames with a ground truth '
        f'({ground_truth.label}) has a true pixel in range that every model sees; check that it '
        'is of this camera'
    )
