"""Calibrations as ROS drivers keep them: camera_info YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from monodepth_ros.core.camera import Camera

# ROS' calibrator writes fisheye files without a model; they alone have four coefficients.
UNNAMED_MODELS = {4: 'equidistant', 5: 'plumb_bob', 8: 'rational_polynomial'}
ALIASES = {'fisheye': 'equidistant'}


def read_camera_yaml(path: Path) -> Camera:
    """
    The camera of a camera_info YAML file (camera_calibration_parsers).

    Raises FileNotFoundError without the file, ValueError for one that lacks something.
    """
    if not path.is_file():
        raise FileNotFoundError(f'calibration {path} not found')
    try:
        values = yaml.safe_load(path.read_text())
        d = _numbers(values, 'distortion_coefficients')
        return Camera(
            width=int(values['image_width']),
            height=int(values['image_height']),
            k=_numbers(values, 'camera_matrix'),
            d=d,
            r=_numbers(values, 'rectification_matrix'),
            p=_numbers(values, 'projection_matrix'),
            distortion_model=_model(values.get('distortion_model'), d),
        )
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        what = f'it lacks {error}' if isinstance(error, KeyError) else ' '.join(str(error).split())
        raise ValueError(
            f'{path} is no usable camera_info file ({what}); save it again with `ros2 run '
            'camera_calibration cameracalibrator`'
        ) from error


def _numbers(values: dict[str, Any], key: str) -> tuple[float, ...]:
    return tuple(float(number) for number in values[key]['data'])


def _model(name: str | None, d: tuple[float, ...]) -> str:
    if name:
        return ALIASES.get(name, name)
    if len(d) not in UNNAMED_MODELS:
        raise ValueError(f'{len(d)} coefficients and no distortion_model')
    return UNNAMED_MODELS[len(d)]
