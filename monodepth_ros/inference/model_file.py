"""A model file in memory, for any engine."""

from __future__ import annotations

from functools import cached_property
import hashlib
from pathlib import Path

from monodepth_ros.common.paths import existing_file
from monodepth_ros.core.model_spec import METADATA_KEY, ModelSpec
from monodepth_ros.inference.onnx_header import OnnxHeader, read_header

INPUT, DISPARITY, CONFIDENCE = 'image', 'disparity', 'confidence'
FREE_SIZES = ('height', 'width')
# To nodes, the only ones whose path may be empty.
GIVE_MODEL = 'give one with `model:=FILE` to ros2 launch or `-p model:=FILE` to ros2 run'
MAKE_MODEL = 'make one with `python -m trainer export CHECKPOINT -o model.onnx`'


class ModelFile:
    """
    The bytes of a model file and its description.

    The bytes are kept, because the path may hold another model when an engine is built again.
    Raises ValueError for a file that is no model of this project, and the errors of existing_file.
    """

    def __init__(self, path: Path | str) -> None:
        advice = MAKE_MODEL if str(path) else f'{GIVE_MODEL}, or {MAKE_MODEL}'
        self.path = existing_file(path, 'model', advice)
        self.data = self.path.read_bytes()
        header = self._header()
        self.spec = self._spec(header)
        self._check_interface(header)
        self.has_confidence = CONFIDENCE in header.outputs
        # Names in the order of NetworkOutput.
        self.outputs = (DISPARITY, CONFIDENCE) if self.has_confidence else (DISPARITY,)

    @cached_property
    def sha256(self) -> str:
        """Return the SHA-256 of the bytes in hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()

    def _header(self) -> OnnxHeader:
        try:
            return read_header(self.data)
        except ValueError as error:
            raise ValueError(f'{self.path} is no ONNX model: {error}; export it again') from error

    def _spec(self, header: OnnxHeader) -> ModelSpec:
        if METADATA_KEY not in header.metadata:
            raise ValueError(
                f'{self.path} has no ModelSpec (metadata key {METADATA_KEY!r}), so its camera and '
                'scale are unknown; export it with `python -m trainer export`, or import a '
                'third-party model with `python -m trainer import`'
            )
        try:
            return ModelSpec.from_json(header.metadata[METADATA_KEY])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f'{self.path}: {error}') from error

    def _check_interface(self, header: OnnxHeader) -> None:
        if header.has_external_data:
            raise ValueError(
                f'{self.path} keeps weights in other files, which are not trusted; expected all '
                'in one file, export it again'
            )
        got = {INPUT: header.inputs.get(INPUT), DISPARITY: header.outputs.get(DISPARITY)}
        expected = {INPUT: (1, *FREE_SIZES, 3), DISPARITY: (1, *FREE_SIZES)}
        if got != expected or len(header.inputs) != 1:
            raise ValueError(
                f'{self.path} has inputs {header.inputs} and outputs {header.outputs}, expected '
                f'{expected}; export it again'
            )
