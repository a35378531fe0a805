"""Whether this machine has an NVIDIA GPU, asked without CUDA for Python."""

from __future__ import annotations

import ctypes
from pathlib import Path

DEVICES = Path('/dev')
# Of NVIDIA's drivers, on a PC and on a Jetson.
SIGNS = ('nvidia*', 'nvhost*', 'nvgpu*')


def has_nvidia_gpu(devices: Path = DEVICES) -> bool:
    """Tell by the driver's devices, or by its library, which is all that there is in WSL."""
    if any(path for sign in SIGNS for path in devices.glob(sign)):
        return True
    try:
        ctypes.CDLL('libcuda.so.1')
    except OSError:
        return False
    return True
