"""Checkpoint to model file."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np
import onnx
from onnx import numpy_helper, TensorProto
import onnxruntime
import pytest
import torch
from torch import nn, Tensor

from monodepth_ros.inference.load import load_backend
from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.inference.self_test import TOLERANCES
from test.helpers.stereo_folders import write_pairs
from test.helpers.untrained import smooth_image, weights_by_layer, write_checkpoint
from trainer.__main__ import main
from trainer.export.config import DIFFERENCE, ExportConfig
from trainer.export.export import export, write_onnx
from trainer.model.calibration import Knot
from trainer.model.exported_network import ExportedNetwork
from trainer.model.network import Predicted
from trainer.model.postprocess import joined
from trainer.train.checkpoint import load_checkpoint, load_exported, store_calibration

STRIDE = 32
UNIT_PX, WIDE_PX = 64, 128
ENGINES = ('onnxruntime', 'openvino')
OTHER_SIZE = {'width': 160, 'height': 96}


class Variant(NamedTuple):
    """What export can make of a checkpoint."""

    precision: str
    flip: bool
    confidence: bool


# Each is traced anew, which takes ten seconds.
QUICK = (
    Variant('fp32', True, True),
    Variant('fp16', True, False),
    Variant('int8', False, True),
)
VARIANTS = [
    pytest.param(Variant(*values), marks=() if values in QUICK else pytest.mark.slow)
    for values in product(('fp32', 'fp16', 'int8'), (True, False), (True, False))
]


class _Colours(nn.Module):
    """Left disparity is red / 2048, right disparity green / 2048: grey levels of 1/32 px."""

    stride = STRIDE

    def predict(self, image: Tensor) -> Predicted:
        return Predicted([image[:, :2] * (255 / 2048)], None)


class _Slope(nn.Module):
    """Both disparities are (column + 1) / 1024, whichever way round the image is."""

    stride = STRIDE

    def predict(self, image: Tensor) -> Predicted:
        columns = (torch.arange(image.shape[-1]) + 1) / 1024
        return Predicted([columns.expand_as(image[:, :2])], None)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp('training') / 'last.ckpt')


@pytest.fixture(scope='module')
def exported(checkpoint, tmp_path_factory):
    """The path of a variant's model file, made when first asked for."""
    pairs = write_pairs(tmp_path_factory.mktemp('data') / 'pairs', 10)

    @cache
    def make(variant):
        path = tmp_path_factory.mktemp('export') / 'model.onnx'
        calibration = str(pairs) if variant.precision == 'int8' else None
        export(checkpoint, path, ExportConfig(calibration=calibration, **variant._asdict()))
        return path

    return make


def _torch(checkpoint, variant, image):
    """What the checkpoint computes in float32: disparity and, with confidence, that."""
    model, _ = load_exported(checkpoint, flip=variant.flip, confidence=variant.confidence)
    with torch.no_grad():
        return [output[0].numpy() for output in model(torch.from_numpy(image)[None])]


def _run_widened(network, path, image):
    """(WIDE_PX,) disparity and confidence of the first row, by ONNX Runtime."""
    write_onnx(ExportedNetwork(network, canonical_width=UNIT_PX), path)
    outputs = onnxruntime.InferenceSession(path).run(
        ['disparity', 'confidence'], {'image': image[None]}
    )
    return [output[0, 0] for output in outputs]


@pytest.mark.parametrize('name', ENGINES)
@pytest.mark.parametrize('variant', VARIANTS)
def test_every_engine_computes_what_torch_does_at_any_size(checkpoint, exported, variant, name):
    pytest.importorskip(name)
    image = smooth_image(**OTHER_SIZE, seed=1)
    expected = _torch(checkpoint, variant, image)
    with load_backend(exported(variant), name) as backend:  # runs the self-test
        assert backend.precision == variant.precision
        assert backend.has_confidence == variant.confidence
        backend.resize(**OTHER_SIZE)
        computed = backend.infer(image)
    tolerance = TOLERANCES[variant.precision]
    difference = np.abs(computed.disparity_frac - expected[0]) / expected[0]
    assert difference.mean() < tolerance
    if variant.confidence:
        assert np.abs(computed.confidence - expected[1]).mean() < 5 * tolerance


