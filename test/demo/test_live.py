"""How the demo's processes talk to each other."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest

from demo import live
from monodepth_ros.ros.dds_profile import PROFILE_VARIABLES, TRANSPORTS_VARIABLE

Usage = namedtuple('Usage', 'total used free')


@pytest.mark.parametrize('free_mb', [64, 8000])
def test_the_profile_is_used_where_there_is_memory_for_it(monkeypatch, free_mb):
    for name in (*PROFILE_VARIABLES, TRANSPORTS_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    usage = Usage(0, 0, free_mb * 1_000_000)
    monkeypatch.setattr(live.shutil, 'disk_usage', lambda folder: usage)
    environment = live.ros_environment()
    if free_mb == 64:  # as Docker has it
        assert environment[TRANSPORTS_VARIABLE] == 'LARGE_DATA'
    else:
        assert TRANSPORTS_VARIABLE not in environment
        assert all(Path(environment[name]).name == 'fastdds.xml' for name in PROFILE_VARIABLES)
