"""
`python -m bench.canonical`: the demo's model with six cameras that differ from the training's.

Each camera sees unseen scenes of the demo's world from the pose of the training camera, and both
are compared over the rays that both see. A third column stretches the image to the network's
input instead. Further rows have the training camera at other mountings, and the pixels of lowest
confidence.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
import math
from pathlib import Path
import sys

import cv2
import numpy as np
from rich.progress import track

from bench.cameras import six_cameras
from bench.report import report, Target
from demo.synthetic import camera_rays, View
from demo.world import DriveStep, LEFT_CAMERA, look, UNSEEN_DRIVE
from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.disparity import depth_from_disparity
from monodepth_ros.inference.load import load_backend
from monodepth_ros.pipeline.predictor import Prediction, Predictor
from trainer.datasets.depth_map import DepthMap, resample

MODEL = Path('out/demo/model.onnx')
# Half of the frames: steps 0, 2 and 4 of each scene. With fewer frames, a single bad one can
# change a mean by 0.02.
EVERY = 2
NEAR_M, FAR_M = 0.5, 80.0
MAX_RATIO = 1.15
# The fraction of pixels with the lowest confidence, and the target of their error over the mean.
DOUBTFUL_FRACTION, MIN_DOUBT_RATIO = 0.1, 1.5
TRAINED = Camera.pinhole(LEFT_CAMERA.rectified)
CAMERAS = six_cameras(TRAINED.rectified)
AS_TRAINED = 'as trained'
MOUNTINGS = {
    '0.2 m higher': {'raised_m': 0.2},
    '0.2 m lower': {'raised_m': -0.2},
    '3 degrees further down': {'pitched_rad': math.radians(3)},
    '3 degrees further up': {'pitched_rad': -math.radians(3)},
}
LEAST_CONFIDENT = 'least confident tenth'


def main() -> int:
    """Run the command line; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', type=Path, default=MODEL, help='made by `make demo`')
    options = parser.parse_args()
    looker = _Looker(options.model)
    errors: defaultdict[str, list[float]] = defaultdict(list)
    frames = UNSEEN_DRIVE.frames()[::EVERY]
    for frame in track(frames, 'frames'):
        for name, abs_rel in _errors(looker, frame):
            errors[name].append(abs_rel)
    mean = {name: float(np.mean(values)) for name, values in errors.items()}
    return report(
        'canonical',
        columns=('Abs Rel', 'canonical', 'training camera', 'stretched'),
        rows=list(_rows(mean)),
        targets=list(_targets(mean)),
        details={'abs_rel': mean, 'frames': len(frames)},
    )


