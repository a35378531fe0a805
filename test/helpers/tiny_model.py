"""
A model file small enough to check by hand: disparity_frac = red / 1020, so 0 to 1/4.

With a confidence it is green / 255.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, TensorProto

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.model_spec import METADATA_KEY, ModelSpec, self_test_image, SelfTest

CAMERA = Intrinsics(fx=64.0, fy=64.0, cx=63.5, cy=31.5, width=128, height=64)
BASELINE_M = 0.5
RED_PER_FRACTION = 1020.0
GREEN_PER_CONFIDENCE = 255.0
STRIDE = 32
SELF_TEST_PIXELS = ((0, 1), (10, 20), (63, 127))


def spec() -> ModelSpec:
    """A ModelSpec whose self-test holds for the model."""
    image = self_test_image(width=CAMERA.width, height=CAMERA.height)
    expected = tuple(float(image[v, u, 0]) / RED_PER_FRACTION for v, u in SELF_TEST_PIXELS)
    return ModelSpec(
        camera=CAMERA,
        baseline_m=BASELINE_M,
        depth_range_m=(1.0, 100.0),
        stride=STRIDE,
        training_fx_px=(CAMERA.fx, CAMERA.fx),
        encoder='none',
        training_data=('made by hand',),
        data_licence='none',
        git_commit='unknown',
        self_test=SelfTest(SELF_TEST_PIXELS, expected),
    )


def write_red_disparity_model(
    path: Path, model_spec: ModelSpec | None = None, *, confidence: bool = False
) -> Path:
    """Write the model with a ModelSpec, its own unless another one is given."""
    channels = [('disparity', 0, RED_PER_FRACTION), ('confidence', 1, GREEN_PER_CONFIDENCE)]
    if not confidence:
        del channels[1]
    nodes = [helper.make_node('Cast', ['image'], ['real'], to=TensorProto.FLOAT)]
    constants = []
    for name, channel, scale in channels:
        index, divisor, values = f'{name}_index', f'{name}_divisor', f'{name}_values'
        nodes += [
            helper.make_node('Gather', ['real', index], [values], axis=3),
            helper.make_node('Div', [values, divisor], [name]),
        ]
        constants += [
            helper.make_tensor(index, TensorProto.INT64, [], [channel]),
            helper.make_tensor(divisor, TensorProto.FLOAT, [], [scale]),
        ]
    size = ['height', 'width']
    graph = helper.make_graph(
        nodes,
        'red',
        [helper.make_tensor_value_info('image', TensorProto.UINT8, [1, *size, 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, *size])
            for name, _, _ in channels
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=10)
    helper.set_model_props(model, {METADATA_KEY: (model_spec or spec()).to_json()})
    onnx.save(model, path)
    return path


def write_failing_model(path: Path) -> Path:
    """The same, but an image whose first pixel has a blue of 255 fails in ONNX Runtime."""
    model = onnx.load(write_red_disparity_model(path))
    graph = model.graph
    graph.node[-1].output[0] = 'right'
    # What is looked up lies beyond the table's only entry, 0, where blue / 255 is 1.
    graph.node.extend(
        [
            helper.make_node('Slice', ['real', 'first', 'next', 'axes'], ['blue']),
            helper.make_node('Div', ['blue', 'most'], ['fraction']),
            helper.make_node('Cast', ['fraction'], ['entry'], to=TensorProto.INT64),
            helper.make_node('Gather', ['table', 'entry'], ['found']),
            helper.make_node('Squeeze', ['found', 'channel'], ['nothing']),
            helper.make_node('Add', ['right', 'nothing'], ['disparity']),
        ]
    )
    for name, kind, values in (
        ('first', TensorProto.INT64, [0, 0, 2]),
        ('next', TensorProto.INT64, [1, 1, 3]),
        ('axes', TensorProto.INT64, [1, 2, 3]),
        ('channel', TensorProto.INT64, [3]),
        ('most', TensorProto.FLOAT, [255.0]),
        ('table', TensorProto.FLOAT, [0.0]),
    ):
        graph.initializer.append(helper.make_tensor(name, kind, [len(values)], values))
    onnx.save(model, path)
    return path


def write_hungry_model(path: Path, *, memory_mb: int) -> Path:
    """The same, but computing an image of any size takes so much memory, for each engine."""
    model = onnx.load(write_red_disparity_model(path))
    graph = model.graph
    graph.node[-1].output[0] = 'right'
    # Of the image, so that it cannot be computed before.
    graph.node.extend(
        [
            helper.make_node('ReduceMin', ['right'], ['least'], keepdims=0),
            helper.make_node('Expand', ['least', 'many'], ['copies']),
            helper.make_node('ReduceMax', ['copies'], ['least_again'], keepdims=0),
            helper.make_node('Max', ['right', 'least_again'], ['disparity']),
        ]
    )
    floats = memory_mb * 2**20 // 4
    graph.initializer.append(helper.make_tensor('many', TensorProto.INT64, [1], [floats]))
    onnx.save(model, path)
    return path


def write_model_without_spec(path: Path) -> Path:
    """The same graph from somebody who knows nothing of ModelSpec."""
    model = onnx.load(write_red_disparity_model(path))
    del model.metadata_props[:]
    onnx.save(model, path)
    return path


def wrong_self_test() -> ModelSpec:
    """A ModelSpec that expects 1 % more disparity than the model computes."""
    test = spec().self_test
    assert test is not None
    more = tuple(1.01 * value for value in test.disparity)
    return replace(spec(), self_test=SelfTest(test.pixels, more))


def red_image(red: int, *, width: int, height: int) -> np.ndarray:
    """(H, W, 3) uint8 of one red."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = red
    return image
