"""The package as a ROS workspace builds it."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_colcon_builds_and_installs_what_ros_looks_for(tmp_path):
    colcon = Path(sys.executable).with_name('colcon')
    result = subprocess.run(
        [colcon, 'build', '--base-paths', ROOT, '--packages-select', 'monodepth_ros'],
        cwd=tmp_path,
        env=os.environ | {'PATH': f'{colcon.parent}:{os.environ["PATH"]}'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    prefix = tmp_path / 'install' / 'monodepth_ros'
    share = prefix / 'share' / 'monodepth_ros'
    for program in ('build_engine', 'collect_pairs', 'depth_node', 'replay'):
        assert os.access(prefix / 'lib' / 'monodepth_ros' / program, os.X_OK)
    assert (prefix / 'share/ament_index/resource_index/packages/monodepth_ros').is_file()
    assert (share / 'package.xml').is_file()
    assert (share / 'launch' / 'monodepth.launch.py').is_file()
    for name in ('fastdds.xml', 'foxglove.json', 'monodepth.rviz', 'monodepth.yaml'):
        assert (share / 'config' / name).is_file()
    # An ament package, not a plain Python one: ROS finds it through this hook.
    assert list(share.glob('hook/ament_prefix_path.*'))
    assert list(prefix.glob('lib/python3*/site-packages/monodepth_ros/core/canonical.py'))
