"""
`python -m bench.canonical`: the demo's model through six cameras that it was not trained as.

Each looks at unseen scenes of the demo's world from where the training camera does; compared are
the rays that both see. Beside it the plain way: the image stretched to the network's input.
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
from demo.world import Frame, LEFT_CAMERA, look, UNSEEN_DRIVE
from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.disparity import depth_from_disparity
from monodepth_ros.inference.load import load_backend
from monodepth_ros.predictor import Predictor
from trainer.data.synthetic import camera_rays
from trainer.depth_map import DepthMap, resample

MODEL = Path('out/demo/model.onnx')
EVERY = 5
NEAR_M, FAR_M = 0.5, 80.0
MOST_RATIO = 1.15
# Of the pixels with the lowest confidence: their error over the mean error.
DOUBTFUL_SHARE, LEAST_DOUBT_RATIO = 0.1, 1.5
TRAINED = Camera.pinhole(LEFT_CAMERA.rectified)
MOUNTINGS = {
    '0.2 m higher': {'raised_m': 0.2},
    '0.2 m lower': {'raised_m': -0.2},
    'pitched 3 degrees down': {'pitched_rad': math.radians(3)},
    'pitched 3 degrees up': {'pitched_rad': -math.radians(3)},
}
Errors = defaultdict[str, list[float]]


def main() -> int:
    """Command line; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', type=Path, default=MODEL, help='made by `make demo`')
    options = parser.parse_args()
    # By way and camera: Abs Rel of every frame.
    errors: Errors = defaultdict(list)
    looker = _Looker(options.model)
    for frame in track(UNSEEN_DRIVE.frames()[::EVERY], 'frames'):
        trained = looker.predicted(TRAINED, look(frame, TRAINED).rgb)
        for name, camera in looker.cameras.items():
            _compare(errors, name, looker, camera, frame, trained)
        _mountings(errors, looker, frame)
        _doubts(errors, looker, frame)
    return _report(errors)


class _Looker:
    """The model behind each of the cameras."""

    def __init__(self, model: Path) -> None:
        self.cameras = six_cameras(TRAINED.rectified)
        self.backend = load_backend(model)
        # One each, so that maps and input sizes are made once.
        self._predictors = {
            camera: Predictor(load_backend(model)) for camera in (TRAINED, *self.cameras.values())
        }

    def predicted(self, camera: Camera, rgb: np.ndarray) -> DepthMap:
        """Depth in the rectified camera, beyond range as FAR_M."""
        prediction = self._predictors[camera].predict(rgb, camera)
        return DepthMap(np.minimum(prediction.depth_m, FAR_M), prediction.camera)

    def doubtful(self, camera: Camera, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Depth and confidence."""
        prediction = self._predictors[camera].predict(rgb, camera)
        if prediction.confidence is None:
            raise ValueError('the model has no confidence output; export it again')
        return np.minimum(prediction.depth_m, FAR_M), prediction.confidence

    def stretched(self, rgb: np.ndarray) -> np.ndarray:
        """Depth of the plain way, in the raw image."""
        spec = self.backend.spec
        size = (spec.camera.width, spec.camera.height)
        output = self.backend.infer(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
        disparity_px = cv2.resize(output.disparity_frac, rgb.shape[1::-1]) * spec.camera.width
        depth_m = depth_from_disparity(
            disparity_px, focal_px=spec.camera.fx, baseline_m=spec.baseline_m
        )
        return np.minimum(depth_m, FAR_M)


def _compare(
    errors: Errors, name: str, looker: _Looker, camera: Camera, frame: Frame, trained: DepthMap
) -> None:
    """Both cameras over the rays that both see, each over its own pixels."""
    view = look(frame, camera)
    live = looker.predicted(camera, view.rgb)
    live_m = live.depth_m.copy()
    true_m = look(frame, camera.as_rectified()).depth_m
    shared = np.isfinite(resample(trained, live.camera)) & np.isfinite(live_m)
    errors[f'{name} camera'].append(_abs_rel(live_m, true_m, shared))
    shared = np.isfinite(resample(DepthMap(live_m, live.camera), trained.camera))
    trained_true_m = look(frame, TRAINED).depth_m
    errors[f'{name} trained'].append(_abs_rel(trained.depth_m, trained_true_m, shared))
    seen = _seen_by(trained.camera, camera)
    errors[f'{name} stretched'].append(_abs_rel(looker.stretched(view.rgb), view.depth_m, seen))


def _mountings(errors: Errors, looker: _Looker, frame: Frame) -> None:
    for name, mounting in ({'as trained': {}} | MOUNTINGS).items():
        view = look(frame, TRAINED, **mounting)
        depth_m = looker.predicted(TRAINED, view.rgb).depth_m
        errors[name].append(_abs_rel(depth_m, view.depth_m, np.isfinite(depth_m)))


def _doubts(errors: Errors, looker: _Looker, frame: Frame) -> None:
    """Abs Rel of all pixels, and of those with the lowest confidence."""
    view = look(frame, TRAINED)
    depth_m, confidence = looker.doubtful(TRAINED, view.rgb)
    known = np.isfinite(depth_m) & _in_range(view.depth_m)
    lowest = known & (confidence <= np.quantile(confidence[known], DOUBTFUL_SHARE))
    errors['all pixels'].append(_abs_rel(depth_m, view.depth_m, known))
    errors['least confident'].append(_abs_rel(depth_m, view.depth_m, lowest))


def _seen_by(trained: Intrinsics, camera: Camera) -> np.ndarray:
    """(H, W) bool: raw pixels whose rays the trained camera sees."""
    rays = camera_rays(camera)
    u = rays[..., 0] / rays[..., 2] * trained.fx + trained.cx
    v = rays[..., 1] / rays[..., 2] * trained.fy + trained.cy
    inside = (u > -0.5) & (u < trained.width - 0.5) & (v > -0.5) & (v < trained.height - 0.5)
    return inside & (rays[..., 2] > 0)


def _in_range(true_m: np.ndarray) -> np.ndarray:
    return (true_m > NEAR_M) & (true_m < FAR_M)


def _abs_rel(depth_m: np.ndarray, true_m: np.ndarray, where: np.ndarray) -> float:
    use = where & _in_range(true_m)
    return float(np.mean(np.abs(depth_m[use] - true_m[use]) / true_m[use]))


def _report(errors: Errors) -> int:
    mean = {name: float(np.mean(values)) for name, values in errors.items()}
    targets = [
        Target(
            f'{name}: Abs Rel / through the training camera',
            mean[f'{name} camera'] / mean[f'{name} trained'],
            MOST_RATIO,
            at_most=True,
        )
        for name in six_cameras(TRAINED.rectified)
    ]
    doubt = mean['least confident'] / mean['all pixels']
    targets.append(Target('least confident tenth: error / mean', doubt, LEAST_DOUBT_RATIO))
    return report(
        'canonical',
        columns=('camera', 'canonical', 'training camera', 'stretched'),
        rows=list(_rows(mean)),
        targets=targets,
        details={'abs_rel': mean, 'frames': len(errors['as trained'])},
    )


def _rows(mean: dict[str, float]) -> Iterator[tuple[str, ...]]:
    for name in six_cameras(TRAINED.rectified):
        ways = (mean[f'{name} {way}'] for way in ('camera', 'trained', 'stretched'))
        yield name, *(f'{value:.3f}' for value in ways)
    for name in ('as trained', *MOUNTINGS):
        yield name, f'{mean[name]:.3f}', '', ''


if __name__ == '__main__':
    sys.exit(main())
