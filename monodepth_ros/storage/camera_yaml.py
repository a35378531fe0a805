"""Reading of calibrations in camera_info YAML files, as ROS drivers store them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from monodepth_ros.common.paths import existing_file
from monodepth_ros.core.camera import Camera, camera_of_images

CALIBRATOR = '`ros2 run camera_calibration cameracalibrator`'
CALIBRATE = f'give the camera_info YAML file of the camera, as {CALIBRATOR} saves it'


def read_camera_yaml(path: Path | str, *, rectified: bool) -> Camera:
    """
    Return the camera of the images that a camera_info YAML file describes.

    The format is that of camera_calibration_parsers.

    rectified: see camera_of_images.
    Raises ValueError for an incomplete file, and the errors of existing_file.
    """
    path = existing_file(path, 'calibration', CALIBRATE)
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
            f'{path} is no usable camera_info file ({what}); save it again with {CALIBRATOR}'
        ) from error


def _numbers(values: dict[str, Any], key: str) -> tuple[float, ...]:
    return tuple(float(number) for number in values[key]['data'])
