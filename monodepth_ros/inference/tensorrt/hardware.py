"""Detection of an NVIDIA GPU without CUDA for Python."""

from __future__ import annotations

import ctypes
from pathlib import Path

DEVICES = Path('/dev')
# Device files of NVIDIA's drivers, on a PC and on a Jetson.
SIGNS = ('nvidia*', 'nvhost*', 'nvgpu*')


def has_nvidia_gpu(devices: Path = DEVICES) -> bool:
    """
    Return whether there is an NVIDIA GPU, by the driver's devices or its library.

    WSL has the library only.
    """
    if any(path for sign in SIGNS for path in devices.glob(sign)):
        return True
    try:
        ctypes.CDLL('libcuda.so.1')
    except OSError:
        return False
    return True
