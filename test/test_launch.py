"""The launch file, where ROS' launch is installed: it is in no package index."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
from pathlib import Path
import subprocess
import sys

import pytest
import yaml

from monodepth_ros.ros.dds_profile import PROFILE_VARIABLES, TRANSPORTS_VARIABLE

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec('launch_ros') is None, reason='needs launch_ros, of a sourced ROS'
)
ROOT = Path(__file__).parents[1]
# Takes a program's place: writes what it was started with where the test finds it.
STAND_IN = """#!/usr/bin/env python3
import json, os, pathlib, sys
started = {'arguments': sys.argv[1:], 'environment': dict(os.environ)}
path = pathlib.Path(os.environ['SEEN']) / pathlib.Path(sys.argv[0]).name
path.write_text(json.dumps(started))
"""
LAUNCH = """
import sys
from launch import LaunchService
from launch.actions import IncludeLaunchDescription
file, *arguments = sys.argv[1:]
given = [argument.split(':=', 1) for argument in arguments]
service = LaunchService()
service.include_launch_description(IncludeLaunchDescription(file, launch_arguments=given))
sys.exit(service.run())
"""
DDS_VARIABLES = {*PROFILE_VARIABLES, TRANSPORTS_VARIABLE}


@pytest.fixture
def install(tmp_path):
    """Installed packages, as far as launch looks at them."""
    prefix = tmp_path / 'install'
    index = prefix / 'share/ament_index/resource_index/packages'
    index.mkdir(parents=True)
    for program in 'lib/monodepth_ros/depth_node', 'lib/rviz2/rviz2', 'bin/ros2':
        path = prefix / program
        path.parent.mkdir(parents=True)
        path.write_text(STAND_IN)
        path.chmod(0o755)
    for package in 'monodepth_ros', 'ros2bag', 'rviz2':
        (index / package).touch()
    share = prefix / 'share' / 'monodepth_ros'
    share.mkdir()
    (share / 'config').symlink_to(ROOT / 'config')
    return prefix


@pytest.fixture
def launch(install, tmp_path, monkeypatch):
    """
    What was started, by program, when launch is given arguments and environment variables.

    refused: words that launch says instead, after which nothing may have been started.
    """
    seen = tmp_path / 'seen'
    seen.mkdir()
    (tmp_path / 'drive').mkdir()
    monkeypatch.chdir(tmp_path)

    def _launch(*arguments, refused='', **chosen):
        environment = {n: v for n, v in os.environ.items() if n not in DDS_VARIABLES}
        environment |= chosen | {
            'AMENT_PREFIX_PATH': str(install),
            'PATH': f'{install / "bin"}:{os.environ["PATH"]}',
            'PYTHONPATH': f'{ROOT}:{os.environ.get("PYTHONPATH", "")}',
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'SEEN': str(seen),
        }
        file = ROOT / 'launch' / 'monodepth.launch.py'
        command = [sys.executable, '-c', LAUNCH, file, *arguments]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        said = run.stdout + run.stderr
        assert run.returncode == bool(refused), said
        assert refused in said
        return {path.name: json.loads(path.read_text()) for path in seen.iterdir()}

    return _launch


def _dds_variables(started):
    return {n: v for n, v in started['environment'].items() if n in DDS_VARIABLES}


def _node_given(started):
    """Its remappings, and its parameters: of all its parameter files, the last one wins."""
    arguments = started['arguments']
    remapped = [a for flag, a in itertools.pairwise(arguments) if flag == '-r']
    files = [a for flag, a in itertools.pairwise(arguments) if flag == '--params-file']
    parameters = {}
    for file in files:
        for content in yaml.safe_load(Path(file).read_text()).values():
            parameters |= content['ros__parameters']
    return remapped, parameters


def test_all_start_with_the_profile_under_both_names(install, launch):
    profile = str(install / 'share' / 'monodepth_ros' / 'config' / 'fastdds.xml')
    assert Path(profile).is_file()
    started = launch('bag:=drive', 'rviz:=true')
    assert started.keys() == {'depth_node', 'ros2', 'rviz2'}
    for program in started.values():
        assert _dds_variables(program) == dict.fromkeys(PROFILE_VARIABLES, profile)


def test_the_users_choice_stays(launch):
    chosen = {TRANSPORTS_VARIABLE: 'UDPv4'}
    started = launch(**chosen)
    assert started.keys() == {'depth_node'}
    assert _dds_variables(started['depth_node']) == chosen


def test_a_bag_is_played_with_its_clock_and_rviz_shows_our_layout(install, launch):
    started = launch('bag:=drive', 'rviz:=true')
    assert started['ros2']['arguments'] == ['bag', 'play', 'drive', '--clock']
    layout = str(install / 'share' / 'monodepth_ros' / 'config' / 'monodepth.rviz')
    assert Path(layout).is_file()
    assert started['rviz2']['arguments'][:2] == ['-d', layout]
    assert _node_given(started['rviz2'])[1] == {'use_sim_time': True}


@pytest.mark.parametrize(
    ('arguments', 'remapped'),
    [
        (['image:=/cam/image_raw'], {'image:=/cam/image_raw'}),
        (['image:=/cam/image_raw/compressed'], {'image:=/cam/image_raw'}),
        (['namespace:=robot', 'cameras:=front rear'],
         {'image:=image_raw', '__ns:=/robot/front'}),
        (['namespace:=/', 'cameras:=front'], {'image:=image_raw', '__ns:=/front'}),
        (['image:='], {'image:=image'}),
    ],
)  # fmt: skip
def test_rviz_finds_the_topics_of_the_first_camera(launch, arguments, remapped):
    assert remapped <= set(_node_given(launch('rviz:=true', *arguments)['rviz2'])[0])


@pytest.mark.parametrize(
    ('arguments', 'remapped', 'parameters'),
    [
        (
            ['model:=m.onnx', 'image:=/cam/image_raw'],
            ['image:=/cam/image_raw', 'camera_info:=/cam/camera_info'],
            {'model': 'm.onnx'},
        ),
        (['image:='], ['image:=image', 'camera_info:=camera_info'], {}),
        (['namespace:=/'], ['__ns:=/', 'image:=image'], {}),
        (['camera_info:=/calibration'], ['image:=image', 'camera_info:=/calibration'], {}),
        (['namespace:=robot'], ['__ns:=/robot', 'image:=image', 'camera_info:=camera_info'], {}),
        (
            ['cameras:=front rear', 'autostart:=false', 'bag:=drive'],
            ['front/image:=front/image_raw', 'rear/image:=rear/image_raw'],
            {'cameras': 'front rear', 'autostart': False, 'use_sim_time': True},
        ),
        (['bag:=drive', 'use_sim_time:=false'], [], {'use_sim_time': False}),
        (
            ['params_file:=drive/own.yaml', 'backend:=openvino'],
            [],
            {'backend': 'openvino', 'points_stride': 7},
        ),
    ],
)
def test_the_node_is_given_what_launch_is(launch, tmp_path, arguments, remapped, parameters):
    own = {'/**': {'ros__parameters': {'backend': 'onnxruntime', 'points_stride': 7}}}
    (tmp_path / 'drive' / 'own.yaml').write_text(yaml.safe_dump(own))
    given = _node_given(launch(*arguments)['depth_node'])
    assert set(remapped) <= set(given[0])
    assert given[1] == parameters


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['cameras:=front rear-left'], "parameter cameras names 'rear-left', expected letters"),
        (['image:=/my-cam/image'], "image is '/my-cam/image', expected letters"),
        (['image:=/cam/2d/image'], 'each part begins with a letter or _'),
        (['image:=/cam/image/'], 'no / is at the end'),
        (['image:=/'], "image is '/', expected letters"),
        (['cameras:=front', 'image:=/cam/image_raw'], 'image and cameras are both given'),
        (['cameras:=front', 'camera_info:=/calibration'], 'camera_info and cameras are both'),
        (['namespace:=robot-1'], "namespace is 'robot-1', expected letters"),
        (['log_level:=loud'], "Valid options are: ['debug', 'info'"),
        (['params_file:=none.yaml'], 'argument params_file none.yaml not found'),
        (['bag:=none'], 'argument bag none not found'),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(launch, arguments, words):
    assert launch('rviz:=true', *arguments, refused=words) == {}


def test_without_rviz_nothing_is_started(install, launch):
    (install / 'share/ament_index/resource_index/packages/rviz2').unlink()
    words = 'needs rviz2, which is not installed; `sudo apt install ros-some-rviz2`'
    assert launch('rviz:=true', refused=words, ROS_DISTRO='some') == {}


def test_rviz_is_told_the_fixed_frame(launch):
    started = launch('rviz:=true', 'fixed_frame:=base_link')
    assert started['rviz2']['arguments'][2:4] == ['-f', 'base_link']
