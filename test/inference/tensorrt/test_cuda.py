"""The GPU without TensorRT; most of it needs one, and is skipped without."""

from __future__ import annotations

import threading

from cuda.bindings import runtime
import numpy as np
import pytest

from monodepth_ros.inference.tensorrt import cuda

GPU = cuda.device_problem() is None
needs_gpu = pytest.mark.skipif(not GPU, reason='no NVIDIA GPU')
BUFFER_BYTES = 1 << 26


@pytest.mark.parametrize(
    ('driver', 'needed', 'problem'),
    [
        (0, 13050, 'no NVIDIA driver'),
        (12060, 13050, r'for CUDA 12\.6, expected 13\.0 or newer.*cuda-bindings==12\.\*'),
        (11080, 12090, r'for CUDA 11\.8, expected 12\.0'),
    ],
)
def test_a_driver_that_does_not_serve_says_what_to_do(driver, needed, problem):
    text = cuda.driver_problem(driver, needed)
    assert '\n' not in text
    with pytest.raises(AssertionError, match=problem):
        raise AssertionError(text)


@pytest.mark.parametrize('driver', [13000, 13050, 14000])
def test_a_driver_serves_all_of_its_major_number_and_older(driver):
    assert cuda.driver_problem(driver, 13050) is None


@pytest.mark.skipif(GPU, reason='there is a GPU')
def test_without_a_gpu_the_problem_is_one_line():
    assert '\n' not in cuda.device_problem()


def test_a_failed_call_names_the_function_and_the_error():
    with pytest.raises(cuda.CudaError, match=r'cudaSetDevice: cudaError\w+, [\w ]+'):
        cuda.call(runtime.cudaSetDevice, 99)


@pytest.mark.skipif(GPU, reason='there is a GPU')
def test_what_cannot_be_had_holds_nothing():
    with pytest.raises(cuda.CudaError, match='cudaHostAlloc'):
        cuda.Buffer((4, 5), np.float32, shared=False)


@needs_gpu
def test_a_gpu_that_is_not_there_is_named():
    assert 'got device 99, expected one of the' in cuda.device_problem(99)


@pytest.fixture
def stream():
    made = cuda.Stream()
    yield made
    made.close()


@needs_gpu
@pytest.mark.parametrize('shared', [False, True])
def test_what_goes_up_comes_down(stream, shared):
    values = np.arange(20, dtype=np.float32).reshape(4, 5)
    buffer = cuda.Buffer((4, 5), np.float32, shared=shared)
    buffer.host[:] = values
    buffer.upload(stream)
    stream.wait()
    if not shared:
        buffer.host[:] = 0
    buffer.download(stream)
    stream.wait()
    np.testing.assert_array_equal(buffer.host, values)
    buffer.close()


@needs_gpu
def test_a_graph_does_again_what_was_recorded(stream):
    buffer = cuda.Buffer((2,), np.uint8, shared=False)
    graph = cuda.Graph(stream, lambda: buffer.upload(stream))
    buffer.host[:] = (3, 7)
    graph.launch()
    stream.wait()
    buffer.host[:] = 0
    buffer.download(stream)
    stream.wait()
    assert buffer.host.tolist() == [3, 7]
    graph.close()
    buffer.close()


@needs_gpu
@pytest.mark.parametrize('allocate', [False, True])
def test_a_stream_works_on_after_a_recording_that_failed(stream, allocate):
    def fail():
        if allocate:
            cuda.call(runtime.cudaDeviceSynchronize)  # may not be recorded
        raise RuntimeError('on purpose')

    with pytest.raises(RuntimeError):
        cuda.Graph(stream, fail)
    test_what_goes_up_comes_down(stream, shared=False)


@needs_gpu
def test_another_thread_may_go_on():
    made = []
    thread = threading.Thread(target=lambda: made.append(cuda.Stream()))
    thread.start()
    thread.join()
    cuda.use_device(0)
    test_what_goes_up_comes_down(made[0], shared=False)
    made[0].close()


@needs_gpu
def test_what_is_closed_is_free_again():
    def free_bytes() -> int:
        return cuda.call(runtime.cudaMemGetInfo)[0]

    cuda.use_device(0)
    before = free_bytes()
    for _ in range(20):
        buffer = cuda.Buffer((BUFFER_BYTES,), np.uint8, shared=False)
        assert before - free_bytes() >= BUFFER_BYTES
        buffer.close()
    assert before - free_bytes() < BUFFER_BYTES
