"""A model file that computes almost nothing, to measure everything but the network."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper, TensorProto

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.model_spec import METADATA_KEY, ModelSpec, SelfTest

# The usual size of a network for a camera of 1280x720.
CAMERA = Intrinsics(fx=500.0, fy=500.0, cx=319.5, cy=175.5, width=640, height=352)
STRIDE = 32
DISPARITY_FRAC = 0.05


def write_constant_model(path: Path) -> Path:
    """Write a model whose disparity is DISPARITY_FRAC of the width in every pixel."""
    size = ['height', 'width']
    nodes = [
        helper.make_node('Cast', ['image'], ['real'], to=TensorProto.FLOAT),
        helper.make_node('Gather', ['real', 'red'], ['one_channel'], axis=3),
        helper.make_node('Clip', ['one_channel', 'constant', 'constant'], ['disparity']),
    ]
    graph = helper.make_graph(
        nodes,
        'constant',
        [helper.make_tensor_value_info('image', TensorProto.UINT8, [1, *size, 3])],
        [helper.make_tensor_value_info('disparity', TensorProto.FLOAT, [1, *size])],
        [
            helper.make_tensor('red', TensorProto.INT64, [], [0]),
            helper.make_tensor('constant', TensorProto.FLOAT, [], [DISPARITY_FRAC]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=10)
    helper.set_model_props(model, {METADATA_KEY: _spec().to_json()})
    onnx.save(model, path)
    return path


def _spec() -> ModelSpec:
    return ModelSpec(
        camera=CAMERA,
        baseline_m=0.5,
        depth_range_m=(1.0, 100.0),
        stride=STRIDE,
        training_fx_px=(CAMERA.fx, CAMERA.fx),
        encoder='none',
        training_data=('made by hand',),
        data_licence='none',
        git_commit='unknown',
        self_test=SelfTest(pixels=((0, 0),), disparity=(DISPARITY_FRAC,)),
    )
