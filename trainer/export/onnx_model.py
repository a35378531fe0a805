"""What every model file of ours carries in its metadata: the ModelSpec and its self-test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from monodepth_ros.core.model_spec import METADATA_KEY, ModelSpec, SelfTest

SELF_TEST_PIXELS = 64


def store_spec(path: Path, spec: ModelSpec) -> None:
    """Write the spec into an ONNX file, over the one that is there."""
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    onnx.save(model, path)


def self_test(disparity_frac: np.ndarray) -> SelfTest:
    """Of what ONNX Runtime makes of the self-test image, (H, W) float32: evenly spaced pixels."""
    flat = np.linspace(0, disparity_frac.size - 1, SELF_TEST_PIXELS).astype(int)
    rows, columns = np.unravel_index(flat, disparity_frac.shape)
    pixels = tuple(zip(rows.tolist(), columns.tolist(), strict=True))
    return SelfTest(pixels, tuple(float(disparity_frac[pixel]) for pixel in pixels))
