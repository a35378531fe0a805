"""A model file: read once, then handed to whatever engine."""

from __future__ import annotations

from functools import cached_property
import hashlib
from pathlib import Path

from monodepth_ros.common.paths import existing_file
from monodepth_ros.core.model_spec import METADATA_KEY, ModelSpec
from monodepth_ros.inference.onnx_header import OnnxHeader, read_header

INPUT, DISPARITY, CONFIDENCE = 'image', 'disparity', 'confidence'
FREE_SIZES = ('height', 'width')
MAKE_MODEL = 'make one with `python -m trainer export CHECKPOINT -o model.onnx`'


class ModelFile:
    """
    The bytes of a model file and what they say of themselves.

    Kept, because the path may hold another model by the time an engine is built anew. Raises
    ValueError for a file that is not ours, and as existing_file.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = existing_file(path, 'model', MAKE_MODEL)
        self.data = self.path.read_bytes()
        header = self._header()
        self.spec = self._spec(header)
        self._check_interface(header)
        self.has_confidence = CONFIDENCE in header.outputs
        # In the order in which an engine is asked for them.
        self.outputs = (DISPARITY, CONFIDENCE) if self.has_confidence else (DISPARITY,)

    @cached_property
    def sha256(self) -> str:
        """Of the bytes, in hexadecimal digits."""
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
                'scale are unknown; export it with `python -m trainer export`, or make one of a '
                'network of others with `python -m trainer import`'
            )
        try:
            return ModelSpec.from_json(header.metadata[METADATA_KEY])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f'{self.path}: {error}') from error

    def _check_interface(self, header: OnnxHeader) -> None:
        if header.has_external_data:
            raise ValueError(
                f'{self.path} keeps weights in other files, which may be anything; expected one '
                'file, export it again'
            )
        got = {INPUT: header.inputs.get(INPUT), DISPARITY: header.outputs.get(DISPARITY)}
        expected = {INPUT: (1, *FREE_SIZES, 3), DISPARITY: (1, *FREE_SIZES)}
        if got != expected or len(header.inputs) != 1:
            raise ValueError(
                f'{self.path} has inputs {header.inputs} and outputs {header.outputs}, expected '
                f'{expected}; export it again'
            )
