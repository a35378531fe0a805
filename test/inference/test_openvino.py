"""What is OpenVINO's own; what it does as every engine does is in test_backend.py."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip('openvino')

# In a process of its own: what fails here ends it.
CLOSED_IN_TURN = """
import gc, signal, sys
from monodepth_ros.inference.load import load_backend

signal.signal(signal.SIGUSR1, lambda *_: print('received'))
backends = [load_backend(sys.argv[1], 'openvino') for _ in range(2)]
while backends:
    backends.pop(0).close()
    gc.collect()
signal.raise_signal(signal.SIGUSR1)
"""


def test_a_signal_is_received_after_models_were_closed(red_disparity_model):
    command = [sys.executable, '-c', CLOSED_IN_TURN, str(red_disparity_model)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, 'received\n')