class _Looker:
    """The model with a predictor for each of the cameras."""

    def __init__(self, model: Path) -> None:
        self._backend = load_backend(model)
        if not self._backend.has_confidence:
            raise ValueError(f'{model} has no confidence output; export it again')
        # One predictor each, so that maps and input sizes are computed once.
        self._predictors = {
            camera: Predictor(load_backend(model)) for camera in (TRAINED, *CAMERAS.values())
        }

    def predict(self, camera: Camera, rgb: np.ndarray) -> Prediction:
        """Predict as the node does."""
        return self._predictors[camera].predict(rgb, camera)

    def depth(self, camera: Camera, rgb: np.ndarray) -> DepthMap:
        """Return depth in the rectified camera, with FAR_M beyond range."""
        prediction = self.predict(camera, rgb)
        return DepthMap(np.minimum(prediction.depth_m, FAR_M), prediction.camera)

    def stretched(self, rgb: np.ndarray) -> np.ndarray:
        """Return the depth of the image stretched to the network's input, in the raw image."""
        spec = self._backend.spec
        size = (spec.camera.width, spec.camera.height)
        output = self._backend.infer(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
        resized = cv2.resize(output.disparity_frac, rgb.shape[1::-1])
        disparity_px = np.asarray(resized, np.float32) * spec.camera.width
        depth_m = depth_from_disparity(
            disparity_px, focal_px=spec.camera.fx, baseline_m=spec.baseline_m
        )
        return np.minimum(depth_m, FAR_M)


def _errors(looker: _Looker, frame: DriveStep) -> Iterator[tuple[str, float]]:
    """Yield Abs Rel of one frame with the name of each measurement."""
    view = look(frame, TRAINED)
    trained = looker.depth(TRAINED, view.rgb)
    yield AS_TRAINED, _abs_rel(trained.depth_m, view.depth_m, np.isfinite(trained.depth_m))
    for name, camera in CAMERAS.items():
        for way, abs_rel in _through(looker, frame, camera, view, trained):
            yield f'{name} {way}', abs_rel
    for name, mounting in MOUNTINGS.items():
        moved = look(frame, TRAINED, **mounting)
        depth_m = looker.depth(TRAINED, moved.rgb).depth_m
        yield name, _abs_rel(depth_m, moved.depth_m, np.isfinite(depth_m))
    doubtful = _doubtful(looker.predict(TRAINED, view.rgb), view)
    yield LEAST_CONFIDENT, _abs_rel(trained.depth_m, view.depth_m, doubtful)


def _through(
    looker: _Looker, frame: DriveStep, camera: Camera, trained_view: View, trained: DepthMap
) -> Iterator[tuple[str, float]]:
    """
    Yield Abs Rel over the rays that both cameras see, each in its own pixels.

    looker: the model.
    frame: what to look at.
    camera: the other camera.
    trained_view, trained: image and depth of the training camera.
    """
    view = look(frame, camera)
    live = looker.depth(camera, view.rgb)
    true_m = look(frame, camera.as_rectified()).depth_m
    shared = np.isfinite(live.depth_m) & np.isfinite(resample(trained, live.camera))
    yield 'canonical', _abs_rel(live.depth_m, true_m, shared)
    shared = np.isfinite(trained.depth_m) & np.isfinite(resample(live, trained.camera))
    yield 'trained', _abs_rel(trained.depth_m, trained_view.depth_m, shared)
    shared = _seen_by(trained.camera, camera)
    yield 'stretched', _abs_rel(looker.stretched(view.rgb), view.depth_m, shared)


def _doubtful(prediction: Prediction, view: View) -> np.ndarray:
    """Return the pixels of lowest confidence among those of known depth, (H, W) bool."""
    assert prediction.confidence is not None  # the demo's model has it
    known = np.isfinite(prediction.disparity_px) & _in_range(view.depth_m)
    limit = np.quantile(prediction.confidence[known], DOUBTFUL_FRACTION)
    return np.asarray(known & (prediction.confidence <= limit))


def _seen_by(trained: Intrinsics, camera: Camera) -> np.ndarray:
    """Return the raw pixels whose rays the trained camera sees, (H, W) bool."""
    rays = camera_rays(camera)
    u, v = trained.to_pixels(rays[..., 0] / rays[..., 2], rays[..., 1] / rays[..., 2])
    inside = (u > -0.5) & (u < trained.width - 0.5) & (v > -0.5) & (v < trained.height - 0.5)
    return np.asarray(inside & (rays[..., 2] > 0))


def _in_range(true_m: np.ndarray) -> np.ndarray:
    return (true_m > NEAR_M) & (true_m < FAR_M)


def _abs_rel(depth_m: np.ndarray, true_m: np.ndarray, where: np.ndarray) -> float:
    use = where & _in_range(true_m)
    return float(np.mean(np.abs(depth_m[use] - true_m[use]) / true_m[use]))


def _rows(mean: dict[str, float]) -> Iterator[tuple[str, ...]]:
    for name in CAMERAS:
        ways = (mean[f'{name} {way}'] for way in ('canonical', 'trained', 'stretched'))
        yield name, *(f'{value:.3f}' for value in ways)
    for name in (AS_TRAINED, *MOUNTINGS, LEAST_CONFIDENT):
        yield name, '', f'{mean[name]:.3f}', ''


def _targets(mean: dict[str, float]) -> Iterator[Target]:
    for name in CAMERAS:
        ratio = mean[f'{name} canonical'] / mean[f'{name} trained']
        yield Target(f'{name} / training camera', ratio, MAX_RATIO, at_most=True)
    doubt = mean[LEAST_CONFIDENT] / mean[AS_TRAINED]
    yield Target(f'{LEAST_CONFIDENT} / mean', doubt, MIN_DOUBT_RATIO)


if __name__ == '__main__':
    sys.exit(main())
