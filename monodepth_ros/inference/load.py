"""Which engine runs a model: the fastest of this machine that computes the same function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from monodepth_ros.errors import one_line
from monodepth_ros.inference.backend import Backend
from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.inference.self_test import check_self_test, SelfTestError

AUTO = 'auto'
# Of the arithmetic: as the model file has it, or in bfloat16 where the engine can.
MODEL, BFLOAT16 = 'model', 'bf16'
PRECISIONS = (MODEL, BFLOAT16)


class UnavailableError(ValueError):
    """An engine that cannot run here, with what it lacks."""


def load_backend(
    model: Path | str,
    name: str = AUTO,
    *,
    precision: str = MODEL,
    tell: Callable[[str], None] = lambda _: None,
) -> Backend:
    """
    Load a model file and prove that it computes what its ModelSpec says.

    name: of BACKENDS, or AUTO for the fastest that works. precision: of PRECISIONS. tell: is told
    which engine AUTO took, and why not a faster one. Raises FileNotFoundError without a file,
    ValueError for a file that is not ours or that no engine computes rightly.
    """
    _check_choice('backend', name, BACKENDS)
    _check_choice('precision', precision, PRECISIONS)
    file = ModelFile(model)
    refusals: list[str] = []
    for candidate in _OPENERS if name == AUTO else (name,):
        try:
            backend = _proven(candidate, file, precision)
        except ValueError as error:
            refusals.append(f'{candidate}: {error}')
            continue
        if name == AUTO:
            tell(f'{file.path.name} runs on {"; ".join([candidate, *map(_not, refusals)])}')
        return backend
    raise ValueError(f'{file.path} runs on no engine here; {"; ".join(refusals)}')


def _not(refusal: str) -> str:
    return f'not on {refusal}'


def _proven(name: str, file: ModelFile, precision: str) -> Backend:
    backend = _OPENERS[name](file, precision)
    try:
        check_self_test(backend, str(file.path))
    except SelfTestError:
        backend.close()
        raise
    return backend


def _open_openvino(file: ModelFile, precision: str) -> Backend:
    try:
        from monodepth_ros.inference.openvino import open_openvino
    except Exception as error:
        raise _unavailable('openvino', error) from error
    return open_openvino(file, bfloat16=precision == BFLOAT16)


def _open_onnxruntime(file: ModelFile, precision: str) -> Backend:
    try:
        from monodepth_ros.inference.onnxruntime import open_onnxruntime
    except Exception as error:
        raise _unavailable('onnxruntime', error) from error
    if precision == BFLOAT16:
        raise UnavailableError('has no bfloat16 on CPUs; choose precision `model`')
    return open_onnxruntime(file)


def _unavailable(package: str, error: Exception) -> UnavailableError:
    # A library that is half there fails in more ways than ImportError.
    return UnavailableError(f'{one_line(error)}; `python3 -m pip install {package}`')


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f'{name} is {value!r}, expected one of {choices}')


# The fastest first.
_OPENERS: dict[str, Callable[[ModelFile, str], Backend]] = {
    'openvino': _open_openvino,
    'onnxruntime': _open_onnxruntime,
}
BACKENDS = (AUTO, *_OPENERS)
