"""TensorRT as it is installed here: NVIDIA's own, or TensorRT-RTX with the same interface."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

from monodepth_ros.common.errors import one_line

TENSORRT, TENSORRT_RTX = 'tensorrt', 'tensorrt_rtx'
# By the name to import, the preferred first. The wheels of RTX bring the second name of it only.
FLAVOURS = {
    'tensorrt': TENSORRT,
    'tensorrt_rtx': TENSORRT_RTX,
    'tensorrt_rtx_bindings': TENSORRT_RTX,
}


class Library(NamedTuple):
    """
    flavour: TENSORRT or TENSORRT_RTX. version: of the library; its plans are for no other.

    trt: the module. log: what it was told to log to, once for all that it makes.
    """

    flavour: str
    version: str
    trt: Any
    log: Any

    @property
    def title(self) -> str:
        """Flavour and version for a message."""
        return f'{self.flavour} {self.version}'


@lru_cache(maxsize=1)
def library() -> Library:
    """
    The TensorRT of this machine; it may still fail without a GPU, see cuda.device_problem.

    Raises ValueError, saying why each of FLAVOURS does not load.
    """
    refusals = []
    for name, flavour in FLAVOURS.items():
        try:
            trt = import_module(name)
            return Library(flavour, trt.__version__, trt, _error_log(trt))
        # A library that is half there fails in more ways than ImportError.
        except Exception as error:
            refusals.append(one_line(error))
    raise ValueError(
        f'no TensorRT here ({"; ".join(refusals)}); `python3 -m pip install tensorrt`, or on a '
        'Jetson `sudo apt install python3-libnvinfer`'
    )


def _error_log(trt: Any) -> Any:
    """A logger that keeps errors: what fails in TensorRT returns nothing and logs the reason."""

    class ErrorLog(trt.ILogger):
        def __init__(self) -> None:
            super().__init__()
            self._error = ''

        def log(self, severity: Any, message: str) -> None:
            # What follows the first error is what it led to.
            if severity <= trt.ILogger.Severity.ERROR and not self._error:
                self._error = ' '.join(message.split())

        def take(self) -> str:
            """The first error since the last call, as one line."""
            error, self._error = self._error, ''
            return error or 'it gave no reason'

    return ErrorLog()
