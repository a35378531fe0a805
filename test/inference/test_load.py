"""Loading a model file on the fastest engine that computes it rightly."""

from __future__ import annotations

from dataclasses import replace
import sys

import numpy as np
import onnx
import pytest

from monodepth_ros.inference.load import load_backend
from test.helpers.tiny_model import (
    CAMERA,
    red_image,
    write_model_without_spec,
    write_red_disparity_model,
    wrong_self_test,
)


def test_the_fastest_that_works_is_taken_and_says_why_not_a_faster_one(
    red_disparity_model, monkeypatch
):
    # A module that is None in sys.modules raises ImportError, as one that is not installed.
    monkeypatch.setitem(sys.modules, 'openvino', None)
    monkeypatch.delitem(sys.modules, 'monodepth_ros.inference.openvino', raising=False)
    said = []
    with load_backend(red_disparity_model, log=said.append) as backend:
        assert backend.name == 'onnxruntime'
    assert said[0].startswith('red.onnx runs on onnxruntime; ')
    assert 'not on openvino: ' in said[0]
    assert '`python3 -m pip install openvino`' in said[0]


@pytest.mark.parametrize('there', [True, False])
def test_tensorrt_is_spoken_of_where_there_is_a_gpu(red_disparity_model, monkeypatch, there):
    monkeypatch.setattr('monodepth_ros.inference.load.has_nvidia_gpu', lambda: there)
    said = []
    load_backend(red_disparity_model, log=said.append).close()
    assert ('tensorrt' in said[0]) == there


def test_a_named_engine_is_taken_or_nothing(red_disparity_model, monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    monkeypatch.delitem(sys.modules, 'monodepth_ros.inference.openvino', raising=False)
    with pytest.raises(ValueError, match=r'runs on no engine here; openvino: .*pip install op'):
        load_backend(red_disparity_model, 'openvino')
    with pytest.raises(ValueError, match="backend is 'tpu', expected one of"):
        load_backend(red_disparity_model, 'tpu')


def test_bfloat16_is_openvinos(red_disparity_model):
    pytest.importorskip('openvino')
    with load_backend(red_disparity_model, precision='bf16') as backend:
        assert (backend.name, backend.precision) == ('openvino', 'bf16')
    with pytest.raises(ValueError, match='onnxruntime: it computes in the precision of the'):
        load_backend(red_disparity_model, 'onnxruntime', precision='bf16')


def test_a_missing_model_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(FileNotFoundError, match='trainer export'):
        load_backend(tmp_path / 'none.onnx')


def test_a_model_without_spec_is_refused(tmp_path):
    with pytest.raises(ValueError, match='no ModelSpec'):
        load_backend(write_model_without_spec(tmp_path / 'without_spec.onnx'))


def test_a_model_that_computes_something_else_is_refused(tmp_path):
    path = write_red_disparity_model(tmp_path / 'wrong.onnx', wrong_self_test())
    for name in ('auto', 'openvino', 'onnxruntime'):
        with pytest.raises(ValueError, match=r'differ by 9\.9e-03 from its own self-test'):
            load_backend(path, name)


@pytest.mark.parametrize('content', [b'', b'no model', None])
def test_a_damaged_file_is_refused(tmp_path, red_disparity_model, content):
    whole = red_disparity_model.read_bytes()
    path = tmp_path / 'damaged.onnx'
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ValueError, match=r'damaged\.onnx'):
        load_backend(path)


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_one_percent_off_is_too_much_in_fp32_and_fp16(tmp_path, precision):
    model = replace(wrong_self_test(), precision=precision)
    path = write_red_disparity_model(tmp_path / 'wrong.onnx', model)
    with pytest.raises(ValueError, match=f'expected at most .* in {precision}'):
        load_backend(path)


def test_one_percent_off_is_rounding_in_int8(tmp_path):
    model = replace(wrong_self_test(), precision='int8')
    load_backend(write_red_disparity_model(tmp_path / 'coarse.onnx', model)).close()


def test_a_model_that_keeps_weights_elsewhere_is_refused(tmp_path, red_disparity_model):
    model = onnx.load(red_disparity_model)
    (weights, *_) = model.graph.initializer
    weights.ClearField('int64_data')
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key='location', value='../../etc/passwd')
    (tmp_path / 'elsewhere.onnx').write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match='keeps weights in other files'):
        load_backend(tmp_path / 'elsewhere.onnx')


def test_another_interface_is_refused(tmp_path, red_disparity_model):
    model = onnx.load(red_disparity_model)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = 'batch'
    (tmp_path / 'batch.onnx').write_bytes(model.SerializeToString())
    with pytest.raises(ValueError, match=r"'batch', 'height', 'width', 3.* expected"):
        load_backend(tmp_path / 'batch.onnx')


def test_an_engine_that_errs_at_another_size_is_refused_and_the_size_stays(
    red_disparity_model, monkeypatch
):
    pytest.importorskip('openvino')
    from monodepth_ros.inference.openvino import OpenVinoEngine

    collect = OpenVinoEngine.collect

    def collect_one_percent_more(engine):
        collect(engine)
        for name in engine._outputs:
            engine._request.get_tensor(name).data[:] *= 1.01

    image = red_image(102, width=CAMERA.width, height=CAMERA.height)
    with load_backend(red_disparity_model, 'openvino') as backend:
        monkeypatch.setattr(OpenVinoEngine, 'collect', collect_one_percent_more)
        with pytest.raises(ValueError, match=r'at 192 x 64 .* by 9\.9e-03 from onnxruntime'):
            backend.resize(width=192, height=64)
        monkeypatch.undo()
        assert (backend.width, backend.height) == (CAMERA.width, CAMERA.height)
        np.testing.assert_allclose(backend.infer(image).disparity_frac, 0.1, rtol=1e-6)
        backend.resize(width=192, height=64)
        assert (backend.width, backend.height) == (192, 64)
