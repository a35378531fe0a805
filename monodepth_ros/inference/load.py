"""Which engine runs a model: the fastest of this machine that computes the same function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from monodepth_ros.common.errors import check_choice, one_line
from monodepth_ros.inference.backend import Backend, KEPT_ENGINES, unchecked
from monodepth_ros.inference.choices import AUTO, BACKENDS, BFLOAT16, ENGINES, MODEL, PRECISIONS
from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.inference.self_test import check_against, check_self_test
from monodepth_ros.inference.tensorrt.build_options import BuildOptions


class UnavailableError(ValueError):
    """An engine that cannot run here, with what it lacks."""


class _Wishes(NamedTuple):
    """See load_backend."""

    precision: str
    device: int
    workspace_mb: int
    optimisation_level: int
    tell: Callable[[str], None]
    cancelled: Callable[[], bool]
    kept_engines: int
    check: Callable[[Backend], None] = unchecked


def load_backend(
    model: Path | str,
    backend: str = AUTO,
    *,
    precision: str = MODEL,
    device: int = 0,
    workspace_mb: int = 0,
    optimisation_level: int = BuildOptions.optimisation_level,
    tell: Callable[[str], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    cameras: int = 1,
) -> Backend:
    """
    Load a model file and prove that it computes what its ModelSpec says, at any size later.

    backend: of BACKENDS, or AUTO for the fastest that works. precision: of PRECISIONS. device:
    number of the GPU. workspace_mb, optimisation_level: of TensorRT's builder, 0 for all the
    memory there is. tell: is told which engine AUTO took, why not a faster one, and of a build
    that takes minutes. cancelled: asked whether to stop such a build. cameras: how many take
    turns, each of which may want an engine of its own. Raises FileNotFoundError without a file,
    ValueError for a file that is not ours or that no engine computes rightly, BuildCancelled.
    """
    check_choice('backend', backend, BACKENDS)
    check_choice('precision', precision, PRECISIONS)
    file = ModelFile(model)
    wishes = _Wishes(
        precision,
        device,
        workspace_mb,
        optimisation_level,
        tell,
        cancelled,
        kept_engines=max(KEPT_ENGINES, cameras),
    )
    proved = wishes._replace(check=partial(_check, file, wishes))
    refusals: list[str] = []
    for name in _OPENERS if backend == AUTO else (backend,):
        try:
            loaded = _OPENERS[name](file, proved)
        except ValueError as error:
            refusals.append(f'{name}: {error}')
            continue
        if backend == AUTO:
            tell(f'{file.path.name} runs on {"; not on ".join([name, *refusals])}')
        return loaded
    raise ValueError(f'{file.path} runs on no engine here; {"; ".join(refusals)}')


def _check(file: ModelFile, wishes: _Wishes, backend: Backend) -> None:
    """Raise SelfTestError where a backend does not compute what the model does."""
    own = backend.spec.camera
    if (backend.width, backend.height) == (own.width, own.height):
        check_self_test(backend, str(file.path))
    # The file has values of its own size only; for another one an engine is asked.
    elif backend.name != REFERENCE:
        with _OPENERS[REFERENCE](file, wishes._replace(precision=MODEL)) as reference:
            reference.resize(width=backend.width, height=backend.height)
            check_against(backend, reference, str(file.path))


def _open_tensorrt(file: ModelFile, wishes: _Wishes) -> Backend:
    try:
        from monodepth_ros.inference.tensorrt import cuda
        from monodepth_ros.inference.tensorrt.build_phases import heartbeat
        from monodepth_ros.inference.tensorrt.engine import open_tensorrt
        from monodepth_ros.inference.tensorrt.engine_cache import default_folder, EngineCache
    except Exception as error:
        raise _unavailable('cuda-bindings', error) from error
    _refuse_bfloat16(wishes)
    # Before a folder is made for engines that will never be.
    problem = cuda.device_problem(wishes.device)
    if problem is not None:
        raise UnavailableError(problem)
    try:
        cache = EngineCache(default_folder())
        options = BuildOptions(
            workspace_mb=wishes.workspace_mb or None,
            optimisation_level=wishes.optimisation_level,
            timing_cache=cache.timing_file,
        )
        return open_tensorrt(
            file,
            cache,
            options=options,
            device=wishes.device,
            tell=wishes.tell,
            progress=heartbeat(wishes.tell),
            cancelled=wishes.cancelled,
            check=wishes.check,
            kept_engines=wishes.kept_engines,
        )
    # Of the cache's disk, and of CUDA.
    except (OSError, RuntimeError) as error:
        raise UnavailableError(one_line(error)) from error


def _open_openvino(file: ModelFile, wishes: _Wishes) -> Backend:
    try:
        from monodepth_ros.inference.openvino import open_openvino
    except Exception as error:
        raise _unavailable('openvino', error) from error
    return open_openvino(
        file,
        bfloat16=wishes.precision == BFLOAT16,
        check=wishes.check,
        kept_engines=wishes.kept_engines,
    )


def _open_onnxruntime(file: ModelFile, wishes: _Wishes) -> Backend:
    try:
        from monodepth_ros.inference.onnxruntime import open_onnxruntime
    except Exception as error:
        raise _unavailable('onnxruntime', error) from error
    _refuse_bfloat16(wishes)
    return open_onnxruntime(file, check=wishes.check, kept_engines=wishes.kept_engines)


def _refuse_bfloat16(wishes: _Wishes) -> None:
    if wishes.precision == BFLOAT16:
        raise UnavailableError(f'computes as the model file says; choose precision `{MODEL}`')


def _unavailable(package: str, error: Exception) -> UnavailableError:
    # A library that is half there fails in more ways than ImportError.
    return UnavailableError(f'{one_line(error)}; `python3 -m pip install {package}`')


_OPENERS = dict(zip(ENGINES, (_open_tensorrt, _open_openvino, _open_onnxruntime), strict=True))
# What the model file was made with, and its values computed.
REFERENCE = 'onnxruntime'
