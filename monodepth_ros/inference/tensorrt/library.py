"""The installed TensorRT library: TensorRT, or TensorRT-RTX with the same interface."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

from monodepth_ros.common.errors import one_line

TENSORRT, TENSORRT_RTX = 'tensorrt', 'tensorrt_rtx'
# Flavours by module name, the preferred first. The wheels of TensorRT-RTX have the last name only.
FLAVOURS = {
    'tensorrt': TENSORRT,
    'tensorrt_rtx': TENSORRT_RTX,
    'tensorrt_rtx_bindings': TENSORRT_RTX,
}


class Library(NamedTuple):
    """
    An installed library.

    flavour: TENSORRT or TENSORRT_RTX.
    version: version of the library; its plans run in no other version.
    trt: the module.
    log: the logger of all objects of the library.
    """

    flavour: str
    version: str
    trt: Any
    log: Any

    @property
    def title(self) -> str:
        """Return flavour and version, for messages."""
        return f'{self.flavour} {self.version}'


@lru_cache(maxsize=1)
def library() -> Library:
    """
    Return the TensorRT of this machine; it may still fail without a GPU, see cuda.device_problem.

    Raises ValueError, saying why each of FLAVOURS does not load.
    """
    refusals = []
    for name, flavour in FLAVOURS.items():
        try:
            trt = import_module(name)
            return Library(flavour, trt.__version__, trt, _error_log(trt))
        # An incomplete installation raises more than ImportError.
        except Exception as error:
            refusals.append(one_line(error))
    raise ValueError(
        f'no TensorRT here ({"; ".join(refusals)}); `python3 -m pip install tensorrt`, or on a '
        'Jetson `sudo apt install python3-libnvinfer`'
    )


def _error_log(trt: Any) -> Any:
    """Return a logger that keeps errors: failing calls return null and log the reason."""

    class ErrorLog(trt.ILogger):
        def __init__(self) -> None:
            super().__init__()
            self._error = ''

        def log(self, severity: Any, message: str) -> None:
            # Later errors are consequences of the first one.
            if severity <= trt.ILogger.Severity.ERROR and not self._error:
                self._error = ' '.join(message.split())

        def take(self) -> str:
            """Return the first error since the last call, on one line."""
            error, self._error = self._error, ''
            return error or 'it gave no reason'

    return ErrorLog()
