"""The metadata of a model file: the ModelSpec and its self-test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from monodepth_ros.core.model_spec import METADATA_KEY, ModelSpec, SelfTest

SELF_TEST_PIXELS = 64


def store_spec(path: Path, spec: ModelSpec) -> None:
    """Write the spec into an ONNX file; replace an older one."""
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    onnx.save(model, path)


def self_test(disparity_frac: np.ndarray) -> SelfTest:
    """
    Return the self-test: evenly spaced pixels of the disparity of the self-test image.

    disparity_frac: (H, W) float32, as ONNX Runtime computes it.
    """
    flat = np.linspace(0, disparity_frac.size - 1, SELF_TEST_PIXELS).astype(int)
    rows, columns = np.unravel_index(flat, disparity_frac.shape)
    pixels = tuple(zip(rows.tolist(), columns.tolist(), strict=True))
    return SelfTest(pixels, tuple(float(disparity_frac[pixel]) for pixel in pixels))
