"""What the user of a camera should know of how a model serves it."""

from __future__ import annotations

import math

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.model_spec import ModelSpec

# A live pixel so many times as wide or as narrow as in training is worth a warning.
MAX_FOOTPRINT_RATIO = 2.0


def camera_remarks(camera: Camera, network: Intrinsics, spec: ModelSpec) -> list[str]:
    """What is unlike the training; network: the camera of the network's input."""
    remarks = []
    trained = spec.camera
    if (network.width, network.height) != (trained.width, trained.height):
        ratio = network.width * network.height / (trained.width * trained.height)
        remarks.append(
            f'the camera sees more than the model was trained on: the network runs at '
            f'{network.width} x {network.height} instead of {trained.width} x {trained.height}, '
            f'{ratio:.2f} times the work'
        )
    return remarks + footprint_remarks(camera, spec)


def footprint_remarks(
    camera: Camera, spec: ModelSpec, max_ratio: float = MAX_FOOTPRINT_RATIO
) -> list[str]:
    """Whether a camera's pixels are of another kind than the model has seen."""
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
    """How many times finer (> 1) or coarser (< 1) a camera's pixels are than all of training's."""
    low, high = training_fx_px
    return camera.k[0] / min(max(camera.k[0], low), high)


def _span(values: tuple[float, float]) -> str:
    low, high = values
    return f'{low:.0f}' if math.isclose(low, high) else f'{low:.0f} to {high:.0f}'
