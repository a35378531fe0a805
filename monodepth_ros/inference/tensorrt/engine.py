"""Inference with TensorRT and TensorRT-RTX, the fastest engines on NVIDIA GPUs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, ExitStack
from functools import partial
from typing import Any

import numpy as np

from monodepth_ros.common.errors import one_line
from monodepth_ros.inference.backend import Backend, KEPT_ENGINES, NetworkOutput, unchecked
from monodepth_ros.inference.model_file import INPUT, ModelFile
from monodepth_ros.inference.tensorrt import cuda
from monodepth_ros.inference.tensorrt.build_options import BuildOptions
from monodepth_ros.inference.tensorrt.builder import build_plan
from monodepth_ros.inference.tensorrt.engine_cache import EngineCache
from monodepth_ros.inference.tensorrt.engine_key import EngineKey
from monodepth_ros.inference.tensorrt.library import library

NAME = 'tensorrt'
BYTES_PER_MB = 1_000_000


def open_tensorrt(
    model: ModelFile,
    cache: EngineCache,
    *,
    options: BuildOptions,
    device: int = 0,
    log: Callable[[str], None] = lambda _: None,
    progress: Callable[[str, float], None] = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
    check: Callable[[Backend], None] = unchecked,
    kept_engines: int = KEPT_ENGINES,
) -> Backend:
    """
    Load the model on an NVIDIA GPU; its engines come from the cache, or are built and cached.

    model: the model file.
    cache: cache of built engines.
    options: see BuildOptions.
    device: number of the GPU.
    log: called with why an engine is built.
    progress, cancelled: see build_plan; a resize may build too.
    check, kept_engines: see Backend.
    Raises ValueError without such a GPU or TensorRT, and for a model that TensorRT does not
    support; BuildCancelled.
    """
    problem = cuda.device_problem(device)
    if problem is not None:
        raise ValueError(problem)
    make_engine = partial(
        _make_engine,
        model,
        cache,
        options=options,
        device=device,
        log=log,
        progress=progress,
        cancelled=cancelled,
    )
    return Backend(
        NAME,
        model.spec,
        has_confidence=model.has_confidence,
        precision=model.spec.precision,
        make_engine=make_engine,
        check=check,
        kept_engines=kept_engines,
    )


def _make_engine(
    model: ModelFile,
    cache: EngineCache,
    *,
    width: int,
    height: int,
    options: BuildOptions,
    device: int,
    log: Callable[[str], None],
    progress: Callable[[str, float], None],
    cancelled: Callable[[], bool],
) -> TensorRtEngine:
    """Make the engine of one input size in px, from the cache or by a build; see open_tensorrt."""
    key = engine_key(model, options=options, device=device, width=width, height=height)
    build = partial(
        build_plan,
        model,
        options=options,
        progress=progress,
        cancelled=cancelled,
        device=device,
        width=width,
        height=height,
    )
    plan = cache.get(key, build, title=model.path.name, log=log, cancelled=cancelled)
    # The same words as in `build_engine --list`.
    title = f'{key.library} {key.library_version}, {key.digest}'
    return TensorRtEngine(
        plan, model, width=width, height=height, title=title, device=device, log=log
    )


def engine_key(
    model: ModelFile, *, width: int, height: int, options: BuildOptions, device: int
) -> EngineKey:
    """
    Return everything that the plan of build_plan depends on.

    model: the model file.
    width, height: input size in px.
    options: see BuildOptions.
    device: number of the GPU.
    Raises ValueError without TensorRT.
    """
    gpu, installed = cuda.device(device), library()
    return EngineKey(
        onnx_sha256=model.sha256,
        library=installed.flavour,
        library_version=installed.version,
        gpu=gpu.name,
        compute_capability=gpu.compute_capability,
        width=width,
        height=height,
        options=options.of_the_plan,
    )


class TensorRtEngine:
    """
    An Engine over a plan of build_plan.

    plan: the serialised engine.
    model: the model file.
    width, height: input size in px.
    title: name of the plan in diagnostics.
    device: number of the GPU.
    graph: launch copies and network as one CUDA graph; if that cannot be recorded, or with False,
    they are launched one by one.
    log: called when the graph cannot be recorded.
    Raises ValueError for a plan that does not run here; all memory is freed then.
    """

    def __init__(
        self,
        plan: bytes,
        model: ModelFile,
        *,
        width: int,
        height: int,
        title: str,
        device: int = 0,
        graph: bool = True,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._device = device
        try:
            cuda.use_device(device)
            with ExitStack() as opened:
                self._open(opened, plan, (height, width), model.outputs)
                # Libraries load kernels at first use, which must not happen while recording.
                self._enqueue()
                self._stream.wait()
                self._run = self._recorded(opened, log) if graph else self._enqueue
                self._held = opened.pop_all()
            memory_mb = (len(plan) + self._network.memory_bytes) / BYTES_PER_MB
            self.facts = {
                'engine': title,
                'GPU': cuda.device(device).name,
                'GPU memory (MB)': f'{memory_mb:.0f}',
            }
        except Exception as error:
            raise ValueError(
                f'the engine of {model.path} does not run in {library().title}: {one_line(error)}'
            ) from error

    def submit(self, image: np.ndarray, out: NetworkOutput) -> None:
        """Implement Engine."""
        cuda.use_device(self._device)
        np.copyto(self._image.host[0], image)
        self._out = out
        self._run()

    def collect(self) -> None:
        """Implement Engine."""
        cuda.use_device(self._device)
        self._stream.wait()
        for buffer, array in zip(self._results, self._out, strict=False):
            assert array is not None  # the model has it, so out does
            np.copyto(array, buffer.host[0])

    def close(self) -> None:
        """Implement Engine."""
        cuda.use_device(self._device)
        self._held.close()

    def _open(
        self, opened: ExitStack, plan: bytes, shape: tuple[int, int], outputs: tuple[str, ...]
    ) -> None:
        keep = opened.enter_context
        self._stream = keep(closing(cuda.Stream()))
        self._network = keep(closing(_Network(plan)))
        make = partial(cuda.Buffer, shared=cuda.device(self._device).integrated)
        self._image = keep(closing(make((1, *shape, 3), np.uint8)))
        self._results = [keep(closing(make((1, *shape), np.float32))) for _ in outputs]
        # Called first on close: memory must not be freed while the GPU uses it.
        opened.callback(self._stream.wait)
        for name, buffer in zip((INPUT, *outputs), (self._image, *self._results), strict=True):
            self._network.bind(name, buffer)

    def _enqueue(self) -> None:
        self._image.upload(self._stream)
        self._network.enqueue(self._stream)
        for buffer in self._results:
            buffer.download(self._stream)

    def _recorded(self, opened: ExitStack, log: Callable[[str], None]) -> Callable[[], None]:
        try:
            graph = cuda.Graph(self._stream, self._enqueue)
        except RuntimeError as error:
            log(f'warning: TensorRT runs without CUDA graph and is slower: {one_line(error)}')
            return self._enqueue
        opened.enter_context(closing(graph))
        opened.callback(self._stream.wait)
        return graph.launch


class _Network:
    """
    A plan in the GPU's memory. Raises RuntimeError or TypeError for one that does not load.

    memory_bytes: working memory of the network, besides its weights.
    """

    def __init__(self, plan: bytes) -> None:
        trt, self._log = library().trt, library().log
        self._log.take()
        self._runtime = trt.Runtime(self._log)
        self._engine = self._made(
            self._runtime.deserialize_cuda_engine(plan),
            'build it again with `python3 -m monodepth_ros.build_engine MODEL --force`',
        )
        # User-managed memory is allocated before the first frame, and its address is constant.
        strategy = trt.ExecutionContextAllocationStrategy.USER_MANAGED
        self._context = self._made(self._engine.create_execution_context(strategy))
        self.memory_bytes = max(self._engine.device_memory_size_v2, 1)
        self._memory = cuda.Memory(self.memory_bytes)
        self._context.set_device_memory(self._memory.pointer, self.memory_bytes)

    def bind(self, name: str, buffer: cuda.Buffer) -> None:
        """Set the buffer of an input or output. Raises RuntimeError for another shape."""
        shape = tuple(self._engine.get_tensor_shape(name))
        if shape != buffer.host.shape:
            raise RuntimeError(f'the plan has {name} of {shape}, expected {buffer.host.shape}')
        self._made(self._context.set_tensor_address(name, buffer.pointer))

    def enqueue(self, stream: cuda.Stream) -> None:
        """Start computing."""
        self._made(self._context.execute_async_v3(int(stream.handle)))

    def close(self) -> None:
        """Free the network and its memory."""
        # TensorRT requires this order, and the context uses the memory until it is deleted.
        del self._context, self._engine, self._runtime
        self._memory.close()

    def _made(self, result: Any, next_step: str = 'choose another backend') -> Any:
        """Return a result of TensorRT. Raises RuntimeError for None or False, which are errors."""
        if result is None or result is False:
            raise RuntimeError(f'{self._log.take()}; {next_step}')
        return result
