"""Networks as others export them, small enough to check by hand or with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, TensorProto

from trainer.__main__ import main
from trainer.import_model.config import ImportConfig
from trainer.import_model.import_model import import_model

FREE = ('height', 'width')
HEIGHT, WIDTH = FIXED = (98, 140)
# The options that a network of free size needs.
ANY_SIZE = {'width': WIDTH, 'height': HEIGHT, 'multiple': 14}
NAMES = ('pixel_values', 'predicted_depth')
# A kernel: depth is the pixel's red.
RED = np.array([1, 0, 0]).reshape(3, 1, 1)


def config(**changes: Any) -> ImportConfig:
    """Of a network whose depth is in metres at 300 px."""
    values = {'output': 'depth', 'scale': 1, 'focal_px': 300, 'normalise': 'none', 'licence': 'x'}
    return ImportConfig(**values | changes)


def imported(third_party: Path, **changes: Any) -> Path:
    """The model file that becomes of a network, beside it."""
    path = third_party.with_name('model.onnx')
    import_model(third_party, path, config(**changes))
    return path


def command(third_party: Path, *options: str) -> int:
    """The status of `python -m trainer import` to the same file, as for Depth Anything 3."""
    args = ['import', str(third_party), '-o', str(third_party.with_name('model.onnx'))]
    args += ['--output', 'depth', '--scale', '1', '--focal-px', '300', '--normalise', 'imagenet']
    return main([*args, '--multiple', '14', '--licence', 'Apache-2.0', *options])


def write_convolution(
    path: Path,
    kernel: np.ndarray,
    *,
    size: tuple[int | str, int | str] = FREE,
    names: tuple[str, str] = NAMES,
) -> Path:
    """Depth is one convolution of the image; kernel: (3, h, w), odd sizes."""
    _, height, width = kernel.shape
    pads = [height // 2, width // 2] * 2
    image, picture = names
    nodes = [
        helper.make_node('Conv', [image, 'kernel'], ['planes'], pads=pads),
        helper.make_node('Squeeze', ['planes', 'one'], [picture]),
    ]
    return save(
        path,
        nodes,
        {'kernel': kernel[None].astype(np.float32), 'one': np.array([1])},
        inputs={image: [1, 3, *size]},
        outputs={picture: [1, *size]},
    )


def write_depth_anything(
    path: Path,
    *,
    size: tuple[int | str, int | str] = FREE,
    image_before: tuple[int | str, ...] = (1, 3),
    picture_before: tuple[int, ...] = (1,),
    kind: int = TensorProto.FLOAT,
    opset: int = 17,
    weights_elsewhere: bool = False,
) -> Path:
    """
    The interface of Depth Anything with random weights: patches of 14 px, depth 0..20.

    image_before, picture_before: axes before height and width.
    """
    random = np.random.default_rng(0)
    real = helper.tensor_dtype_to_np_dtype(kind)
    weights = {
        'patches': random.normal(0, 0.05, (4, 3, 14, 14)).astype(real),
        'pixels': random.normal(0, 0.05, (1, 3, 3, 3)).astype(real),
        'mixed': random.normal(0, 0.5, (1, 4, 1, 1)).astype(real),
        'most': np.array(20, real),
        'scales': np.array([1, 1, 14, 14], np.float32),
    }
    planes = [0] * (len(image_before) - 2), [0] * (2 - len(picture_before))
    nodes = [
        *_axes('Squeeze', NAMES[0], 'image', planes[0], opset, weights),
        helper.make_node('Conv', ['image', 'patches'], ['coarse'], strides=[14, 14]),
        helper.make_node('Relu', ['coarse'], ['positive']),
        helper.make_node('Conv', ['positive', 'mixed'], ['one']),
        helper.make_node('Resize', ['one', '', 'scales'], ['fine'], mode='nearest'),
        helper.make_node('Conv', ['image', 'pixels'], ['detail'], pads=[1] * 4),
        # Where a size is no multiple of 14 these two differ in size.
        helper.make_node('Add', ['fine', 'detail'], ['sum']),
        helper.make_node('Sigmoid', ['sum'], ['fraction']),
        helper.make_node('Mul', ['fraction', 'most'], ['disparity']),
        *_axes('Squeeze', 'disparity', NAMES[1], planes[1], opset, weights),
    ]
    if opset < 13:  # an empty roi came with opset 13
        weights['roi'] = np.zeros(0, np.float32)
        nodes[-6].input[1] = 'roi'
    return save(
        path,
        nodes,
        weights,
        inputs={NAMES[0]: [*image_before, *size]},
        outputs={NAMES[1]: [*picture_before, *size]},
        kind=kind,
        opset=opset,
        weights_elsewhere=weights_elsewhere,
    )


def _axes(
    operator: str,
    before: str,
    after: str,
    axes: list[int],
    opset: int,
    weights: dict[str, np.ndarray],
) -> list[onnx.NodeProto]:
    """Axes as an attribute until opset 13, as a weight since; no axes: nothing to do."""
    if not axes:
        return [helper.make_node('Identity', [before], [after])]
    if opset < 13:
        return [helper.make_node(operator, [before], [after], axes=axes)]
    weights[f'{after}_axes'] = np.array(axes)
    return [helper.make_node(operator, [before, f'{after}_axes'], [after])]


def save(
    path: Path,
    nodes: list[onnx.NodeProto],
    weights: dict[str, np.ndarray],
    *,
    inputs: dict[str, list[Any]],
    outputs: dict[str, list[Any]],
    kind: int = TensorProto.FLOAT,
    opset: int = 17,
    weights_elsewhere: bool = False,
) -> Path:
    """Write a network; inputs, outputs: shapes by name, free sizes as text."""
    graph = helper.make_graph(
        nodes,
        'third_party',
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)
    onnx.save(
        model,
        path,
        save_as_external_data=weights_elsewhere,
        location=path.name + '_data',
        size_threshold=0,
    )
    return path
