"""Reading of calibrations in camera_info YAML files, as ROS drivers store them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from monodepth_ros.core.camera import Camera, camera_of_images


def read_camera_yaml(path: Path, *, rectified: bool) -> Camera:
    """
    Return the camera of the images that a camera_info YAML file describes.

    The format is that of camera_calibration_parsers.

    rectified: see camera_of_images.
    Raises FileNotFoundError without the file, ValueError for an incomplete one.
    """
    if not path.is_file():
        raise FileNotFoundError(f'calibration {path} not found')
    try:
        values = yaml.safe_load(path.read_text())
        return camera_of_images(
            rectified=rectified,
            width=int(values['image_width']),
            height=int(values['image_height']),
            k=_numbers(values, 'camera_matrix'),
            d=_numbers(values, 'distortion_coefficients'),
            r=_numbers(values, 'rectification_matrix'),
            p=_numbers(values, 'projection_matrix'),
            distortion_model=values.get('distortion_model') or '',
        )
    except (KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        what = f'it lacks {error}' if isinstance(error, KeyError) else ' '.join(str(error).split())
        raise ValueError(
            f'{path} is no usable camera_info file ({what}); save it again with `ros2 run '
            'camera_calibration cameracalibrator`'
        ) from error


def _numbers(values: dict[str, Any], key: str) -> tuple[float, ...]:
    return tuple(float(number) for number in values[key]['data'])