@pytest.mark.parametrize('flip', [True, False])
def test_a_learnt_error_is_exported_with_its_calibration(tmp_path, flip):
    """Confidence is 1 less what the calibration makes of the error, blended as the disparity."""
    checkpoint = write_checkpoint(tmp_path / 'last.ckpt', learns_error=True)
    knots = Knot(0.01, 0.05), Knot(0.3, 0.2), Knot(0.9, 0.7)
    store_calibration(checkpoint, {1: knots, 2: knots})
    export(checkpoint, tmp_path / 'model.onnx', ExportConfig(flip=flip))
    network, spec = load_checkpoint(checkpoint)
    image = smooth_image(width=spec.camera.width, height=spec.camera.height, seed=1)
    x = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        passes = torch.cat([x, x.flip(-1)]) if flip else x
        error = joined(network.predict(passes).error[:, 0])[0].numpy()
    assert np.ptp(error) > 0.05
    with load_backend(tmp_path / 'model.onnx', 'onnxruntime') as backend:
        confidence = backend.infer(image).confidence
    assert confidence == pytest.approx(1 - np.interp(error, *np.transpose(knots)), abs=1e-3)


def test_a_confidence_that_is_not_calibrated_is_named(checkpoint, tmp_path, capsys):
    export(checkpoint, tmp_path / 'model.onnx')
    assert 'last.ckpt: confidence is not calibrated' in capsys.readouterr().out


@pytest.mark.parametrize('variant', VARIANTS)
def test_the_file_is_whole_and_tensorrt_takes_it(exported, variant):
    path = exported(variant)
    assert [file.name for file in path.parent.iterdir()] == ['model.onnx']
    nodes = onnx.load(path).graph.node
    assert [node.op_type for node in nodes if 'image' in node.input] == ['Cast']
    assert not [a for node in nodes for a in node.attribute if a.name == 'antialias' and a.i]
    for tensor in _session_tensors(path):
        assert tensor.shape[1:3] == ['height', 'width']
    pytest.importorskip('tensorrt_rtx_bindings', reason='there are no wheels for this machine')
    from monodepth_ros.inference.tensorrt.build_options import BuildOptions
    from monodepth_ros.inference.tensorrt.builder import build_plan

    assert build_plan(ModelFile(path), **OTHER_SIZE, options=BuildOptions())


@pytest.mark.parametrize('variant', VARIANTS)
def test_the_file_says_what_the_checkpoint_says(checkpoint, exported, variant):
    _, expected = load_exported(checkpoint)
    assert expected.history
    spec = ModelFile(exported(variant)).spec
    assert replace(spec, precision='fp32', metrics={}, self_test=None) == expected


def _session_tensors(path):
    session = onnxruntime.InferenceSession(path)
    return (*session.get_inputs(), *session.get_outputs())


def test_without_the_flip_the_network_runs_on_one_image(checkpoint):
    image = smooth_image(width=64, height=32, seed=1)
    once = _torch(checkpoint, Variant('fp32', False, False), image)[0]
    twice = _torch(checkpoint, Variant('fp32', True, False), image)[0]
    mirrored = _torch(checkpoint, Variant('fp32', False, False), image[:, ::-1].copy())[0]
    # In the middle the blend is the mean of both passes.
    middle = slice(10, -10)
    mean = (once + mirrored[:, ::-1]) / 2
    np.testing.assert_allclose(twice[:, middle], mean[:, middle], rtol=1e-5)


