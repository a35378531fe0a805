"""Building of a TensorRT plan from a model file, with progress and a way to stop."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from monodepth_ros.common.atomic import atomic_file, write_private
from monodepth_ros.common.errors import one_line
from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.inference.tensorrt import cuda
from monodepth_ros.inference.tensorrt.build_options import BuildOptions
from monodepth_ros.inference.tensorrt.build_phases import Phases
from monodepth_ros.inference.tensorrt.engine_cache import BuildCancelled
from monodepth_ros.inference.tensorrt.library import Library, library, TENSORRT

# Time between two calls of progress: short enough for a bar and for Ctrl-C.
POLL_S = 0.1


def build_plan(
    model: ModelFile,
    *,
    width: int,
    height: int,
    options: BuildOptions,
    progress: Callable[[str, float], None] = lambda *_: None,
    cancelled: Callable[[], bool] = lambda: False,
    device: int = 0,
) -> bytes:
    """
    Build the plan of a model for one input size, this GPU and this version of TensorRT.

    The precision is the model's own. progress and cancelled are called every POLL_S in the
    caller's thread; an exception in that thread, also from a signal, stops the build.

    model: the model file.
    width, height: input size in px.
    options: see BuildOptions.
    progress: called with the phase and a fraction of the whole build that never falls.
    cancelled: returns True to stop the build.
    device: number of the GPU.
    Raises ValueError with TensorRT's reasons for a model that it does not support, BuildCancelled.
    """
    phases = Phases()
    # A separate thread builds: an exception of a signal in a TensorRT callback would be lost.
    with ThreadPoolExecutor(1, thread_name_prefix='tensorrt_build') as worker:
        build = _Build(library(), model, width, height, options, phases, device)
        building = worker.submit(build.run)
        try:
            _watch(building, phases, progress, cancelled)
        except BaseException:
            phases.stop.set()
            raise
    if phases.stop.is_set():
        raise BuildCancelled(f'the build of {model.path} was stopped')
    plan = building.result()
    progress(phases.name, 1.0)
    return plan


def _watch(
    building: Future[bytes],
    phases: Phases,
    progress: Callable[[str, float], None],
    cancelled: Callable[[], bool],
) -> None:
    going_on = True
    while going_on:
        if cancelled():
            phases.stop.set()
        progress(phases.name, phases.fraction)
        going_on = bool(wait([building], POLL_S).not_done)


class _Build(NamedTuple):
    """A run of TensorRT's parser and builder."""

    installed: Library
    model: ModelFile
    width: int
    height: int
    options: BuildOptions
    phases: Phases
    device: int

    def run(self) -> bytes:
        """Return the plan; see build_plan."""
        log = self.installed.log
        log.take()
        try:
            # TensorRT-RTX can build without a GPU.
            if cuda.device_problem(self.device) is None:
                cuda.use_device(self.device)
            plan = self._plan()
        # Where the library returns null, the bindings raise TypeError or give None.
        except (AttributeError, RuntimeError, TypeError) as error:
            raise self._refusal(f'{one_line(error)}; {log.take()}') from error
        if plan is None:
            raise self._refusal(log.take())
        return bytes(plan)

    def _plan(self) -> Any:
        trt, log = self.installed.trt, self.installed.log
        builder = trt.Builder(log)
        strongly_typed = trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED
        network = builder.create_network(1 << int(strongly_typed))
        # The parser owns weights of the network, so it must live as long as the network.
        parser = trt.OnnxParser(network, log)
        if not parser.parse(self.model.data):
            reasons = [str(parser.get_error(index)) for index in range(parser.num_errors)]
            raise self._refusal(' '.join('; '.join(reasons).split()))
        # A fixed size needs no profile, and shapes are computed once.
        network.get_input(0).shape = (1, self.height, self.width, 3)
        config = builder.create_builder_config()
        configure(config, self.installed, self.options, precision=self.model.spec.precision)
        config.progress_monitor = _monitor(trt, self.phases)
        # TensorRT-RTX measures no timings.
        path = self.options.timing_cache if self.installed.flavour == TENSORRT else None
        timings = None if path is None else _use_timings(config, path)
        plan = builder.build_serialized_network(network, config)
        if path is not None and timings is not None and plan is not None:
            # A failed write only makes the next build slower, so the plan is returned anyway.
            with suppress(OSError), atomic_file(path) as partial:
                write_private(partial, bytes(timings.serialize()))
        return plan

    def _refusal(self, reason: str) -> ValueError:
        return ValueError(
            f'{self.installed.title} cannot build an engine of {self.model.path} for '
            f'{self.width}x{self.height}: {reason}; choose another backend'
        )


def configure(config: Any, installed: Library, options: BuildOptions, *, precision: str) -> None:
    """
    Set the options of TensorRT's builder.

    config: TensorRT's IBuilderConfig.
    installed: the library.
    options: see BuildOptions.
    precision: precision of the model's arithmetic.
    """
    trt = installed.trt
    config.builder_optimization_level = options.optimisation_level
    if options.workspace_mb is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mb << 20)
    if precision == 'fp32':
        # By default TensorRT multiplies in TF32, which has 10 bits of mantissa.
        config.clear_flag(trt.BuilderFlag.TF32)
    # Without this flag of TensorRT-RTX, an engine may allocate while a CUDA graph is recorded.
    if hasattr(trt.BuilderFlag, 'REQUIRE_USER_ALLOCATION'):
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)


def _use_timings(config: Any, path: Path) -> Any:
    """Set the timing cache of a build and return it; None where TensorRT accepts none."""
    stored = path.read_bytes() if path.is_file() else b''
    for content in (stored, b''):
        # A damaged file, or one of another GPU, must not stop the build.
        with suppress(TypeError):
            timings = config.create_timing_cache(content)
            if timings is not None and config.set_timing_cache(timings, False):
                return timings
    return None


def _monitor(trt: Any, phases: Phases) -> Any:
    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            super().__init__()

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            phases.begin(name, parent, steps)

        def step_complete(self, name: str, step: int) -> bool:
            return phases.complete(name, step)

        def phase_finish(self, name: str) -> None:
            pass

    return Monitor()
