"""What networks of others are taken, and what is said of those that are not."""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import helper, TensorProto
import pytest

from monodepth_ros.core.model_spec import METADATA_KEY
from monodepth_ros.inference.load import load_backend
from test.helpers.third_party_networks import (
    ANY_SIZE,
    command,
    FIXED,
    HEIGHT,
    imported,
    NAMES,
    RED,
    save,
    WIDTH,
    write_convolution,
    write_depth_anything,
)


@pytest.mark.parametrize('names', [('image', 'disparity'), ('disparity', 'image')])
def test_names_of_ours_in_the_network_do_not_clash(tmp_path, names):
    path = imported(write_convolution(tmp_path / 'red.onnx', RED, names=names), **ANY_SIZE)
    with load_backend(path) as backend:
        output = backend.infer(np.full((HEIGHT, WIDTH, 3), 10, np.uint8))
    np.testing.assert_allclose(0.1 * 300 / (output.disparity_frac * WIDTH), 10, rtol=1e-5)


def test_weights_that_only_a_branch_uses_are_found(tmp_path):
    branches = {
        name: helper.make_graph(
            [helper.make_node(operator, ['one', 'weight'], [f'{name}_out'])],
            name,
            [],
            [helper.make_tensor_value_info(f'{name}_out', TensorProto.FLOAT, None)],
        )
        for name, operator in (('then_branch', 'Mul'), ('else_branch', 'Add'))
    }
    nodes = [
        helper.make_node('ReduceSum', [NAMES[0], 'axis'], ['one'], keepdims=0),
        helper.make_node('If', ['condition'], [NAMES[1]], **branches),
    ]
    weights = {'axis': np.array([1]), 'condition': np.array(True), 'weight': np.float32(2)}
    third_party = save(
        tmp_path / 'third_party.onnx',
        nodes,
        {name: np.asarray(value) for name, value in weights.items()},
        inputs={NAMES[0]: [1, 3, *FIXED]},
        outputs={NAMES[1]: [1, *FIXED]},
    )
    with load_backend(imported(third_party, scale=0.01), 'onnxruntime') as backend:
        output = backend.infer(np.full((HEIGHT, WIDTH, 3), 10, np.uint8))
    np.testing.assert_allclose(0.1 * 300 / (output.disparity_frac * WIDTH), 0.6, rtol=1e-5)


def _two_pictures(path):
    nodes = [
        helper.make_node('ReduceMean', [NAMES[0]], [name], axes=[1], keepdims=0)
        for name in ('depth', 'sky')
    ]
    nodes.append(helper.make_node('Constant', [], ['pose'], value_floats=[0.0] * 12))
    shape = [1, *FIXED]
    outputs = {'depth': shape, 'sky': shape, 'pose': [12]}
    return save(path, nodes, {}, inputs={NAMES[0]: [1, 3, *FIXED]}, outputs=outputs)


def test_one_of_several_pictures_has_to_be_named(tmp_path, capsys):
    third_party = _two_pictures(tmp_path / 'third_party.onnx')
    assert command(third_party) == 1
    assert 'found depth float[1, 98, 140], sky float[1, 98, 140]' in capsys.readouterr().err
    assert command(third_party, '--output-name', 'depth') == 0
    assert command(third_party, '--output-name', 'pose') == 1
    assert "called 'pose', found none" in capsys.readouterr().err


def _of_interface(
    tmp_path, image, picture=(1, *FIXED), kind=TensorProto.FLOAT, inputs=(NAMES[0],)
):
    """A network that nobody gets as far as running."""
    return save(
        tmp_path / 'third_party.onnx',
        [helper.make_node('Identity', [inputs[0]], [NAMES[1]])],
        {},
        inputs={name: list(image) for name in inputs},
        outputs={NAMES[1]: list(picture)},
        kind=kind,
    )


@pytest.mark.parametrize(
    ('interface', 'message'),
    [
        ({'image': (2, 3, *FIXED)}, r'pixel_values float\[2, 3, 98, 140\], expected one image'),
        ({'image': (1, *FIXED, 3)}, 'expected one image'),
        ({'image': (1, 3, 98, 'w')}, 'both sizes fixed or both free'),
        ({'image': (1, 3, *FIXED), 'kind': TensorProto.UINT8}, 'in float or float16'),
        ({'image': (1, 3, *FIXED), 'inputs': ('image', 'focal')}, 'inputs image .*, focal'),
        ({'image': (1, 3, *FIXED), 'picture': (1, 2, *FIXED)}, 'found none'),
        ({'image': (1, 3, *FIXED), 'picture': (1, 4, 4)}, 'found none'),
    ],
    ids=['batch', 'channels last', 'half free', 'uint8', 'two inputs', 'two planes', 'matrix'],
)
def test_another_interface_is_refused_with_what_it_is(tmp_path, interface, message):
    third_party = _of_interface(tmp_path, **interface)
    with pytest.raises(ValueError, match=message):
        imported(third_party)
    assert [path.name for path in tmp_path.iterdir()] == ['third_party.onnx']


def _not_a_number(path):
    return write_convolution(path, RED * math.nan, size=FIXED)


def _elsewhere_and_lost(path):
    write_depth_anything(path, size=FIXED, weights_elsewhere=True)
    path.with_name(path.name + '_data').unlink()
    return path


def _too_large(path):
    write_depth_anything(path, size=FIXED, weights_elsewhere=True)
    with path.with_name(path.name + '_data').open('ab') as file:
        file.truncate(3 * 10**9)  # takes no room on the disk
    return path


def _ours(path):
    model = onnx.load(write_convolution(path, RED, size=FIXED))
    helper.set_model_props(model, {METADATA_KEY: '{}'})
    onnx.save(model, path)
    return path


def _garbage(path):
    path.write_bytes(b'no model')
    return path


def _empty(path):
    path.write_bytes(b'')
    return path


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda path: path, 'third_party.onnx not found'),
        (_garbage, 'is no ONNX model'),
        (_empty, 'has no operators'),
        (_ours, 'a model file of monodepth_ros already'),
        (_elsewhere_and_lost, 'third_party.onnx_data'),
        (_too_large, '3.0 GB of weights, but one ONNX file holds at most 2.1 GB'),
        (_not_a_number, 'computes NaN'),
        (write_depth_anything, 'takes images of any size; choose one with width'),
    ],
    ids=['missing', 'garbage', 'empty', 'ours', 'lost', 'large', 'nan', 'size'],
)
def test_a_network_of_no_use_is_one_line(tmp_path, capsys, make, message):
    third_party = make(tmp_path / 'third_party.onnx')
    before = set(tmp_path.iterdir())
    assert command(third_party) == 1
    line = capsys.readouterr().err.strip()
    assert message in line
    assert '\n' not in line
    assert set(tmp_path.iterdir()) == before
