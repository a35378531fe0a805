"""The graph of a model file around a third-party network: uint8 image in, disparity out."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

from monodepth_ros.core.model_spec import ModelSpec
from monodepth_ros.inference.model_file import DISPARITY, FREE_SIZES, INPUT
from trainer.import_model.config import ImportConfig
from trainer.import_model.third_party_model import ThirdPartyModel

# Depth is clipped to the depth range, widened by this factor on either side: an inverse depth of 0
# becomes a far depth, whose disparity engines can compare.
RANGE_MARGIN = 10.0
# Older versions list weights as inputs.
SMALLEST_IR = 4


def wrap(third_party: ThirdPartyModel, config: ImportConfig, spec: ModelSpec) -> onnx.ModelProto:
    """
    Build the graph of the model file in place, around the operators and weights of `third_party`.

    Its disparity is in fractions of spec.camera.width for any size of the image.
    """
    ours = _Operators()
    # TensorRT requires Cast to be the first operator after a uint8 input, and its only reader.
    pixels = ours.add('Cast', INPUT, to=TensorProto.FLOAT)
    size = ours.add('Slice', ours.add('Shape', pixels), _whole(1), _whole(3))
    _prepare(ours, pixels, third_party, config)
    ours.nodes.extend(third_party.model.graph.node)
    picture = ours.add('Cast', third_party.picture.name, to=TensorProto.FLOAT)
    picture = _with_leading(ours, picture, 4 - len(third_party.picture.dims))
    disparity = _disparity(ours, picture, config, spec)
    _finish(ours, disparity, size, third_party.fixed_size)
    return _assembled(third_party.model, ours)


class _Operators:
    """The operators of a graph, in the order of computation, and their constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, kind: str, *inputs: str | np.ndarray, name: str = '', **attributes: Any) -> str:
        """
        Append an operator and return the name of its result.

        kind: operator of ONNX.
        inputs: names of earlier results, or arrays, which become constants.
        name: name of the result; a new one if empty.
        attributes: attributes of the operator.
        """
        name = name or f'{kind}_{len(self.nodes)}'
        names = [self._named(value, f'{name}_{at}') for at, value in enumerate(inputs)]
        self.nodes.append(helper.make_node(kind, names, [name], name=name, **attributes))
        return name

    def _named(self, value: str | np.ndarray, name: str) -> str:
        if isinstance(value, str):
            return value
        self.constants.append(numpy_helper.from_array(value, name))
        return name


def _prepare(
    ours: _Operators, pixels: str, third_party: ThirdPartyModel, config: ImportConfig
) -> None:
    """
    Add the operators that turn pixels into the third-party network's input.

    ours: the graph to append to.
    pixels: name of the image, (1, H, W, 3) float32, 0..255.
    third_party: the network.
    config: its input and output.
    """
    factor, offset = (values.reshape(3, 1, 1) for values in config.normalisation())
    planes = ours.add('Transpose', pixels, perm=[0, 3, 1, 2])
    if config.channels == 'bgr':
        planes = ours.add('Gather', planes, _whole(2, 1, 0), axis=1)
    planes = ours.add('Add', ours.add('Mul', planes, factor), offset)
    if third_party.fixed_size is not None:
        planes = _resized(ours, planes, _whole(1, 3, *third_party.fixed_size))
    planes = _with_leading(ours, planes, len(third_party.image.dims) - 4)
    ours.add('Cast', planes, to=third_party.image.type, name=third_party.image.name)


def _disparity(ours: _Operators, picture: str, config: ImportConfig, spec: ModelSpec) -> str:
    """
    Add the operators from the network's output to disparity; return the name of the disparity.

    Depth for a focal length is the network's depth times focal / config.focal_px, and disparity
    is focal * baseline / (width * depth), so that the focal length cancels.

    ours: the graph to append to.
    picture: name of the network's output, (1, 1, h, w).
    config: unit and scale of that output.
    spec: canonical camera, baseline and depth range.
    """
    near_m, far_m = spec.depth_range_m
    near_m, far_m = near_m / RANGE_MARGIN, far_m * RANGE_MARGIN
    focal_baseline = config.focal_px * spec.baseline_m
    numerator = focal_baseline / spec.camera.width
    if config.output == 'depth':
        bounds = (_real(near_m / config.scale), _real(far_m / config.scale))
        depth = ours.add('Clip', picture, *bounds)
        return ours.add('Div', _real(numerator / config.scale), depth)
    scale = config.scale / (focal_baseline if config.output == 'disparity' else 1)
    bounds = (_real(1 / (far_m * scale)), _real(1 / (near_m * scale)))
    inverse = ours.add('Clip', picture, *bounds)
    return ours.add('Mul', inverse, _real(numerator * scale))


def _finish(
    ours: _Operators, disparity: str, size: str, fixed_size: tuple[int, int] | None
) -> None:
    """
    Add the output of the graph: the disparity at the size of the image.

    ours: the graph to append to.
    disparity: name of the disparity, (1, 1, h, w), at the network's own size.
    size: name of the image's height and width.
    fixed_size: (height, width) of the network; None for a network of free size.
    """
    if fixed_size is not None:
        # Depth Anything defines its focal length as the mean of both axes.
        rates = ours.add('Div', _real(*fixed_size), ours.add('Cast', size, to=TensorProto.FLOAT))
        disparity = ours.add('Div', disparity, ours.add('ReduceMean', rates, keepdims=0))
    disparity = _resized(ours, disparity, ours.add('Concat', _whole(1, 1), size, axis=0))
    ours.add('Squeeze', disparity, _whole(1), name=DISPARITY)


def _resized(ours: _Operators, planes: str, shape: str | np.ndarray) -> str:
    return ours.add(
        'Resize',
        planes,
        '',
        '',
        shape,
        mode='linear',
        coordinate_transformation_mode='half_pixel',
    )


def _with_leading(ours: _Operators, array: str, axes: int) -> str:
    """Add that many axes of size 1 in front, or remove them if the number is negative."""
    if axes == 0:
        return array
    return ours.add('Unsqueeze' if axes > 0 else 'Squeeze', array, _whole(*range(abs(axes))))


def _assembled(model: onnx.ModelProto, ours: _Operators) -> onnx.ModelProto:
    graph = model.graph
    # Drop the sizes that the network was traced at: they are wrong for our graph.
    for part in (graph.node, graph.input, graph.output, graph.value_info):
        del part[:]
    graph.node.extend(ours.nodes)
    graph.initializer.extend(ours.constants)
    value = helper.make_tensor_value_info
    graph.input.append(value(INPUT, TensorProto.UINT8, [1, *FREE_SIZES, 3]))
    graph.output.append(value(DISPARITY, TensorProto.FLOAT, [1, *FREE_SIZES]))
    model.ir_version = max(model.ir_version, SMALLEST_IR)
    return model


def _whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def _real(*numbers: float) -> np.ndarray:
    """Return a float32 array; a scalar for one number."""
    return np.array(numbers if len(numbers) > 1 else numbers[0], np.float32)
