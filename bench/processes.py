"""ROS nodes as processes of a benchmark's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import Any

from monodepth_ros.dds_profile import PROFILE_VARIABLES, TRANSPORTS_VARIABLE

PROFILE = Path(__file__).parents[1] / 'config' / 'fastdds.xml'
STOP_S = 20.0


def environment() -> dict[str, str]:
    """This process's environment, kept on this machine, without settings of Fast DDS."""
    ours = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    theirs = {*PROFILE_VARIABLES, TRANSPORTS_VARIABLE}
    return {name: value for name, value in os.environ.items() if name not in theirs} | ours


@contextmanager
def running(
    arguments: list[str], environment: dict[str, str], **options: Any
) -> Iterator[subprocess.Popen]:
    """A module, stopped with SIGINT so that it frees its shared memory."""
    process = subprocess.Popen([sys.executable, '-m', *arguments], env=environment, **options)
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
