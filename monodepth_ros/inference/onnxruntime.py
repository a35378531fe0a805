"""ONNX Runtime on the CPU: runs everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from monodepth_ros.core.model_spec import METADATA_KEY, ModelSpec
from monodepth_ros.errors import one_line

INPUT, OUTPUT = 'image', 'disparity'
FREE_SIZES = ('height', 'width')


class OnnxRuntimeBackend:
    """The Backend over an ONNX Runtime session."""

    name = 'onnxruntime'

    def __init__(self, path: Path) -> None:
        self.spec = _read_spec(path)
        options = _quiet_options()
        # A fixed size lets the runtime plan its memory and fold shapes once.
        sizes = (self.spec.camera.height, self.spec.camera.width)
        for name, size in zip(FREE_SIZES, sizes, strict=True):
            options.add_free_dimension_override_by_name(name, size)
        self._session = _open(path, options)

    def infer(self, image: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (H, W) float32 disparity, fraction of the canonical width."""
        (disparity,) = self._session.run([OUTPUT], {INPUT: image[None]})
        return np.asarray(disparity[0])

    def close(self) -> None:
        """Free the session."""
        del self._session


def _quiet_options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that spin between two frames take the cores from the rest of the robot.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    return options


def _open(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=['CPUExecutionProvider']
        )
    # onnxruntime's own exceptions share no base class short of Exception.
    except Exception as error:
        raise ValueError(
            f'{path} is no ONNX model that loads: {one_line(error)}; export it again'
        ) from error


def _read_spec(path: Path) -> ModelSpec:
    metadata = _open(path, _quiet_options()).get_modelmeta().custom_metadata_map
    if METADATA_KEY not in metadata:
        raise ValueError(
            f'{path} has no ModelSpec (metadata key {METADATA_KEY!r}), so its camera and scale '
            'are unknown; export it with `python -m trainer export`'
        )
    try:
        return ModelSpec.from_json(metadata[METADATA_KEY])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path}: {error}') from error
