"""The package as a ROS workspace builds and tests it."""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = Path(__file__).parents[1]


def _colcon(folder: Path, *arguments: str) -> str:
    colcon = Path(sys.executable).with_name('colcon')
    result = subprocess.run(
        [colcon, *arguments],
        cwd=folder,
        env=os.environ | {'PATH': f'{colcon.parent}:{os.environ["PATH"]}'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
def test_colcon_builds_and_installs_what_ros_looks_for(tmp_path):
    package = ('--base-paths', str(ROOT), '--packages-select', 'monodepth_ros')
    _colcon(tmp_path, 'build', *package)
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
    # Not all tests once more: that colcon finds pytest, the tests, and the package that it built.
    _colcon(tmp_path, 'test', *package, '--pytest-args', 'test/test_parameters.py')
    assert ' 0 errors, 0 failures, 0 skipped' in _colcon(tmp_path, 'test-result', '--all')


@pytest.mark.slow
def test_a_wheel_has_the_programs_where_ros2_run_looks(tmp_path):
    # A copy: pip leaves what it builds beside the sources.
    source = tmp_path / 'source'
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns('.*', 'build', 'out'))
    options = ('--no-deps', '--no-build-isolation', '--disable-pip-version-check')
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', *options, '-w', tmp_path, source],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob('*.whl')
    with zipfile.ZipFile(wheel) as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    for program in ('build_engine', 'collect_pairs', 'depth_node', 'replay'):
        (name,) = (n for n in modes if n.endswith(f'.data/data/lib/monodepth_ros/{program}'))
        assert modes[name] & 0o111 == 0o111, 'not executable'
