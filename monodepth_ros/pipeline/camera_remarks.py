"""Warnings about a camera: a suspicious calibration, or pixels unlike those of the training."""

from __future__ import annotations

import math

import cv2
import numpy as np

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.choices import MAX_FOOTPRINT_RATIO
from monodepth_ros.core.intrinsics_check import intrinsics_fault
from monodepth_ros.core.model_spec import ModelSpec

# A smaller rotation moves a point at 20 m by less than 2 cm.
MIN_ROTATION_DEG = 0.05


def camera_remarks(camera: Camera, network: Intrinsics, spec: ModelSpec) -> list[str]:
    """
    Return how a camera differs from the training.

    camera: the live camera.
    network: the camera of the network's input.
    spec: the model's description.
    """
    remarks = []
    trained = spec.camera
    if (network.width, network.height) != (trained.width, trained.height):
        ratio = network.width * network.height / (trained.width * trained.height)
        remarks.append(
            f'the camera sees more than the model was trained on: the network runs at '
            f'{network.width} x {network.height} instead of {trained.width} x {trained.height}, '
            f'{ratio:.2f} times the work'
        )
    return remarks + calibration_remarks(camera) + footprint_remarks(camera, spec)


def calibration_remarks(camera: Camera) -> list[str]:
    """Return what looks wrong in a calibration that is used nevertheless."""
    remarks = calibration_faults(camera)
    if camera.frame_r is not None and not any(camera.p):
        remarks.append(
            'the images are rectified, so P of camera_info describes them, but P is all zero: K '
            'is used instead; let the driver fill in P'
        )
    return remarks


def calibration_faults(camera: Camera) -> list[str]:
    """Return why K or P cannot belong to the camera's images, see intrinsics_fault."""
    faults = (intrinsics_fault(view) for view in (camera.intrinsics, camera.rectified))
    return [*dict.fromkeys(fault for fault in faults if fault)]


def rotation_deg(camera: Camera) -> float | None:
    """Return the angle between the axes of frame_id and the rectified axes; None if tiny."""
    angle_deg = math.degrees(np.linalg.norm(cv2.Rodrigues(camera.rectified_from_frame)[0]))
    return angle_deg if angle_deg > MIN_ROTATION_DEG else None


def footprint_remarks(
    camera: Camera, spec: ModelSpec, max_ratio: float = MAX_FOOTPRINT_RATIO
) -> list[str]:
    """Return a warning if a camera's pixels are much finer or coarser than the training's."""
    ratio = footprint_ratio(camera, spec.training_fx_px)
    if max(ratio, 1 / ratio) <= max_ratio:
        return []
    finer = 'finer' if ratio > 1 else 'coarser'
    return [
        f'the pixels of this camera are {max(ratio, 1 / ratio):.1f} times {finer} than those the '
        f'model was trained on (fx {camera.k[0]:.0f} px, trained with '
        f'{_span(spec.training_fx_px)} px): depth may be worse; train on a rig with such pixels, '
        'or choose a camera mode or lens nearer to it'
    ]


def footprint_ratio(camera: Camera, training_fx_px: tuple[float, float]) -> float:
    """Return how many times finer (> 1) or coarser (< 1) pixels are than those of the training."""
    low, high = training_fx_px
    return camera.k[0] / min(max(camera.k[0], low), high)


def _span(values: tuple[float, float]) -> str:
    low, high = values
    return f'{low:.0f}' if math.isclose(low, high) else f'{low:.0f} to {high:.0f}'
