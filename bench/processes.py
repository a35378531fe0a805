"""ROS nodes as processes of a benchmark's own."""

from __future__ import annotations

from contextlib import AbstractContextManager
import os
import sys
from typing import Any

from demo.processes import Process, running
from monodepth_ros.ros.dds_profile import PROFILE_VARIABLES, TRANSPORTS_VARIABLE


def environment() -> dict[str, str]:
    """This process's environment, kept on this machine, without settings of Fast DDS."""
    ours = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
    theirs = {*PROFILE_VARIABLES, TRANSPORTS_VARIABLE}
    return {name: value for name, value in os.environ.items() if name not in theirs} | ours


def running_module(
    arguments: list[str], variables: dict[str, str], **options: Any
) -> AbstractContextManager[Process]:
    """`python -m`; see running."""
    return running([sys.executable, '-m', *arguments], variables, **options)
