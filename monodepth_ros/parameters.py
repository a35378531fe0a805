"""The nodes' parameters: declared, documented, validated once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
import json
import math
from typing import Any, TypeVar

from monodepth_ros.core.colors import COLOR_MAP, COLOR_MAPS, FAR_M, NEAR_M
from monodepth_ros.errors import check_choice
from monodepth_ros.inference.build_options import BuildOptions, OPTIMISATION_LEVELS
from monodepth_ros.inference.load import AUTO, BACKENDS, BFLOAT16, MODEL, PRECISIONS
from monodepth_ros.messages import DEPTH_ENCODINGS
from monodepth_ros.predictor import OUTPUT_SIZES

IMAGE_TRANSPORTS = ('raw', 'compressed')
RECTIFIED = 'The images are rectified already (image_rect): P describes them, D and R do not.'
Params = TypeVar('Params')


def _parameter(default: Any, description: str) -> Any:
    return field(default=default, metadata={'description': description})


@dataclass(frozen=True)
class DepthNodeParams:
    """
    Of depth_node: the only home of the parameters' names, defaults and descriptions.

    config/monodepth.yaml and the README's table show the same; tests compare them.
    Raises ValueError for a value that cannot be.
    """

    model: str = _parameter('', 'Path of the model file (ONNX with a ModelSpec). Required.')
    autostart: bool = _parameter(
        True, 'Configure and activate at start; false leaves that to a lifecycle manager.'
    )
    image_transport: str = _parameter(
        'raw', '`raw` subscribes to `image`, `compressed` to `image/compressed` (jpeg, png).'
    )
    rectified: bool = _parameter(False, RECTIFIED)

    def __post_init__(self) -> None:
        check_choice('parameter image_transport', self.image_transport, IMAGE_TRANSPORTS)


@dataclass(frozen=True)
class BackendParams:
    """
    Of depth_node and of replay: what computes; names, defaults and descriptions as above.

    Raises ValueError for a value that cannot be.
    """

    backend: str = _parameter(
        AUTO,
        f'Engine: {", ".join(f"`{name}`" for name in BACKENDS)}; `{AUTO}` is the fastest that '
        'works here, and says why the others are not used.',
    )
    precision: str = _parameter(
        MODEL,
        f'Arithmetic: `{MODEL}` as the model file has it, `{BFLOAT16}` for bfloat16, which is '
        'faster on some CPUs (OpenVINO).',
    )
    device: int = _parameter(0, 'Number of the GPU (TensorRT).')
    workspace_mb: int = _parameter(
        0, 'GPU memory that one operator may need besides its inputs and outputs; 0: all there is.'
    )
    optimisation_level: int = _parameter(
        BuildOptions.optimisation_level,
        f"TensorRT's, {OPTIMISATION_LEVELS[0]} to {OPTIMISATION_LEVELS[-1]}: a higher one looks "
        'longer for a faster engine.',
    )

    def __post_init__(self) -> None:
        check_choice('parameter backend', self.backend, BACKENDS)
        check_choice('parameter precision', self.precision, PRECISIONS)
        for name in ('device', 'workspace_mb'):
            if getattr(self, name) < 0:
                raise ValueError(f'parameter {name} is {getattr(self, name)}, expected >= 0')
        BuildOptions(optimisation_level=self.optimisation_level)  # raises where it cannot be


@dataclass(frozen=True)
class OutputParams:
    """
    Of depth_node and of replay: what comes out; names, defaults and descriptions as above.

    Raises ValueError for a value that cannot be.
    """

    output_size: str = _parameter(
        'full',
        'Size of all outputs: `full`, `half` or `quarter` of the rectified image, or `network`, '
        "the network's own input.",
    )
    max_depth_m: float = _parameter(
        0.0, 'Beyond it depth is +inf; 0: the far end of what the model is meant for.'
    )
    depth_encoding: str = _parameter(
        '32FC1', '`32FC1` metres, or `16UC1` millimetres with 0 for invalid (REP 118).'
    )
    color_map: str = _parameter(
        COLOR_MAP, f'Of `depth/image_color`: {", ".join(f"`{name}`" for name in COLOR_MAPS)}.'
    )
    color_near_m: float = _parameter(NEAR_M, 'Depth of the near end of the colours.')
    color_far_m: float = _parameter(FAR_M, 'Depth of the far end of the colours.')
    points_stride: int = _parameter(
        2, 'Every n-th row and column becomes a point of the cloud (1 or more).'
    )
    points_color: bool = _parameter(
        True, 'Points carry rgb, or intensity from a grey image; false: x, y, z alone.'
    )
    points_min_m: float = _parameter(0.0, 'Nearer points are left out.')
    points_max_m: float = _parameter(0.0, 'Farther points are left out; 0: as max_depth_m.')
    points_drop_flying: bool = _parameter(
        True, 'Leave out the points in mid-air between a surface and what is behind it.'
    )

    def __post_init__(self) -> None:
        check_choice('parameter output_size', self.output_size, OUTPUT_SIZES)
        check_choice('parameter depth_encoding', self.depth_encoding, tuple(DEPTH_ENCODINGS))
        check_choice('parameter color_map', self.color_map, COLOR_MAPS)
        if self.points_stride < 1:
            raise ValueError(f'parameter points_stride is {self.points_stride}, expected >= 1')
        for name in ('max_depth_m', 'points_min_m', 'points_max_m'):
            if not getattr(self, name) >= 0:
                raise ValueError(f'parameter {name} is {getattr(self, name):g}, expected >= 0')
        if self.points_max_m and not self.points_min_m < self.points_max_m:
            raise ValueError(
                f'parameters points_min_m and points_max_m are {self.points_min_m:g} and '
                f'{self.points_max_m:g}, expected min < max, or 0 for the maximum'
            )
        if not 0 < self.color_near_m < self.color_far_m < math.inf:
            raise ValueError(
                f'parameters color_near_m and color_far_m are {self.color_near_m:g} and '
                f'{self.color_far_m:g}, expected 0 < near < far'
            )


@dataclass(frozen=True)
class CollectParams:
    """
    Of collect_pairs: the only home of the parameters' names, defaults and descriptions.

    The README's table shows the same; a test compares them. Raises ValueError for a value that
    cannot be.
    """

    folder: str = _parameter('', 'Pair folder to begin or to go on with. Required.')
    image_transport: str = _parameter(
        'raw', '`raw` subscribes to `left/image`, `compressed` to `left/image/compressed`, ...'
    )
    rectified: bool = _parameter(False, RECTIFIED)
    tolerance_ms: float = _parameter(5.0, 'How far apart the stamps of a pair may be.')
    max_rate_hz: float = _parameter(
        10.0, 'At most so many pairs a second are kept on average, by their stamps.'
    )
    quota_gb: float = _parameter(
        50.0, 'Collection ends before the folder is larger than this (1 GB = 10^9 bytes).'
    )
    min_free_gb: float = _parameter(
        1.0, 'Collection ends when less than this is left free on the disk.'
    )

    def __post_init__(self) -> None:
        if not self.folder:
            raise ValueError(
                'parameter folder is empty, expected where to write the pairs; give one with '
                '`--ros-args -p folder:=/data/drive1`'
            )
        check_choice('parameter image_transport', self.image_transport, IMAGE_TRANSPORTS)
        for name in ('tolerance_ms', 'max_rate_hz', 'quota_gb'):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f'parameter {name} is {value:g}, expected a positive number')
        if not self.min_free_gb >= 0:
            raise ValueError(f'parameter min_free_gb is {self.min_free_gb:g}, expected >= 0')


def read_parameters(kind: type[Params], declare: Callable[[str, Any, str], Any]) -> Params:
    """
    Declare every parameter of a dataclass and return the values.

    declare(name, default, description) declares one and returns its value. A whole number does
    where a fraction is expected.
    """
    values = {}
    for f in _fields(kind):
        value = declare(f.name, f.default, f.metadata['description'])
        if isinstance(f.default, float):
            value = _number(f.name, value)
        values[f.name] = value
    return kind(**values)


def parameter_table(kind: type) -> str:
    """The README's table of a dataclass, in Markdown."""
    rows = [
        f'| `{f.name}` | `{json.dumps(f.default)}` | {f.metadata["description"]} |'
        for f in _fields(kind)
    ]
    return '\n'.join(['| parameter | default | meaning |', '|---|---|---|', *rows])


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f'parameter {name} is {value!r}, expected a number')
    return float(value)


def _fields(kind: type) -> tuple[Any, ...]:
    return fields(kind)
