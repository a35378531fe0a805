"""Loading a model file."""

from __future__ import annotations

import numpy as np
import pytest

from monodepth_ros.inference.load import load_backend
from test.tiny_model import (
    CAMERA,
    red_image,
    spec,
    write_model_without_spec,
    write_red_disparity_model,
    wrong_self_test,
)


def test_a_model_runs_and_tells_its_spec(red_disparity_model):
    backend = load_backend(red_disparity_model)
    assert backend.spec == spec()
    output = backend.infer(red_image(102, width=CAMERA.width, height=CAMERA.height))
    np.testing.assert_allclose(output.disparity_frac, np.full((64, 128), 0.1), rtol=1e-6)
    assert not backend.has_confidence
    assert output.confidence is None


def test_confidence_where_the_file_has_it(tmp_path):
    backend = load_backend(write_red_disparity_model(tmp_path / 'red.onnx', confidence=True))
    assert backend.has_confidence
    image = red_image(102, width=CAMERA.width, height=CAMERA.height)
    image[..., 1] = 51
    output = backend.infer(image)
    np.testing.assert_allclose(output.disparity_frac, np.full((64, 128), 0.1), rtol=1e-6)
    np.testing.assert_allclose(output.confidence, np.full((64, 128), 0.2), rtol=1e-6)


def test_another_size_keeps_the_unit(red_disparity_model):
    backend = load_backend(red_disparity_model)
    backend.resize(width=192, height=96)
    # 102 / 1020 of the canonical width still: the image's own has no part in it.
    output = backend.infer(red_image(102, width=192, height=96))
    np.testing.assert_allclose(output.disparity_frac, np.full((96, 192), 0.1), rtol=1e-6)


def test_a_size_the_network_cannot_take_is_refused(red_disparity_model):
    backend = load_backend(red_disparity_model)
    with pytest.raises(ValueError, match='width is 100, expected a multiple of 32'):
        backend.resize(width=100, height=64)
    backend.infer(red_image(0, width=CAMERA.width, height=CAMERA.height))


def test_a_missing_model_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(FileNotFoundError, match='trainer export'):
        load_backend(tmp_path / 'none.onnx')


def test_a_model_without_spec_is_refused(tmp_path):
    with pytest.raises(ValueError, match='no ModelSpec'):
        load_backend(write_model_without_spec(tmp_path / 'foreign.onnx'))


def test_a_model_that_computes_something_else_is_refused(tmp_path):
    path = write_red_disparity_model(tmp_path / 'wrong.onnx', wrong_self_test())
    with pytest.raises(ValueError, match=r'differ by 9\.9e-03 from its own self-test'):
        load_backend(path)


@pytest.mark.parametrize('content', [b'', b'no model', None])
def test_a_damaged_file_is_refused(tmp_path, red_disparity_model, content):
    whole = red_disparity_model.read_bytes()
    path = tmp_path / 'damaged.onnx'
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(ValueError, match=r'damaged\.onnx'):
        load_backend(path)
