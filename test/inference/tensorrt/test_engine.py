"""TensorRT on a GPU; skipped without one, but for what is said then."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from cuda.bindings import runtime
import numpy as np
import pytest

pytest.importorskip('tensorrt_rtx_bindings', reason='there are no wheels for this machine')

from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.inference.self_test import check_self_test
from monodepth_ros.inference.tensorrt import cuda
from monodepth_ros.inference.tensorrt.build_options import BuildOptions
from monodepth_ros.inference.tensorrt.builder import build_plan
from monodepth_ros.inference.tensorrt.engine import open_tensorrt, TensorRtEngine
from monodepth_ros.inference.tensorrt.engine_cache import EngineCache
from test.helpers.tiny_model import CAMERA, red_image, write_red_disparity_model

GPU = cuda.device_problem() is None
needs_gpu = pytest.mark.skipif(not GPU, reason='no NVIDIA GPU')
SIZE = {'width': CAMERA.width, 'height': CAMERA.height}


@pytest.fixture
def model(tmp_path):
    return ModelFile(write_red_disparity_model(tmp_path / 'red.onnx', confidence=True))


@pytest.fixture
def cache(tmp_path):
    return EngineCache(tmp_path / 'engines')


def _disparity(backend, red, **size):
    return backend.infer(red_image(red, **(size or SIZE))).disparity_frac


@pytest.mark.skipif(GPU, reason='there is a GPU')
def test_without_a_gpu_it_is_refused_before_tensorrt_is_touched(model, cache):
    with pytest.raises(ValueError, match=r'driver|GPU') as error:
        open_tensorrt(model, cache, options=BuildOptions())
    assert '\n' not in str(error.value)
    assert cache.entries() == []


@pytest.mark.skipif(GPU, reason='there is a GPU')
def test_a_plan_without_a_gpu_is_refused_in_one_line(model):
    plan = build_plan(model, **SIZE, options=BuildOptions())
    with pytest.raises(ValueError, match=r'red\.onnx does not run .*cudaError') as error:
        TensorRtEngine(plan, model, **SIZE, title='red')
    assert '\n' not in str(error.value)


@needs_gpu
def test_it_computes_what_the_model_says_and_keeps_its_engines(model, cache):
    told = []
    for _ in range(2):
        with open_tensorrt(model, cache, options=BuildOptions(), log=told.append) as backend:
            check_self_test(backend, 'red')
            assert np.allclose(_disparity(backend, 102), 0.1, rtol=1e-6)
            image = red_image(0, **SIZE)
            image[..., 1] = 51
            assert np.allclose(backend.infer(image).confidence, 0.2, rtol=1e-6)
    assert len(told) == 1  # why it was built, the first time; nothing of a graph that failed
    assert len(cache.entries()) == 1


@needs_gpu
def test_another_size_is_another_engine(model, cache):
    with open_tensorrt(model, cache, options=BuildOptions()) as backend:
        backend.resize(width=192, height=96)
        assert np.allclose(_disparity(backend, 102, width=192, height=96), 0.1, rtol=1e-6)
    assert len(cache.entries()) == 2


@needs_gpu
@pytest.mark.parametrize('graph', [False, True])
def test_every_thread_may_use_it(model, graph):
    plan = build_plan(model, **SIZE, options=BuildOptions())
    engine = TensorRtEngine(plan, model, **SIZE, title='red', graph=graph)

    def compute(red):
        out = tuple(np.empty((CAMERA.height, CAMERA.width), np.float32) for _ in range(2))
        engine.submit(red_image(red, **SIZE), out)
        engine.collect()
        return float(out[0].min()), float(out[0].max())

    for red in (51, 102, 204):
        with ThreadPoolExecutor(1) as worker:
            assert worker.submit(compute, red).result() == pytest.approx((red / 1020, red / 1020))
    engine.close()


@needs_gpu
@pytest.mark.parametrize('damage', [lambda plan: plan[:100], lambda plan: bytes(len(plan))])
def test_a_damaged_plan_is_refused(model, damage):
    plan = build_plan(model, **SIZE, options=BuildOptions())
    with pytest.raises(ValueError, match='build it again'):
        TensorRtEngine(damage(plan), model, **SIZE, title='red')


@needs_gpu
def test_a_plan_of_another_size_is_refused(model):
    plan = build_plan(model, width=192, height=96, options=BuildOptions())
    with pytest.raises(ValueError, match=r'has image of \(1, 96, 192, 3\)'):
        TensorRtEngine(plan, model, **SIZE, title='red')


@needs_gpu
def test_what_is_closed_is_free_again(model):
    plan = build_plan(model, **SIZE, options=BuildOptions())

    def free_bytes_after(rounds):
        for _ in range(rounds):
            TensorRtEngine(plan, model, **SIZE, title='red').close()
        return cuda.call(runtime.cudaMemGetInfo)[0]

    # The first ones load what stays with the process. Each holds 90 kB.
    before = free_bytes_after(3)
    assert before - free_bytes_after(100) < 4e6
