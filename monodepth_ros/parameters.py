"""The node's parameters: declared, documented, validated once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
import json
from typing import Any

IMAGE_TRANSPORTS = ('raw', 'compressed')


def _parameter(default: Any, description: str) -> Any:
    return field(default=default, metadata={'description': description})


@dataclass(frozen=True)
class DepthNodeParams:
    """
    The only home of the parameters' names, defaults and descriptions.

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
    rectified: bool = _parameter(
        False, 'The images are rectified already (image_rect): P describes them, D and R do not.'
    )
    points_stride: int = _parameter(
        2, 'Every n-th row and column becomes a point of the cloud (1 or more).'
    )

    def __post_init__(self) -> None:
        if self.image_transport not in IMAGE_TRANSPORTS:
            raise ValueError(
                f'parameter image_transport is {self.image_transport!r}, '
                f'expected one of {IMAGE_TRANSPORTS}'
            )
        if self.points_stride < 1:
            raise ValueError(f'parameter points_stride is {self.points_stride}, expected >= 1')


def read_parameters(declare: Callable[[str, Any, str], Any]) -> DepthNodeParams:
    """
    Declare every parameter and return the values.

    declare(name, default, description) declares one and returns its value.
    """
    values = {f.name: declare(f.name, f.default, f.metadata['description']) for f in _fields()}
    return DepthNodeParams(**values)


def parameter_table() -> str:
    """The README's table, in Markdown."""
    rows = [
        f'| `{f.name}` | `{json.dumps(f.default)}` | {f.metadata["description"]} |'
        for f in _fields()
    ]
    return '\n'.join(['| parameter | default | meaning |', '|---|---|---|', *rows])


def _fields() -> tuple[Any, ...]:
    return fields(DepthNodeParams)
