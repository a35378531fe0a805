"""Choice of the engine for a model: the fastest one here that computes the model's function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from monodepth_ros.common.errors import check_choice, one_line
from monodepth_ros.inference.backend import Backend, KEPT_ENGINES, unchecked
from monodepth_ros.inference.choices import (
    AUTO,
    BACKENDS,
    BFLOAT16,
    ENGINES,
    MODEL,
    PRECISIONS,
    TENSORRT,
)
from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.inference.self_test import check_against, check_self_test
from monodepth_ros.inference.tensorrt.build_options import BuildOptions
from monodepth_ros.inference.tensorrt.hardware import has_nvidia_gpu


class UnavailableError(ValueError):
    """Error for an engine that cannot run here, with what is missing."""


class _Options(NamedTuple):
    """Options of load_backend."""

    precision: str
    device: int
    workspace_mb: int
    optimisation_level: int
    log: Callable[[str], None]
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
    log: Callable[[str], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    cameras: int = 1,
) -> Backend:
    """
    Load a model file and check that it computes what its ModelSpec says, also after a resize.

    model: path of the model file.
    backend: one of BACKENDS; AUTO takes the fastest that works.
    precision: one of PRECISIONS.
    device: number of the GPU.
    workspace_mb: memory limit of TensorRT's builder, 0 for no limit.
    optimisation_level: level of TensorRT's builder.
    log: called with which engine AUTO took, why not a faster one, and with the progress of a
    build, which takes minutes.
    cancelled: returns True to stop such a build.
    cameras: number of cameras that take turns; each may need its own engine.
    Raises FileNotFoundError without a file, ValueError for a file that is no model of this project
    or that no engine computes correctly, BuildCancelled.
    """
    check_choice('backend', backend, BACKENDS)
    check_choice('precision', precision, PRECISIONS)
    file = ModelFile(model)
    options = _Options(
        precision,
        device,
        workspace_mb,
        optimisation_level,
        log,
        cancelled,
        kept_engines=max(KEPT_ENGINES, cameras),
    )
    options = options._replace(check=partial(_check, file, options))
    loaded, refusals = _open_first(_candidates() if backend == AUTO else [backend], file, options)
    if backend == AUTO:
        log(f'{file.path.name} runs on {"; not on ".join([loaded.name, *refusals])}')
    return loaded


def _open_first(
    names: Sequence[str], file: ModelFile, options: _Options
) -> tuple[Backend, list[str]]:
    """
    Open the first engine that works; return it, and why those before it do not.

    Raises ValueError with all reasons if none works.
    """
    refusals: list[str] = []
    for name in names:
        try:
            return _OPENERS[name](file, options), refusals
        except ValueError as error:
            refusals.append(f'{name}: {error}')
    raise ValueError(f'{file.path} runs on no engine here; {"; ".join(refusals)}')


def _candidates() -> list[str]:
    """
    Return the engines, the fastest first; TensorRT only with an NVIDIA GPU.

    Without a GPU, every start would otherwise log how to install TensorRT.
    """
    return [name for name in ENGINES if name != TENSORRT or has_nvidia_gpu()]


def _check(file: ModelFile, options: _Options, backend: Backend) -> None:
    """Raise SelfTestError where a backend does not compute what the model does."""
    own = backend.spec.camera
    if (backend.width, backend.height) == (own.width, own.height):
        check_self_test(backend, str(file.path))
    # The file has expected values of its own size only.
    elif backend.name != REFERENCE:
        with _OPENERS[REFERENCE](file, options._replace(precision=MODEL)) as reference:
            reference.resize(width=backend.width, height=backend.height)
            check_against(backend, reference, str(file.path))


def _open_tensorrt(file: ModelFile, options: _Options) -> Backend:
    try:
        from monodepth_ros.inference.tensorrt import cuda
        from monodepth_ros.inference.tensorrt.build_phases import heartbeat
        from monodepth_ros.inference.tensorrt.engine import open_tensorrt
        from monodepth_ros.inference.tensorrt.engine_cache import default_folder, EngineCache
    except Exception as error:
        raise _unavailable('cuda-bindings', error) from error
    _refuse_bfloat16(options)
    # Checked before the cache, so that no folder is created for engines that cannot be built.
    problem = cuda.device_problem(options.device)
    if problem is not None:
        raise UnavailableError(problem)
    try:
        cache = EngineCache(default_folder())
        build_options = BuildOptions(
            workspace_mb=options.workspace_mb or None,
            optimisation_level=options.optimisation_level,
            timing_cache=cache.timing_file,
        )
        return open_tensorrt(
            file,
            cache,
            options=build_options,
            device=options.device,
            log=options.log,
            progress=heartbeat(options.log),
            cancelled=options.cancelled,
            check=options.check,
            kept_engines=options.kept_engines,
        )
    # OSError comes from the cache's disk, RuntimeError from CUDA.
    except (OSError, RuntimeError) as error:
        raise UnavailableError(one_line(error)) from error


def _open_openvino(file: ModelFile, options: _Options) -> Backend:
    try:
        from monodepth_ros.inference.openvino import open_openvino
    except Exception as error:
        raise _unavailable('openvino', error) from error
    return open_openvino(
        file,
        bfloat16=options.precision == BFLOAT16,
        check=options.check,
        kept_engines=options.kept_engines,
    )


def _open_onnxruntime(file: ModelFile, options: _Options) -> Backend:
    try:
        from monodepth_ros.inference.onnxruntime import open_onnxruntime
    except Exception as error:
        raise _unavailable('onnxruntime', error) from error
    _refuse_bfloat16(options)
    return open_onnxruntime(file, check=options.check, kept_engines=options.kept_engines)


def _refuse_bfloat16(options: _Options) -> None:
    if options.precision == BFLOAT16:
        raise UnavailableError(
            f'it computes in the precision of the model file; choose precision `{MODEL}`'
        )


def _unavailable(package: str, error: Exception) -> UnavailableError:
    # An incomplete installation raises more than ImportError.
    return UnavailableError(f'{one_line(error)}; `python3 -m pip install {package}`')


_OPENERS = dict(zip(ENGINES, (_open_tensorrt, _open_openvino, _open_onnxruntime), strict=True))
# The exporter computed the model file's expected values with this engine.
REFERENCE = 'onnxruntime'