def test_fp16_halves_the_network_and_nothing_after_it(exported):
    path = exported(QUICK[1])
    layers = weights_by_layer(onnx.load(path).graph)
    types = {name: tensor.data_type for name, (tensor,) in layers.items()}
    heads = {f'decoder.heads.{at}' for at in range(4)}
    assert {name for name, kind in types.items() if kind == TensorProto.FLOAT} == heads
    assert {types[name] for name in types.keys() - heads} == {TensorProto.FLOAT16}
    assert 0 < ModelFile(path).spec.metrics[DIFFERENCE] < TOLERANCES['fp16']


@pytest.mark.parametrize('name', ENGINES)
@pytest.mark.parametrize('variant', QUICK[:2])
def test_weights_that_are_one_percent_off_are_refused(exported, tmp_path, variant, name):
    pytest.importorskip(name)
    model = onnx.load(exported(variant))
    for (tensor,) in weights_by_layer(model.graph).values():
        values = numpy_helper.to_array(tensor)
        scaled = (values * np.float32(1.01)).astype(values.dtype)
        tensor.CopyFrom(numpy_helper.from_array(scaled, tensor.name))
    onnx.save(model, tmp_path / 'off.onnx')
    with pytest.raises(ValueError, match=f'differ by .* its own self-test.* {variant.precision}'):
        load_backend(tmp_path / 'off.onnx', name)


def test_a_wider_image_is_matched_by_pixels_of_the_canonical_width(tmp_path):
    image = np.full((STRIDE, WIDE_PX, 3), 64, np.uint8)  # 64 / 2048 of 64 px: 2 px
    image[:, 60, 1] = 192
    disparity, confidence = _run_widened(_Colours(), tmp_path / 'a.onnx', image)
    np.testing.assert_allclose(disparity, 1 / 32, rtol=1e-6)
    # One of four estimates is 3/32, the others 1/32: s = sqrt((1/16)^2 / 4) = 1/32. That is at 62
    # and, the mirrored green column being 127 - 60, at 127 - (67 + 2).
    expected = np.ones(WIDE_PX)
    expected[[58, 62]] = 1 / (1 + 4)
    np.testing.assert_allclose(confidence, expected, atol=1e-5)


def test_the_ramps_of_the_blend_follow_the_width_of_the_image(tmp_path):
    image = np.zeros((STRIDE, WIDE_PX, 3), np.uint8)
    disparity, _ = _run_widened(_Slope(), tmp_path / 'a.onnx', image)
    # x = column / 127: one pass alone up to column 6 (0.047), both alike from 13 (0.102). Counted
    # in the canonical width it would be columns 3 and 7.
    alone = np.arange(7)
    np.testing.assert_allclose(disparity[alone], (WIDE_PX - alone) / 1024, rtol=1e-6)
    np.testing.assert_allclose(disparity[-1 - alone], (WIDE_PX - alone) / 1024, rtol=1e-6)
    np.testing.assert_allclose(disparity[13:-13], (WIDE_PX + 1) / 2048, rtol=1e-6)
    assert (disparity[7:13] > disparity[13]).all()


@pytest.mark.parametrize(
    'options', [['--precision', 'int8'], ['--precision', 'fp16', '--calibration', 'pairs']]
)
def test_int8_alone_is_calibrated(checkpoint, tmp_path, capsys, options):
    command = ['export', str(checkpoint), '-o', str(tmp_path / 'model.onnx'), *options]
    assert main(command) == 1
    assert 'int8 needs pairs to calibrate with' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('content', [b'', b'no checkpoint'])
def test_what_is_no_checkpoint_is_refused(tmp_path, capsys, content):
    (tmp_path / 'other.ckpt').write_bytes(content)
    command = ['export', str(tmp_path / 'other.ckpt'), '-o', str(tmp_path / 'model.onnx')]
    assert main(command) == 1
    assert 'no checkpoint of this trainer' in capsys.readouterr().err
    assert not (tmp_path / 'model.onnx').exists()


def test_a_missing_checkpoint_is_named(tmp_path, capsys):
    assert main(['export', str(tmp_path / 'none.ckpt'), '-o', str(tmp_path / 'model.onnx')]) == 1
    assert 'none.ckpt not found' in capsys.readouterr().err
