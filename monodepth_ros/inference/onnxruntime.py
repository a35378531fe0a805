"""ONNX Runtime on the CPU: runs everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from monodepth_ros.core.model_spec import check_size, METADATA_KEY, ModelSpec
from monodepth_ros.errors import one_line
from monodepth_ros.inference.backend import NetworkOutput
from monodepth_ros.inference.onnx_metadata import read_metadata

INPUT, DISPARITY, CONFIDENCE = 'image', 'disparity', 'confidence'
FREE_SIZES = ('height', 'width')


class OnnxRuntimeBackend:
    """The Backend over an ONNX Runtime session."""

    name = 'onnxruntime'

    def __init__(self, path: Path) -> None:
        self._path = path
        # Kept for resize: by then the path may hold another model.
        self._model = path.read_bytes()
        self.spec = _read_spec(self._model, path)
        self.resize(width=self.spec.camera.width, height=self.spec.camera.height)
        names = {output.name for output in self._session.get_outputs()}
        self.has_confidence = CONFIDENCE in names

    def infer(self, image: np.ndarray) -> NetworkOutput:
        """image: (H, W, 3) uint8 RGB of the input size."""
        names = [DISPARITY, CONFIDENCE] if self.has_confidence else [DISPARITY]
        maps = [np.asarray(output[0]) for output in self._session.run(names, {INPUT: image[None]})]
        return NetworkOutput(maps[0], maps[1] if self.has_confidence else None)

    def resize(self, *, width: int, height: int) -> None:
        """Load the model anew, for another input size."""
        check_size(width=width, height=height, stride=self.spec.stride)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Threads that spin between two frames take the cores from the rest of the robot.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        # A fixed size lets the runtime plan its memory and fold shapes once.
        for name, size in zip(FREE_SIZES, (height, width), strict=True):
            options.add_free_dimension_override_by_name(name, size)
        try:
            self._session = onnxruntime.InferenceSession(
                self._model, options, providers=['CPUExecutionProvider']
            )
        # onnxruntime's own exceptions share no base class short of Exception.
        except Exception as error:
            raise ValueError(
                f'{self._path} is no ONNX model that loads: {one_line(error)}; export it again'
            ) from error

    def close(self) -> None:
        """Free the session and the model."""
        del self._session, self._model


def _read_spec(model: bytes, path: Path) -> ModelSpec:
    try:
        metadata = read_metadata(model)
    except ValueError as error:
        raise ValueError(f'{path} is no ONNX model: {error}; export it again') from error
    if METADATA_KEY not in metadata:
        raise ValueError(
            f'{path} has no ModelSpec (metadata key {METADATA_KEY!r}), so its camera and scale '
            'are unknown; export it with `python -m trainer export`'
        )
    try:
        return ModelSpec.from_json(metadata[METADATA_KEY])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path}: {error}') from error
