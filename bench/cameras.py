"""Six cameras that differ from the canonical camera of a model, derived from it."""

from __future__ import annotations

import cv2
import numpy as np

from monodepth_ros.core.camera import Camera, Intrinsics

# Distortion coefficients of real lenses; the cameras below give the model of each.
RATIONAL = (0.3, -0.01, 0.0006, -0.0004, 0.001, 0.38, -0.012, 0.001)
BARREL = (-0.26, 0.08, -0.0004, 0.0009, -0.011)
FISHEYE = (-0.01, 0.006, -0.004, 0.0009)
TELE = 2.0


def six_cameras(trained: Intrinsics) -> dict[str, Camera]:
    """Return six cameras by name; all of them see what lies ahead of the trained camera."""
    fx, width, height = trained.fx, trained.width, trained.height
    square = round(0.75 * width)
    return {
        'wide': _camera(0.62 * fx, (width, height), d=RATIONAL, model='rational_polynomial'),
        'tele': _camera(TELE * fx, (width, height)),
        '4:3': _camera(1.25 * fx, (round(1.25 * width), round(0.9375 * width)), d=BARREL),
        'portrait': _camera(fx, (square, width)),
        'fisheye': _camera(0.6 * fx, (width, square), d=FISHEYE, model='equidistant'),
        'off-centre': _camera(fx, (width, height), shift=(-0.15, 0.1), turn=(0.02, -0.03, 0.01)),
    }


def _camera(
    focal_px: float,
    size: tuple[int, int],
    *,
    d: tuple[float, ...] = (),
    model: str = 'plumb_bob',
    shift: tuple[float, float] = (0.0, 0.0),
    turn: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Camera:
    """
    Make a camera with a lens.

    focal_px: focal length.
    size: width and height in px.
    d, model: distortion coefficients, and the model that they belong to.
    shift: shift of the principal point from the centre, in fractions of the size.
    turn: rectified_from_raw as a rotation vector, rad.
    """
    width, height = size
    cx, cy = (width - 1) / 2 + shift[0] * width, (height - 1) / 2 + shift[1] * height
    k = (focal_px, 0.0, cx, 0.0, focal_px, cy, 0.0, 0.0, 1.0)
    rotation = cv2.Rodrigues(np.array(turn))[0].ravel().tolist()
    p = (*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0)
    return Camera(width, height, k, d=d, r=tuple(rotation), p=p, distortion_model=model)
