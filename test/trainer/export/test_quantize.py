"""int8: what is quantised, how much it may change, and what is written about it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import onnx
from onnx import numpy_helper, TensorProto
import pytest

from monodepth_ros.inference.load import load_backend
from monodepth_ros.inference.model_file import ModelFile
from test.helpers.stereo_folders import SHIFT_PX, SIZE, write_pairs
from test.helpers.tiny_model import CAMERA
from test.helpers.untrained import weights_by_layer, write_checkpoint
from trainer.datasets.sources import open_sequences
from trainer.export.config import DIFFERENCE, ExportConfig
from trainer.export.export import export
from trainer.export.quantize import quantize, read_views

PAIRS = 20
# 60 px focal length and 0.5 m baseline.
DEPTH_M = 60 * 0.5 / SHIFT_PX


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp('data') / 'pairs', PAIRS)


@pytest.fixture(scope='module')
def float32(tmp_path_factory):
    folder = tmp_path_factory.mktemp('float32')
    export(write_checkpoint(folder / 'last.ckpt'), folder / 'model.onnx')
    return folder / 'model.onnx'


@pytest.fixture(scope='module')
def int8(float32, pairs, tmp_path_factory):
    path = tmp_path_factory.mktemp('int8') / 'model.onnx'
    quantize(float32, path, str(pairs))
    return path


def test_all_but_the_ends_of_the_network_is_int8(int8):
    layers = weights_by_layer(onnx.load(int8).graph)
    in_float = {name for name, tensors in layers.items() if len(tensors) == 1}
    heads = {f'decoder.heads.{at}' for at in range(4)}
    assert in_float == {'encoder.stages.0.0.0', 'decoder.iconvs.0.0', *heads}


def test_quantisation_is_as_tensorrt_wants_it(int8):
    graph = onnx.load(int8).graph
    # Symmetric, without int32 biases, with one scale a channel of a layer's output.
    zero_points = [tensor for tensor in graph.initializer if tensor.name.endswith('zero_point')]
    assert {tensor.data_type for tensor in zero_points} == {TensorProto.INT8}
    assert not any(numpy_helper.to_array(tensor).any() for tensor in zero_points)
    assert TensorProto.INT32 not in {tensor.data_type for tensor in graph.initializer}
    layers = weights_by_layer(graph)
    for name, channels in (('encoder.stages.1.0.0', 32), ('decoder.upconvs.0.0', 8)):
        _, scale, _ = layers[name]
        assert list(scale.dims) == [channels]


def test_the_spec_says_what_int8_changed(float32, int8):
    spec = ModelFile(int8).spec
    assert spec.precision == 'int8'
    assert 0 < spec.metrics[DIFFERENCE] < 0.02
    expected = ModelFile(float32).spec
    assert replace(spec, precision='fp32', metrics={}, self_test=expected.self_test) == expected


def test_where_there_is_a_truth_the_errors_are_in_the_spec(float32, tmp_path):
    pairs = write_pairs(tmp_path / 'pairs', PAIRS)
    (pairs / 'gt_depth').mkdir()
    depth = np.full((SIZE['height'], SIZE['width']), DEPTH_M * 256, np.uint16)
    cv2.imwrite(str(pairs / 'gt_depth' / f'{PAIRS - 1}.png'), depth)
    metrics = quantize(float32, tmp_path / 'model.onnx', str(pairs)).metrics
    assert metrics['abs_rel_fp32'] > 0
    assert metrics['abs_rel_int8'] == pytest.approx(metrics['abs_rel_fp32'], rel=0.02)


def test_the_last_tenth_in_time_is_held_out(pairs):
    views = read_views(open_sequences(str(pairs)), CAMERA, str(pairs))
    assert (len(views.calibrating), len(views.held_out)) == (18, 2)
    assert {view.shape for view in (*views.calibrating, *views.held_out)} == {(64, 128, 3)}


def test_too_few_pairs_are_refused(float32, tmp_path):
    pairs = write_pairs(tmp_path / 'pairs', 9)
    with pytest.raises(ValueError, match='has 9 pairs, expected a sequence of at least 10'):
        quantize(float32, tmp_path / 'model.onnx', str(pairs))


def test_a_network_that_int8_harms_is_refused_with_the_figures(float32, pairs, tmp_path):
    model = onnx.load(float32)
    layers = weights_by_layer(model.graph)
    # A channel so large that all others are 0 beside it, and that nothing listens to.
    for name, index, factor in (
        ('encoder.stages.0.1.0', np.s_[0], 1000),
        ('encoder.stages.1.0.0', np.s_[:, 0], 0),
        ('decoder.iconvs.1.0', np.s_[:, 16], 0),
    ):
        (tensor,) = layers[name]
        values = numpy_helper.to_array(tensor).copy()
        values[index] *= factor
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, tmp_path / 'loud.onnx')
    with pytest.raises(ValueError, match=r'changes disparities by .*%.*2 pairs.*at most 2%'):
        quantize(tmp_path / 'loud.onnx', tmp_path / 'model.onnx', str(pairs))


@pytest.mark.parametrize('name', ['onnxruntime', 'openvino'])
@pytest.mark.parametrize(
    'layer', ['encoder.stages.0.1.0', 'encoder.stages.3.0.0', 'decoder.upconvs.0.0']
)
def test_one_zeroed_layer_is_refused(int8, tmp_path, layer, name):
    pytest.importorskip(name)
    model = onnx.load(int8)
    values = weights_by_layer(model.graph)[layer][0]
    nothing = np.zeros_like(numpy_helper.to_array(values))
    values.CopyFrom(numpy_helper.from_array(nothing, values.name))
    onnx.save(model, tmp_path / 'zeroed.onnx')
    with pytest.raises(ValueError, match=r'differ by .* its own self-test.* in int8'):
        load_backend(tmp_path / 'zeroed.onnx', name)


@pytest.mark.slow
def test_the_papers_network_in_int8_is_the_same_in_openvino(pairs, tmp_path):
    pytest.importorskip('openvino')
    checkpoint = write_checkpoint(tmp_path / 'last.ckpt', 'godard_vgg')
    config = ExportConfig(precision='int8', calibration=str(pairs))
    export(checkpoint, tmp_path / 'model.onnx', config)
    # It pads with zeros: what its Concats join is quantised at once, unless it is padded first.
    load_backend(tmp_path / 'model.onnx', 'openvino').close()
