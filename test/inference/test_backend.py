"""What every engine does alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monodepth_ros.inference.backend import NetworkOutput
from monodepth_ros.inference.load import load_backend
from monodepth_ros.inference.onnxruntime import OnnxRuntimeEngine
from test.helpers.tiny_model import CAMERA, red_image, spec, write_red_disparity_model


@pytest.fixture(params=['openvino', 'onnxruntime'])
def engine(request):
    """The name of an engine that is installed here."""
    pytest.importorskip(request.param)
    return request.param


@pytest.fixture
def backend(red_disparity_model, engine):
    with load_backend(red_disparity_model, engine) as loaded:
        yield loaded


def test_a_model_runs_and_tells_its_spec(backend, engine):
    assert (backend.name, backend.precision) == (engine, 'fp32')
    facts = backend.facts
    assert (facts['backend'], facts['network input']) == (engine, '128 x 64')
    assert facts['engine'].replace(' ', '').lower().startswith(engine)
    assert backend.spec == spec()
    output = backend.infer(red_image(102, width=CAMERA.width, height=CAMERA.height))
    np.testing.assert_allclose(output.disparity_frac, np.full((64, 128), 0.1), rtol=1e-6)
    assert not backend.has_confidence
    assert output.confidence is None


def test_the_bits_of_the_training_are_shown_where_they_are_known(tmp_path, backend, engine):
    assert '16-bit images of the training' not in backend.facts
    path = write_red_disparity_model(tmp_path / 'red.onnx', replace(spec(), bits=12))
    with load_backend(path, engine) as of_12_bits:
        shown = of_12_bits.facts['16-bit images of the training']
    assert shown == '12 bits (white is 4095)'


def test_confidence_where_the_file_has_it(tmp_path, engine):
    path = write_red_disparity_model(tmp_path / 'red.onnx', confidence=True)
    backend = load_backend(path, engine)
    assert backend.has_confidence
    image = red_image(102, width=CAMERA.width, height=CAMERA.height)
    image[..., 1] = 51
    output = backend.infer(image)
    np.testing.assert_allclose(output.disparity_frac, np.full((64, 128), 0.1), rtol=1e-6)
    np.testing.assert_allclose(output.confidence, np.full((64, 128), 0.2), rtol=1e-6)


def test_another_size_keeps_the_unit(backend):
    backend.resize(width=192, height=96)
    # 102 / 1020 of the canonical width still: the image's own has no part in it.
    output = backend.infer(red_image(102, width=192, height=96))
    np.testing.assert_allclose(output.disparity_frac, np.full((96, 192), 0.1), rtol=1e-6)


def test_cameras_that_take_turns_do_not_load_the_model_again(red_disparity_model, monkeypatch):
    made = []
    make = OnnxRuntimeEngine.__init__

    def count(engine, *args, width, height):
        made.append(width)
        make(engine, *args, width=width, height=height)

    monkeypatch.setattr(OnnxRuntimeEngine, '__init__', count)
    with load_backend(red_disparity_model, 'onnxruntime') as backend:
        for _ in range(3):
            for width in (128, 160, 192):
                backend.resize(width=width, height=64)
                output = backend.infer(red_image(102, width=width, height=64))
                np.testing.assert_allclose(output.disparity_frac, 0.1, rtol=1e-6)
        assert made == [128, 160, 192]
        for width in (224, 256, 288):  # one more than it keeps: the oldest goes
            backend.resize(width=width, height=64)
        backend.resize(width=128, height=64)
        assert made == [128, 160, 192, 224, 256, 288, 128]
    made.clear()
    with load_backend(red_disparity_model, 'onnxruntime', cameras=5) as backend:
        for _ in range(2):
            for width in (128, 192, 224, 256, 288):
                backend.resize(width=width, height=64)
        assert made == [128, 192, 224, 256, 288]


def test_all_engines_are_closed_though_one_raises(red_disparity_model, monkeypatch):
    closed = []

    def close(engine):
        closed.append(engine)
        raise RuntimeError('no such device any more')

    backend = load_backend(red_disparity_model, 'onnxruntime')
    backend.resize(width=160, height=64)
    with monkeypatch.context() as broken:
        broken.setattr(OnnxRuntimeEngine, 'close', close)
        with pytest.raises(RuntimeError, match='no such device'):
            backend.close()
    assert len(closed) == 2
    for engine in closed:
        engine.close()


def test_a_size_the_network_cannot_take_is_refused(backend):
    with pytest.raises(ValueError, match='width is 100, expected a multiple of 32'):
        backend.resize(width=100, height=64)
    backend.infer(red_image(0, width=CAMERA.width, height=CAMERA.height))


def test_the_next_frame_is_prepared_while_one_is_computed(backend):
    first, second = (red_image(red, width=128, height=64) for red in (51, 102))
    backend.submit(first)
    with pytest.raises(RuntimeError, match='submit was called twice'):
        backend.submit(second)
    np.testing.assert_allclose(backend.collect().disparity_frac, 0.05, rtol=1e-6)
    with pytest.raises(RuntimeError, match='collect was called without submit'):
        backend.collect()


def test_results_are_written_into_given_arrays(backend):
    out = backend.empty_output()
    result = backend.infer(red_image(51, width=128, height=64), out)
    assert result.disparity_frac is out.disparity_frac
    before = out.disparity_frac.copy()
    backend.infer(red_image(102, width=128, height=64))
    np.testing.assert_array_equal(out.disparity_frac, before)


def test_images_and_arrays_that_do_not_fit_are_refused(backend):
    image = red_image(51, width=128, height=64)
    with pytest.raises(ValueError, match=r'image of shape \(64, 96, 3\) and uint8, expected'):
        backend.infer(red_image(51, width=96, height=64))
    with pytest.raises(ValueError, match=r'float32, expected .* uint8'):
        backend.infer(image.astype(np.float32))
    for wrong in (np.empty((64, 128)), np.empty((128, 64), np.float32)):
        with pytest.raises(ValueError, match='got disparity_frac of shape'):
            backend.infer(image, NetworkOutput(wrong, None))
    np.testing.assert_allclose(backend.infer(image).disparity_frac, 0.05, rtol=1e-6)


def test_an_image_that_is_a_view_is_computed_rightly(backend):
    wide = np.zeros((64, 256, 3), np.uint8)
    wide[:, ::2, 0] = 51
    np.testing.assert_allclose(backend.infer(wide[:, ::2]).disparity_frac, 0.05, rtol=1e-6)


def test_a_closed_backend_says_so(backend):
    with backend:
        pass
    with pytest.raises(RuntimeError, match=f'the {backend.name} backend is closed'):
        backend.infer(red_image(0, width=128, height=64))
    backend.close()  # a second time does no harm
