"""ROS nodes as processes of a benchmark."""

from __future__ import annotations

from contextlib import AbstractContextManager
import os
import sys
from typing import Any

from demo.processes import Process, running
from monodepth_ros.ros.dds_profile import PROFILE_VARIABLES, TRANSPORTS_VARIABLE


def environment() -> dict[str, str]:
    """Return this process's environment, limited to this machine, without Fast DDS settings."""
    ours = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    theirs = {*PROFILE_VARIABLES, TRANSPORTS_VARIABLE}
    return {name: value for name, value in os.environ.items() if name not in theirs} | ours


def running_module(
    arguments: list[str], variables: dict[str, str], **options: Any
) -> AbstractContextManager[Process]:
    """
    Run `python -m` with arguments, see demo.processes.running.

    arguments: module and its arguments.
    variables: the environment.
    options: further options of Popen.
    """
    return running([sys.executable, '-m', *arguments], variables, **options)
