"""Loading a model file."""

from __future__ import annotations

import numpy as np
import pytest

from monodepth_ros.inference.backend import load_backend
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
    disparity = backend.infer(red_image(102, width=CAMERA.width, height=CAMERA.height))
    np.testing.assert_allclose(disparity, np.full((64, 128), 0.1), rtol=1e-6)


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
