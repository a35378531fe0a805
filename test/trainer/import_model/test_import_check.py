"""A network in a model file computes what it computes by itself, or is refused."""

from __future__ import annotations

import numpy as np
from onnx import helper, numpy_helper, TensorProto
import onnxruntime
import pytest

from monodepth_ros.inference.load import load_backend
from test.helpers.third_party_networks import (
    config,
    FIXED,
    HEIGHT,
    imported,
    NAMES,
    RED,
    save,
    WIDTH,
    write_convolution,
)
from trainer.import_model.import_check import check_same
from trainer.import_model.import_model import _spec
from trainer.import_model.third_party_model import read_third_party
from trainer.import_model.wrap_third_party import wrap

# Every third row and fourth column, 33 x 35 of 98 x 140, and back to its size.
STRIDES, SCALES = [3, 4], [1.0, 1.0, 2.97, 4.0]


def _resize(before, after, mode, scales, opset):
    """The operators that resized until opset 10, and the weights that they take."""
    names = {'name': f'to_{after}', 'mode': mode}
    if opset < 9:
        return [helper.make_node('Upsample', [before], [after], scales=scales, **names)]
    value = numpy_helper.from_array(np.float32(scales))
    return [
        helper.make_node('Constant', [], [f'{after}_scales'], value=value),
        helper.make_node(
            'Upsample' if opset == 9 else 'Resize', [before, f'{after}_scales'], [after], **names
        ),
    ]


def _write(path, nodes, opset):
    """A network of `few` pixels of red and these operators."""
    few = helper.make_node('Conv', [NAMES[0], 'kernel'], ['few'], strides=STRIDES)
    return save(
        path,
        [few, *nodes],
        {'kernel': RED[None].astype(np.float32)},
        inputs={NAMES[0]: [1, 3, *FIXED]},
        outputs={NAMES[1]: [1, 1, *FIXED]},
        opset=opset,
    )


def _depth_m(path, image):
    """(H, W) of a model file, for an image as the network sees it at its own focal length."""
    with load_backend(path, 'onnxruntime') as backend:
        disparity_frac = backend.infer(image).disparity_frac
        return backend.spec.baseline_m * backend.spec.camera.fx / (disparity_frac * WIDTH)


def _check_depth(third_party):
    """What comes out is 80 times what the original network gives in ONNX Runtime."""
    image = np.random.default_rng(1).integers(1, 256, (*FIXED, 3), dtype=np.uint8)
    planes = image.transpose(2, 0, 1)[None] / np.float32(255)
    (output,) = onnxruntime.InferenceSession(third_party).run(None, {NAMES[0]: planes})
    path = imported(third_party, normalise='unit', scale=80)
    np.testing.assert_allclose(_depth_m(path, image), 80 * output[0, 0], rtol=1e-4)


@pytest.mark.parametrize('mode', ['nearest', 'linear'])
@pytest.mark.parametrize('opset', [7, 8, 9, 10])
def test_resizing_of_opset_7_to_10_keeps_its_rule(tmp_path, opset, mode):
    nodes = _resize('few', NAMES[1], mode, SCALES, opset)
    _check_depth(_write(tmp_path / 'third_party.onnx', nodes, opset))


def test_resizing_in_a_branch_keeps_its_rule_too(tmp_path):
    branches = {
        f'{name}_branch': helper.make_graph(
            _resize('few', name, mode, SCALES, 9),
            name,
            [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        )
        for name, mode in (('then', 'linear'), ('else', 'nearest'))
    }
    yes = helper.make_node('Constant', [], ['yes'], value=numpy_helper.from_array(np.array(True)))
    nodes = [yes, helper.make_node('If', ['yes'], [NAMES[1]], **branches)]
    _check_depth(_write(tmp_path / 'third_party.onnx', nodes, 9))


def test_what_no_later_opset_can_say_is_refused_with_the_operator(tmp_path):
    # Nearest pixels are rounded up where opset 10 makes an image smaller, and down elsewhere.
    nodes = [
        *_resize('few', 'fewer', 'nearest', [1.0, 1.0, 0.4, 1.0], 10),  # 13 rows
        helper.make_node('Relu', ['fewer'], ['same']),
        *_resize('same', NAMES[1], 'linear', [1.0, 1.0, 98 / 13 + 1e-3, 4.0], 10),
    ]
    third_party = _write(tmp_path / 'third_party.onnx', nodes, 10)
    with pytest.raises(
        ValueError, match=r"expected at most 1e-03; .* is Resize 'to_fewer'; export"
    ):
        imported(third_party, normalise='unit', scale=80)
    assert [path.name for path in tmp_path.iterdir()] == ['third_party.onnx']


def test_what_onnx_runtime_cannot_run_by_itself_is_refused(tmp_path):
    # Its first Relu is that of opset 6; onnx converts the one of opset 1, too.
    nodes = [
        helper.make_node('Conv', [NAMES[0], 'kernel'], ['red']),
        helper.make_node('Relu', ['red'], [NAMES[1]]),
    ]
    third_party = save(
        tmp_path / 'third_party.onnx',
        nodes,
        {'kernel': RED[None].astype(np.float32)},
        inputs={NAMES[0]: [1, 3, *FIXED]},
        outputs={NAMES[1]: [1, 1, *FIXED]},
        opset=5,
    )
    with pytest.raises(ValueError, match=r'does not run in ONNX Runtime by itself: .*Relu'):
        imported(third_party)


@pytest.mark.parametrize(('factor', 'same'), [(1.0005, True), (1.01, False), (np.nan, False)])
def test_one_per_cent_more_is_another_network(tmp_path, factor, same):
    path = write_convolution(tmp_path / 'third_party.onnx', RED, size=FIXED)
    third_party = read_third_party(path)
    wrapped = wrap(third_party, config(), _spec(third_party, path, config()))
    (weight,) = (w for w in wrapped.graph.initializer if w.name == 'foreign/kernel')
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * factor, weight.name))
    sizes = {'size': (HEIGHT, WIDTH)}
    if same:
        check_same(path, wrapped, third_party, config(), **sizes)
    else:
        with pytest.raises(ValueError, match="the first operator that differs is Conv 'planes'"):
            check_same(path, wrapped, third_party, config(), **sizes)
