"""
Parameters of the nodes: names, defaults, ranges and meanings.

`python -m monodepth_ros.parameters` prints config/monodepth.yaml.
"""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
import math
import re
import sys

from monodepth_ros.core.choices import (
    COLOR_MAP,
    COLOR_MAPS,
    DEPTH_ENCODINGS,
    FAR_M,
    MAX_FOOTPRINT_RATIO,
    NEAR_M,
    OUTPUT_SIZES,
)
from monodepth_ros.inference.choices import AUTO, BACKENDS, BFLOAT16, MODEL, PRECISIONS
from monodepth_ros.inference.tensorrt.build_options import BuildOptions, OPTIMISATION_LEVELS
from monodepth_ros.parameter_rules import parameter, parameter_yaml, Parameters

IMAGE_TRANSPORTS = ('raw', 'compressed')
ROS_NAME = re.compile(r'[A-Za-z_]\w*(/[A-Za-z_]\w*)*', re.ASCII)
ROS_NAME_RULE = (
    'letters, digits, _ and /; each part begins with a letter or _, and no / is at the end'
)
RECTIFIED = (
    'The images are rectified already: P describes them, K and D do not. A topic with '
    '`image_rect` in its name counts as rectified anyway.'
)


@dataclass(frozen=True)
class DepthNodeParams(Parameters):
    """Parameters of depth_node: its model and its images."""

    model: str = parameter('', 'Path of the model file (ONNX with a ModelSpec). Required.')
    autostart: bool = parameter(
        True, 'Configure and activate at start; false leaves that to a lifecycle manager.'
    )
    cameras: str = parameter(
        '',
        'Names of several cameras, separated by blanks: each has its own `NAME/image`, '
        '`NAME/camera_info` and outputs. Empty: one camera with the topics `image`, ...',
    )
    image_transport: str = parameter(
        'raw',
        '`raw` subscribes to `image`, `compressed` to `image/compressed` (jpeg, png).',
        choices=IMAGE_TRANSPORTS,
    )
    camera_info_file: str = parameter(
        '',
        'Calibration (camera_info YAML; a path, file:// or package://) of a driver that publishes '
        "none; '': `camera_info`.",
    )
    rectified: bool = parameter(False, RECTIFIED)
    max_rate_hz: float = parameter(
        0.0,
        'Largest number of images computed per second and camera; 0: no limit.',
        low=0,
        live=True,
    )

    give_up_after: int = parameter(
        0,
        'After so many failed frames in a row, the node returns to unconfigured, with the reason '
        'in its diagnostics; 0: never, it keeps trying.',
        low=0,
        live=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.cameras.split():
            if not ROS_NAME.fullmatch(name):
                raise ValueError(f'parameter cameras names {name!r}, expected {ROS_NAME_RULE}')
        if len(set(self.camera_names)) < len(self.camera_names):
            raise ValueError(f'parameter cameras is {self.cameras!r}, expected different names')
        if len(self.camera_names) > 1 and self.camera_info_file:
            raise ValueError(
                'parameter camera_info_file describes one camera, but parameter cameras names '
                f'{len(self.camera_names)}; let their drivers publish camera_info'
            )

    @property
    def camera_names(self) -> list[str]:
        """Return the names of the cameras; [''] for an only one."""
        return self.cameras.split() or ['']


@dataclass(frozen=True)
class DiagnosticsParams(Parameters):
    """Parameters of depth_node: limits of its diagnostics."""

    stale_after_s: float = parameter(
        2.0,
        'ERROR when no image arrives for longer, WARN when the computation of one image takes '
        'longer; 0: never.',
        low=0,
        live=True,
    )
    min_rate_hz: float = parameter(
        0.0, 'WARN when fewer depth images are published per second; 0: never.', low=0, live=True
    )
    max_latency_ms: float = parameter(
        500.0,
        'WARN when the time from stamp to publication is longer (95th percentile); 0: never.',
        low=0,
        live=True,
    )
    min_confidence: float = parameter(
        0.3,
        'WARN when the mean confidence of the images is lower; 0: never.',
        low=0,
        high=1,
        live=True,
    )
    max_footprint_ratio: float = parameter(
        MAX_FOOTPRINT_RATIO,
        "WARN when the camera's pixels are so many times finer or coarser than in training.",
        low=1,
        live=True,
    )


@dataclass(frozen=True)
class BackendParams(Parameters):
    """Parameters of depth_node and replay: the computation."""

    backend: str = parameter(
        AUTO,
        f'Engine: {", ".join(f"`{name}`" for name in BACKENDS)}; `{AUTO}` chooses the fastest '
        'that works here, and logs why a faster one is not used.',
        choices=BACKENDS,
    )
    precision: str = parameter(
        MODEL,
        f'Arithmetic: `{MODEL}` as the model file has it, `{BFLOAT16}` for bfloat16, which is '
        'faster on some CPUs (OpenVINO).',
        choices=PRECISIONS,
    )
    device: int = parameter(0, 'Number of the GPU (TensorRT).', low=0)
    workspace_mb: int = parameter(
        0,
        'GPU memory that one operator may use besides its inputs and outputs (TensorRT); 0: no '
        'limit.',
        low=0,
    )
    optimisation_level: int = parameter(
        BuildOptions.optimisation_level,
        f'{OPTIMISATION_LEVELS[0]} to {OPTIMISATION_LEVELS[-1]}: a higher level searches longer '
        'for a faster engine (TensorRT).',
        low=OPTIMISATION_LEVELS[0],
        high=OPTIMISATION_LEVELS[-1],
    )


@dataclass(frozen=True)
class OutputParams(Parameters):
    """Parameters of depth_node and replay: the outputs."""

    output_size: str = parameter(
        'full',
        'Size of all outputs: `full`, `half` or `quarter` of the rectified image, or `network` '
        "for the size of the network's input.",
        choices=OUTPUT_SIZES,
        live=True,
    )
    max_depth_m: float = parameter(
        0.0,
        "Farther depth is +inf; 0: the far end of the model's range.",
        low=0,
        live=True,
    )
    depth_encoding: str = parameter(
        '32FC1',
        '`32FC1` metres, or `16UC1` millimetres with 0 for invalid (REP 118).',
        choices=DEPTH_ENCODINGS,
        live=True,
    )
    color_map: str = parameter(
        COLOR_MAP,
        f'Colours of `depth/image_color`: {", ".join(f"`{name}`" for name in COLOR_MAPS)}.',
        choices=COLOR_MAPS,
        live=True,
    )
    color_near_m: float = parameter(
        NEAR_M, 'Depth of the near end of the colours.', low=0, live=True
    )
    color_far_m: float = parameter(FAR_M, 'Depth of the far end of the colours.', low=0, live=True)
    points_stride: int = parameter(
        2, 'Every n-th row and column becomes a point of the clouds.', low=1, live=True
    )
    points_color: bool = parameter(
        True, 'Points have rgb, or intensity from a grey image; false: x, y, z only.', live=True
    )
    points_min_m: float = parameter(0.0, 'Nearer points are left out.', low=0, live=True)
    points_max_m: float = parameter(
        0.0, 'Farther points are left out; 0: as max_depth_m.', low=0, live=True
    )
    points_drop_flying: bool = parameter(
        True,
        'Leave out points in mid-air between a surface and its background.',
        live=True,
    )
    clearing_confidence: float = parameter(
        0.5,
        '`points_clearing` holds points of at least this confidence; points beyond points_max_m '
        'clear up to points_max_m.',
        low=0,
        high=1,
        live=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
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


DEPTH_NODE = (DepthNodeParams, BackendParams, OutputParams, DiagnosticsParams)


@dataclass(frozen=True)
class CollectParams(Parameters):
    """Parameters of collect_pairs."""

    folder: str = parameter('', 'Pair folder to begin or to continue. Required.')
    image_transport: str = parameter(
        'raw',
        '`raw` subscribes to `left/image`, `compressed` to `left/image/compressed`, ...',
        choices=IMAGE_TRANSPORTS,
    )
    rectified: bool = parameter(False, RECTIFIED)
    tolerance_ms: float = parameter(5.0, 'Largest difference between the stamps of a pair.', low=0)
    max_rate_hz: float = parameter(
        10.0, 'Largest mean number of pairs written per second, by their stamps.', low=0
    )
    quota_gb: float = parameter(
        50.0, 'Collection ends before the folder exceeds this size (1 GB = 10^9 bytes).', low=0
    )
    min_free_gb: float = parameter(
        1.0, 'Collection ends when the disk has less free space.', low=0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.folder:
            raise ValueError(
                'parameter folder is empty, expected where to write the pairs; give one with '
                '`--ros-args -p folder:=/data/drive1`'
            )
        for name in ('tolerance_ms', 'max_rate_hz', 'quota_gb'):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f'parameter {name} is {value:g}, expected a positive number')


if __name__ == '__main__':
    ArgumentParser(
        prog='python -m monodepth_ros.parameters',
        description='Print a parameter file of depth_node with all defaults.',
    ).parse_args()
    sys.stdout.write(parameter_yaml(DEPTH_NODE))
