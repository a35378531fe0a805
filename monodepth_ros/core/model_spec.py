"""The description that a model file carries, as JSON in the ONNX file's metadata."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.camera import check_baseline, Intrinsics

SPEC_VERSION = 2
# Limit for a network's input, sixteen times 1280 x 800: a damaged file may ask for any size.
MAX_PIXELS = 2**24
METADATA_KEY = 'monodepth_ros.model_spec'


@dataclass(frozen=True)
class SelfTest:
    """Expected output for self_test_image: disparity (fraction of the width) at pixels (v, u)."""

    pixels: tuple[tuple[int, int], ...]
    disparity: tuple[float, ...]


@dataclass(frozen=True)
class ModelSpec:
    """
    The camera that a model was trained for, and where the model comes from.

    camera: the canonical camera, in network pixels.
    baseline_m: baseline of the canonical rig.
    depth_range_m: nearest and farthest depth of the model; farther depth is out of range.
    stride: height and width of any input are multiples of it.
    training_fx_px: smallest and largest focal length of the training images, before the mapping
    into the canonical camera.
    """

    camera: Intrinsics
    baseline_m: float
    depth_range_m: tuple[float, float]
    stride: int
    training_fx_px: tuple[float, float]
    encoder: str
    training_data: tuple[str, ...]
    data_licence: str
    git_commit: str
    precision: str = 'fp32'
    metrics: dict[str, float] = field(default_factory=dict)
    self_test: SelfTest | None = None
    spec_version: int = SPEC_VERSION

    def __post_init__(self) -> None:
        check_baseline(self.baseline_m)
        near, far = self.depth_range_m
        if not 0 < near < far:
            raise ValueError(f'got depth_range_m {self.depth_range_m}, expected 0 < near < far')
        smallest, largest = self.training_fx_px
        if not 0 < smallest <= largest:
            raise ValueError(
                f'got training_fx_px {self.training_fx_px}, expected 0 < smallest <= largest'
            )
        check_size(width=self.camera.width, height=self.camera.height, stride=self.stride)

    def to_json(self) -> str:
        """Return the text to store in the file."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Parse the text of to_json. Raises ValueError for another spec_version or other keys."""
        values: dict[str, Any] = json.loads(text)
        version = values.get('spec_version')
        if version != SPEC_VERSION:
            raise ValueError(
                f'got ModelSpec version {version}, this program reads version {SPEC_VERSION}; '
                'export the model again, or update monodepth_ros'
            )
        known = {f.name for f in fields(cls)}
        if set(values) != known:
            raise ValueError(f'ModelSpec has keys {sorted(values)}, expected {sorted(known)}')
        test = values['self_test']
        if test is not None:
            pixels = tuple((int(v), int(u)) for v, u in test['pixels'])
            values['self_test'] = SelfTest(pixels, tuple(test['disparity']))
        values['camera'] = Intrinsics(**values['camera'])
        for name in ('depth_range_m', 'training_fx_px', 'training_data'):
            values[name] = tuple(values[name])
        return cls(**values)


def check_size(*, width: int, height: int, stride: int) -> None:
    """Raise ValueError unless both are multiples of the stride and at most MAX_PIXELS in all."""
    for name, size in (('width', width), ('height', height)):
        if size <= 0 or size % stride:
            low = max(stride, size // stride * stride)
            raise ValueError(
                f'{name} is {size}, expected a multiple of {stride}, e.g. {low} or {low + stride}'
            )
    if width * height > MAX_PIXELS:
        raise ValueError(f'got {width} x {height} pixels, expected at most {MAX_PIXELS}')


def self_test_image(*, width: int, height: int) -> NDArray[np.uint8]:
    """Return (H, W, 3) uint8: a fixed pattern that any program can reproduce."""
    v, u, c = np.ogrid[:height, :width, :3]
    pattern = (31 * u + 17 * v + 73 * c + ((u * v) >> 5)) & 255
    return np.asarray(pattern, np.uint8)
