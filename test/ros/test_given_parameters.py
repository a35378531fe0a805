"""What a node is given at start: names that it does not have, values that cannot be."""

from __future__ import annotations

import re

import pytest
import rclpy
from rclpy.node import Node

from monodepth_ros.parameters import CollectParams, DEPTH_NODE, OutputParams
from monodepth_ros.ros.live_parameters import LiveParameters, read_once


@pytest.fixture
def declared(domain, capfd):
    """Declares parameters on a node that is given arguments; returns the values and the log."""
    rclpy.init()

    def declare(*given, kinds=DEPTH_NODE):
        arguments = ['--ros-args', *given]
        node = Node('camera_node', cli_args=arguments, use_global_arguments=False)
        try:
            live = LiveParameters(node, kinds, may_change_all=lambda: True, on_change=print)
            return [live[kind] for kind in kinds], capfd.readouterr().err
        finally:
            node.destroy_node()

    yield declare
    rclpy.try_shutdown()


def test_a_name_that_nobody_has_is_named_with_the_nearest_one(declared):
    (params,), log = declared('-p', 'max_deph_m:=20', '-p', 'zoom:=3', kinds=(OutputParams,))
    assert params == OutputParams()
    first, second = log.splitlines()
    assert (
        'camera_node has no parameter max_deph_m, so it is ignored; did you mean max_de' in first
    )
    assert first.startswith('[WARN]')
    assert 'camera_node has no parameter zoom, so it is ignored; --help lists them' in second


def test_of_a_file_shared_with_others_only_what_reaches_this_node_is_named(declared, tmp_path):
    file = tmp_path / 'robot.yaml'
    file.write_text(
        '/**:\n  ros__parameters: {use_sim_time: true, max_depth_m: 20, exposure: {auto: 1}}\n'
        '/driver:\n  ros__parameters: {gain: 3}\n'
    )
    (params,), log = declared('--params-file', str(file), kinds=(OutputParams,))
    assert params == OutputParams(max_depth_m=20.0)
    assert re.findall('no parameter (.*), so', log) == ['exposure.auto']


def test_nothing_is_said_of_what_is_ours_or_of_ros(declared):
    given = {
        'max_depth_m': '20',
        'use_sim_time': 'true',
        'start_type_description_service': 'false',
        'qos_overrides./image.subscription.depth': '2',
    }
    _, log = declared(*(part for n, v in given.items() for part in ('-p', f'{n}:={v}')))
    assert log == ''


@pytest.mark.parametrize(
    ('given', 'words'),
    [
        ('model:=5', 'model is 5, expected text'),
        ('points_color:=1', 'points_color is 1, expected true or false'),
        ('points_stride:=2.5', 'points_stride is 2.5, expected a whole number'),
        ('device:=true', 'device is True, expected a whole number'),
        ('max_depth_m:=far', "max_depth_m is 'far', expected a number"),
        ('points_stride:=0', 'points_stride is 0, expected >= 1'),
        ('min_confidence:=1.5', 'min_confidence is 1.5, expected <= 1'),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_is_expected(declared, given, words):
    with pytest.raises(ValueError, match=f'^parameter {words}$'):
        declared('-p', given)


def test_what_never_changes_is_checked_alike(domain, capfd):
    rclpy.init()
    node = Node(
        'collector',
        cli_args=['--ros-args', '-p', 'folder:=pairs', '-p', 'quota:=3'],
        use_global_arguments=False,
    )
    assert read_once(node, CollectParams) == CollectParams('pairs')
    assert 'no parameter quota, so it is ignored; did you mean quota_gb?' in capfd.readouterr().err
    node.destroy_node()
    rclpy.try_shutdown()
