"""Measures models on data with a truth, through the same code as on the robot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, ExitStack
from dataclasses import dataclass, field
import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.progress import track

from monodepth_ros.common.paths import typed_path
from monodepth_ros.core.canonical import ToCanonical
from monodepth_ros.inference.backend import Backend
from monodepth_ros.inference.load import load_backend
from monodepth_ros.pipeline.predictor import Predictor
from monodepth_ros.storage.bag import is_recording
from monodepth_ros.storage.pair_folder import PairFolder
from trainer.datasets.depth_map import DepthMap, resample
from trainer.evaluate.bag_truth import bag_truth
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.pair_truth import pair_truth
from trainer.evaluate.prior import training_prior
from trainer.evaluate.scoring import compare, Comparison, ErrorCounts, Score
from trainer.evaluate.truth import TruthFrame, TruthFrames

CHECKPOINT_SUFFIX = '.ckpt'
PRIOR = 'prior (never sees the image)'
EXAMPLES = 3

# Depth of a frame in its truth's camera: (H, W) float32 metres, NaN where unseen.
PredictDepth = Callable[[TruthFrame], np.ndarray]


class Example(NamedTuple):
    """One frame as the first model saw it; all (H, W) in the truth's camera, depth clamped."""

    name: str
    abs_rel: float
    rgb: np.ndarray
    depth_m: np.ndarray
    true_m: np.ndarray


@dataclass
class Evaluation:
    """
    What came out.

    scores: by model, then PRIOR's if asked for. examples: best first, at most EXAMPLES from
    either end. without_truth: frames left out for lack of one. without_pixels: frames with a
    truth of which no pixel could be compared.
    """

    data: str
    truth: TruthFrames
    config: EvaluateConfig
    garg: bool
    scores: dict[str, Score]
    examples: list[Example] = field(default_factory=list)
    without_truth: int = 0
    without_pixels: int = 0

    @property
    def frames(self) -> int:
        """How many were compared."""
        return len(next(iter(self.scores.values())).images)


def evaluate(models: Sequence[Path], data: str, config: EvaluateConfig) -> Evaluation:
    """
    Run every model on every frame with a truth.

    models: checkpoints (.ckpt) or model files. data: a rosbag2 or what open_sequences reads.
    Raises ValueError or OSError when a model, the data or the truth is missing.
    """
    path = typed_path(data)
    is_bag = is_recording(path)
    truth = bag_truth(path, config) if is_bag else pair_truth(data, config)
    garg = config.crop == 'garg' or (config.crop == 'auto' and truth.benchmark == 'kitti raw')
    with ExitStack() as stack:
        backends = {
            name: stack.enter_context(closing(load_model(path)))
            for name, path in _short_names(models).items()
        }
        predictors = {name: _predicting(backend) for name, backend in backends.items()}
        if config.prior is not None:
            predictors[PRIOR] = _knowing(training_prior(PairFolder(config.prior)))
        scores = {name: Score(ErrorCounts(config.cap_m)) for name in predictors}
        evaluation = Evaluation(data, truth, config, garg, scores)
        for frame in track(truth.frames, 'evaluate', total=truth.most):
            if frame is None:
                evaluation.without_truth += 1
                continue
            predictions = {name: predict(frame) for name, predict in predictors.items()}
            _take(evaluation, frame, compare(predictions, frame, config, garg=garg))
    if not evaluation.frames:
        raise ValueError(_nothing(evaluation))
    return evaluation


def load_model(path: Path) -> Backend:
    """A checkpoint or a model file, as the thing that the robot would run."""
    if path.suffix != CHECKPOINT_SUFFIX:
        # The one whose results the self-test holds: figures are the same on every machine.
        return load_backend(path, 'onnxruntime')
    # Imported here: torch takes seconds, which a model file need not wait for.
    from trainer.evaluate.torch_backend import open_checkpoint

    return open_checkpoint(path)


def _short_names(models: Sequence[Path]) -> dict[str, Path]:
    """The models by what tells their paths apart."""
    paths = [path.absolute() for path in models]
    shared = Path(os.path.commonpath([path.parent for path in paths]))
    return {str(path.relative_to(shared)): path for path in paths}


def _predicting(backend: Backend) -> PredictDepth:
    # The protocol's cap bounds depth, the same for every model; disparities have no bound at all.
    predictor = Predictor(backend, max_depth_m=math.inf)

    def predict(frame: TruthFrame) -> np.ndarray:
        prediction = predictor.predict(frame.rgb, frame.camera)
        return resample(DepthMap(prediction.depth_m, prediction.camera), frame.truth.camera)

    return predict


def _knowing(prior: DepthMap) -> PredictDepth:
    return lambda frame: resample(prior, frame.truth.camera)


def _take(evaluation: Evaluation, frame: TruthFrame, comparison: Comparison | None) -> None:
    if comparison is None:
        evaluation.without_pixels += 1
        return
    compared = comparison.compared
    for name, score in evaluation.scores.items():
        score.images.append(comparison.scores[name])
        predicted_m = comparison.depths_m[name][compared]
        score.counts.add(predicted_m, frame.truth.depth_m[compared])
    _keep_example(evaluation.examples, frame, comparison)


def _keep_example(examples: list[Example], frame: TruthFrame, comparison: Comparison) -> None:
    """Insert the frame if it is among the best or the worst; the one in the middle goes."""
    name, score = next(iter(comparison.scores.items()))
    abs_rel = score.metrics.abs_rel
    at = sum(example.abs_rel < abs_rel for example in examples)
    full = len(examples) == 2 * EXAMPLES
    if full and at == EXAMPLES:
        return
    rgb = ToCanonical(frame.camera, frame.truth.camera).warp(frame.rgb)
    true_m = np.where(comparison.compared, frame.truth.depth_m, np.float32(np.nan))
    examples.insert(at, Example(frame.name, abs_rel, rgb, comparison.depths_m[name], true_m))
    if full:
        # The list was EXAMPLES best and EXAMPLES worst; the new one pushes one to the middle.
        del examples[EXAMPLES]


def _nothing(evaluation: Evaluation) -> str:
    data, truth = evaluation.data, evaluation.truth
    if not evaluation.without_pixels:
        return (
            f'{data} holds no truth: looked for {truth.looked_for}; add it, or compare with '
            '--truth stereo'
        )
    return (
        f'{data}: none of {evaluation.without_pixels} frames with a truth ({truth.label}) has a '
        'true pixel in range that every model sees; is it the right camera?'
    )
