"""The nodes' parameters: declared, documented, validated once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
import json
import math
from typing import Any, TypeVar

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
    points_stride: int = _parameter(
        2, 'Every n-th row and column becomes a point of the cloud (1 or more).'
    )

    def __post_init__(self) -> None:
        _check_image_transport(self.image_transport)
        if self.points_stride < 1:
            raise ValueError(f'parameter points_stride is {self.points_stride}, expected >= 1')


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
        _check_image_transport(self.image_transport)
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


def _check_image_transport(value: str) -> None:
    if value not in IMAGE_TRANSPORTS:
        raise ValueError(
            f'parameter image_transport is {value!r}, expected one of {IMAGE_TRANSPORTS}'
        )


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f'parameter {name} is {value!r}, expected a number')
    return float(value)


def _fields(kind: type) -> tuple[Any, ...]:
    return fields(kind)
