"""Processes of a demonstration or a benchmark, and the DDS profile that they use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import signal
import subprocess
from typing import Any

PROFILE = Path(__file__).parents[1] / 'config' / 'fastdds.xml'
STOP_S = 20.0

Process = subprocess.Popen[Any]


@contextmanager
def running(command: list[str], environment: dict[str, str], **options: Any) -> Iterator[Process]:
    """
    Run a process within a `with` block and stop it at the end.

    It is stopped with SIGINT, so that it frees its shared memory, and killed if it hangs.

    options: further options of Popen.
    """
    process = subprocess.Popen(command, env=environment, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
