"""The description that a model file carries, as JSON in the ONNX file's metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monodepth_ros.core.bit_depth import check_bits
from monodepth_ros.core.camera import check_baseline, Intrinsics

SPEC_VERSION = 3
# Versions that are read, and the fields that each one lacks, which then have their defaults.
READ_VERSIONS: dict[int, set[str]] = {
    2: {'history', 'bits', 'mounting', 'monitor'},
    SPEC_VERSION: set(),
}
# Limit for a network's input, sixteen times 1280 x 800: a damaged file may ask for any size.
MAX_PIXELS = 2**24
METADATA_KEY = 'monodepth_ros.model_spec'


@dataclass(frozen=True)
class SelfTest:
    """Expected output for self_test_image: disparity (fraction of the width) at pixels (v, u)."""

    pixels: tuple[tuple[int, int], ...]
    disparity: tuple[float, ...]


@dataclass(frozen=True)
class TrainingStage:
    """
    An earlier training, whose weights the next one began from.

    origin: the weights that it left: a checkpoint, or weights of an encoder.
    training_data, data_licence: as in ModelSpec, for pretrained weights also their licence.
    steps: optimiser steps; None if unknown.
    git_commit: commit of the trainer; 'unknown' for weights of others.
    """

    origin: str
    training_data: tuple[str, ...] = ()
    data_licence: str = 'not stated'
    steps: int | None = None
    git_commit: str = 'unknown'

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 0:
            raise ValueError(f'got {self.steps} steps of {self.origin}, expected 0 or more')


@dataclass(frozen=True)
class Mounting:
    """
    The pose of the training rig's left camera over the ground: means and standard deviations.

    height_m: of the optical centre.
    pitch_deg: of the optical axis against the ground, positive when the camera looks down.
    roll_deg: about the optical axis, positive when the camera's right side is lower.
    The signs are those of REP 103 for rotations about axes x forward, y left, z up.
    Raises ValueError for numbers that are not finite, a height that is not positive, or a
    negative standard deviation.
    """

    height_m: float
    pitch_deg: float
    roll_deg: float
    height_std_m: float
    pitch_std_deg: float
    roll_std_deg: float

    def __post_init__(self) -> None:
        _check_finite('mounting', *asdict(self).values())
        spreads = (self.height_std_m, self.pitch_std_deg, self.roll_std_deg)
        if self.height_m <= 0 or min(spreads) < 0:
            raise ValueError(
                f'got {self}, expected a positive height and no negative standard deviation'
            )


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
    history: the trainings before, the oldest first; all other fields are of the last one.
    bits: bit depth of the training images, if all rigs state the same one; None: 8 or unknown.
    mounting: mounting of the training rig; None if unknown.
    monitor: percentiles of image statistics on the validation pairs, by name; None if unknown.
    Raises ValueError for values that cannot be.
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
    history: tuple[TrainingStage, ...] = ()
    bits: int | None = None
    mounting: Mounting | None = None
    monitor: dict[str, tuple[float, ...]] | None = None
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
        check_bits(self.bits, 'ModelSpec')
        for name, percentiles in (self.monitor or {}).items():
            _check_finite(f'monitor of {name}', *percentiles)

    def to_json(self) -> str:
        """Return the text to store in the file."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """
        Parse the text of to_json, of any version in READ_VERSIONS.

        Raises ValueError for another spec_version, other keys, or values that cannot be.
        """
        values: dict[str, Any] = json.loads(text)
        version = values.get('spec_version')
        if version not in READ_VERSIONS:
            raise ValueError(
                f'got ModelSpec version {version}, this program reads versions '
                f'{" and ".join(map(str, READ_VERSIONS))}; export the model again, or update '
                'monodepth_ros'
            )
        known = {f.name for f in fields(cls)} - READ_VERSIONS[version]
        if set(values) != known:
            raise ValueError(f'ModelSpec has keys {sorted(values)}, expected {sorted(known)}')
        values['spec_version'] = SPEC_VERSION
        try:
            return cls(**{name: _parsed(name, value) for name, value in values.items()})
        # Values of another kind, and other keys of the parts.
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(
                f'ModelSpec has values that are not of version {version}: {error}'
            ) from error


def _parsed(name: str, value: Any) -> Any:
    """Return the value of a ModelSpec's field from its value in JSON."""
    return _PARSERS[name](value) if name in _PARSERS and value is not None else value


def _self_test(value: dict[str, Any]) -> SelfTest:
    pixels = tuple((int(v), int(u)) for v, u in value['pixels'])
    return SelfTest(pixels, tuple(value['disparity']))


def _stage(value: dict[str, Any]) -> TrainingStage:
    return TrainingStage(**value | {'training_data': tuple(value['training_data'])})


# Fields that JSON stores as dicts and lists.
_PARSERS: dict[str, Callable[[Any], Any]] = {
    'camera': lambda value: Intrinsics(**value),
    'depth_range_m': tuple,
    'training_fx_px': tuple,
    'training_data': tuple,
    'self_test': _self_test,
    'history': lambda value: tuple(map(_stage, value)),
    'mounting': lambda value: Mounting(**value),
    'monitor': lambda value: {name: tuple(numbers) for name, numbers in value.items()},
}


def _check_finite(name: str, *numbers: float) -> None:
    """Raise ValueError unless all numbers are finite."""
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError(f'{name} has {numbers}, expected finite numbers')


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
