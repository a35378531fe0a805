"""What is compared."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.contenders import Contender, model_file, ON_CPU, ON_GPU, start_up, tensorrt_problem
from monodepth_ros.inference.load import UnavailableError
from test.helpers.tiny_model import write_red_disparity_model


@pytest.fixture
def red_folder(tmp_path):
    write_red_disparity_model(model_file(tmp_path, 'fp32'))
    return tmp_path


def test_no_two_are_called_the_same():
    assert len({contender.title for contender in ON_CPU + ON_GPU}) == len(ON_CPU + ON_GPU)


@pytest.mark.parametrize('module', ['bench.inference', 'bench.gpu'])
def test_what_a_fresh_process_imports_holds_no_torch(module):
    code = f'import sys, {module}; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_bfloat16_is_computed_from_the_float32_file(red_folder):
    pytest.importorskip('openvino')
    with Contender('openvino', 'bf16').open(red_folder) as backend:
        assert backend.precision == 'bf16'
    with pytest.raises(ValueError, match='choose precision `model`'):
        Contender('onnxruntime', 'bf16').open(red_folder)


def test_a_start_takes_time_and_memory(red_folder):
    seconds, peak_mb = start_up(Contender('onnxruntime', 'fp32'), red_folder)
    assert 0 < seconds < 60
    assert peak_mb > 20


@pytest.mark.skipif(tensorrt_problem() is None, reason='TensorRT runs here')
def test_without_a_gpu_tensorrt_says_why_in_one_line(red_folder):
    assert '\n' not in tensorrt_problem()
    with pytest.raises(ValueError, match='runs on no engine here'):
        Contender('tensorrt', 'fp32', 'cuda').open(red_folder)


def test_torch_without_a_gpu_is_unavailable(red_folder):
    torch = pytest.importorskip('torch')
    if torch.cuda.is_available():
        pytest.skip('there is a GPU')
    with pytest.raises(UnavailableError, match='sees no CUDA GPU'):
        Contender('torch', 'fp16', 'cuda').open(red_folder)
