"""Streams, memory and graphs of the GPU; every status is checked, and everything is freed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
import ctypes
from typing import Any, NamedTuple

from cuda.bindings import runtime
import numpy as np

MAJOR, MINOR = 1000, 10
NEXT_STEPS = {
    runtime.cudaError_t.cudaErrorMemoryAllocation: '; close what else uses the GPU, or choose a '
    'smaller size',
}


class CudaError(RuntimeError):
    """Error of a CUDA function, with the names of the function and of the error."""


class Device(NamedTuple):
    """
    A GPU.

    compute_capability: e.g. '8.7'.
    integrated: the GPU shares the host's memory.
    """

    name: str
    compute_capability: str
    integrated: bool


def device_problem(index: int = 0) -> str | None:
    """Return why a GPU cannot be used, with what to do; None if it can."""
    # Without a driver every other function fails, and TensorRT may crash.
    driver, needed = call(runtime.cudaDriverGetVersion), call(runtime.cudaRuntimeGetVersion)
    problem = driver_problem(driver, needed)
    if problem is not None:
        return problem
    try:
        count = call(runtime.cudaGetDeviceCount)
        if not 0 <= index < count:
            return f'got device {index}, expected one of the {count} that CUDA sees, from 0'
        use_device(index)
    except CudaError as error:
        return f'the GPU does not respond: {error}; see nvidia-smi'
    return None


def driver_problem(driver: int, needed: int) -> str | None:
    """
    Return why the driver cannot be used; None if it can.

    A driver supports every CUDA version of its major number.

    driver: CUDA version that the driver supports, 12060 for 12.6; 0 without a driver.
    needed: CUDA version of cuda-bindings.
    """
    if driver == 0:
        return 'no NVIDIA driver is loaded; install one, see nvidia-smi'
    if driver // MAJOR < needed // MAJOR:
        got = f'{driver // MAJOR}.{driver % MAJOR // MINOR}'
        return (
            f'the NVIDIA driver is for CUDA {got}, expected {needed // MAJOR}.0 or newer; update '
            f"it, or `python3 -m pip install 'cuda-bindings=={driver // MAJOR}.*'`"
        )
    return None


def device(index: int = 0) -> Device:
    """Return the properties of a GPU. Raises CudaError without it."""
    attributes = runtime.cudaDeviceAttr
    major, minor, integrated = (
        call(runtime.cudaDeviceGetAttribute, attribute, index)
        for attribute in (
            attributes.cudaDevAttrComputeCapabilityMajor,
            attributes.cudaDevAttrComputeCapabilityMinor,
            attributes.cudaDevAttrIntegrated,
        )
    )
    name = call(runtime.cudaGetDeviceProperties, index).name.decode()
    return Device(name, f'{major}.{minor}', bool(integrated))


def use_device(index: int) -> None:
    """Select the GPU for later calls in this thread; every thread begins with the first GPU."""
    call(runtime.cudaSetDevice, index)


def call(function: Callable[..., tuple[Any, ...]], *arguments: Any) -> Any:
    """Return what a function of the CUDA runtime returns besides its status. Raises CudaError."""
    status, *values = function(*arguments)
    if status != runtime.cudaError_t.cudaSuccess:
        # Clears the error; otherwise the next caller, e.g. TensorRT, reads it as its own.
        runtime.cudaGetLastError()
        text = runtime.cudaGetErrorString(status)[1].decode()
        raise CudaError(f'{function.__name__}: {status.name}, {text}{NEXT_STEPS.get(status, "")}')
    return values[0] if values else None


class Stream:
    """A sequence of work on a GPU, concurrent with other streams."""

    def __init__(self) -> None:
        # A blocking stream would wait for the default stream, which other libraries use.
        self.handle = call(runtime.cudaStreamCreateWithFlags, runtime.cudaStreamNonBlocking)

    def wait(self) -> None:
        """Wait until all work is done. Raises CudaError, also for errors of earlier work."""
        call(runtime.cudaStreamSynchronize, self.handle)

    def close(self) -> None:
        """Free the stream."""
        call(runtime.cudaStreamDestroy, self.handle)


class Memory:
    """Memory of the GPU at `pointer`."""

    def __init__(self, size_bytes: int) -> None:
        self.pointer = call(runtime.cudaMalloc, size_bytes)

    def close(self) -> None:
        """Free the memory."""
        call(runtime.cudaFree, self.pointer)


class Buffer:
    """
    An array on the host and on the GPU.

    host: the host's array, in memory that the GPU can access; not to be used after close.
    pointer: address on the GPU.
    shared: both sides are the same memory, which is faster on a GPU that shares the host's memory.
    """

    def __init__(self, shape: tuple[int, ...], dtype: type, *, shared: bool) -> None:
        self._size_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        kind = runtime.cudaHostAllocMapped if shared else runtime.cudaHostAllocDefault
        self._address = call(runtime.cudaHostAlloc, self._size_bytes, kind)
        self._memory: Memory | None = None
        try:
            if shared:
                self.pointer = call(runtime.cudaHostGetDevicePointer, self._address, 0)
            else:
                self._memory = Memory(self._size_bytes)
                self.pointer = self._memory.pointer
        except CudaError:
            self.close()
            raise
        content = (ctypes.c_byte * self._size_bytes).from_address(self._address)
        self.host = np.ndarray(shape, dtype, memoryview(content))

    def upload(self, stream: Stream) -> None:
        """Start copying to the GPU."""
        self._copy(
            self.pointer, self._address, runtime.cudaMemcpyKind.cudaMemcpyHostToDevice, stream
        )

    def download(self, stream: Stream) -> None:
        """Start copying to the host."""
        self._copy(
            self._address, self.pointer, runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost, stream
        )

    def close(self) -> None:
        """Free both sides."""
        try:
            if self._memory is not None:
                self._memory.close()
        finally:
            call(runtime.cudaFreeHost, self._address)

    def _copy(self, target: int, source: int, kind: Any, stream: Stream) -> None:
        if self._memory is not None:
            call(runtime.cudaMemcpyAsync, target, source, self._size_bytes, kind, stream.handle)


class Graph:
    """
    The recorded work of a function on a stream, launched with one call.

    Addresses and sizes are those of the recording. Raises what the function raises, and CudaError
    for work that cannot be recorded; the stream stays usable in any case.
    """

    def __init__(self, stream: Stream, work: Callable[[], None]) -> None:
        self._stream = stream
        recorded = self._record(work)
        try:
            self._handle = call(runtime.cudaGraphInstantiate, recorded, 0)
        finally:
            call(runtime.cudaGraphDestroy, recorded)

    def launch(self) -> None:
        """Start the work."""
        call(runtime.cudaGraphLaunch, self._handle, self._stream.handle)

    def close(self) -> None:
        """Free the graph."""
        call(runtime.cudaGraphExecDestroy, self._handle)

    def _record(self, work: Callable[[], None]) -> Any:
        # Other threads may allocate during the recording.
        mode = runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        call(runtime.cudaStreamBeginCapture, self._stream.handle, mode)
        try:
            work()
        except BaseException:
            # The stream is unusable until the recording ends.
            with suppress(CudaError):
                call(runtime.cudaGraphDestroy, self._end())
            raise
        return self._end()

    def _end(self) -> Any:
        return call(runtime.cudaStreamEndCapture, self._stream.handle)
