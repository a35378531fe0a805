"""The launch file, where ROS' launch is installed: it is in no package index."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

from monodepth_ros.dds_profile import PROFILE_VARIABLES, TRANSPORTS_VARIABLE

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec('launch_ros') is None, reason='needs launch_ros, of a sourced ROS'
)
ROOT = Path(__file__).parents[1]
# Takes the node's place: writes its environment where the test finds it.
ENVIRONMENT_WRITER = """#!/usr/bin/env python3
import json, os, pathlib
pathlib.Path(os.environ['SEEN']).write_text(json.dumps(dict(os.environ)))
"""
LAUNCH = """
import sys
from launch import LaunchService
from launch.actions import IncludeLaunchDescription
service = LaunchService()
service.include_launch_description(IncludeLaunchDescription(sys.argv[1]))
sys.exit(service.run())
"""


@pytest.fixture
def install(tmp_path):
    """An installed package, as far as launch looks at it."""
    prefix = tmp_path / 'install'
    for folder in ('lib/monodepth_ros', 'share/ament_index/resource_index/packages'):
        (prefix / folder).mkdir(parents=True)
    (prefix / 'share/ament_index/resource_index/packages/monodepth_ros').touch()
    share = prefix / 'share' / 'monodepth_ros'
    share.mkdir()
    (share / 'config').symlink_to(ROOT / 'config')
    program = prefix / 'lib' / 'monodepth_ros' / 'depth_node'
    program.write_text(ENVIRONMENT_WRITER)
    program.chmod(0o755)
    return prefix


def _seen_by_the_node(install, tmp_path, **chosen):
    """What of Fast DDS' variables the node sees when these are set for launch."""
    seen = tmp_path / 'seen.json'
    names = {*PROFILE_VARIABLES, TRANSPORTS_VARIABLE}
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= chosen | {
        'AMENT_PREFIX_PATH': str(install),
        'PYTHONPATH': f'{ROOT}:{os.environ.get("PYTHONPATH", "")}',
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'SEEN': str(seen),
    }
    command = [sys.executable, '-c', LAUNCH, ROOT / 'launch' / 'monodepth.launch.py']
    subprocess.run(command, env=environment, check=True, timeout=60)
    return {n: v for n, v in json.loads(seen.read_text()).items() if n in names}


def test_the_node_starts_with_the_profile_under_both_names(install, tmp_path):
    profile = str(install / 'share' / 'monodepth_ros' / 'config' / 'fastdds.xml')
    assert Path(profile).is_file()
    assert _seen_by_the_node(install, tmp_path) == dict.fromkeys(PROFILE_VARIABLES, profile)


def test_the_users_choice_stays(install, tmp_path):
    chosen = {TRANSPORTS_VARIABLE: 'UDPv4'}
    assert _seen_by_the_node(install, tmp_path, **chosen) == chosen
