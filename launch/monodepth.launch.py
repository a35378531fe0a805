"""Start depth_node: `ros2 launch monodepth_ros monodepth.launch.py model:=... image:=...`."""

import os
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_prefix, PackageNotFoundError
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
from launch_ros.utilities import prefix_namespace

from monodepth_ros.common.paths import existing_path
from monodepth_ros.messages.image_topics import base_topic, COMPRESSED, info_beside
from monodepth_ros.parameter_rules import rules
from monodepth_ros.parameters import DEPTH_NODE, ROS_NAME, ROS_NAME_RULE
from monodepth_ros.ros.dds_profile import profile_variables

# Where the argument image is empty: the node's own name of the topic.
IMAGE = 'image'
YES_OR_NO = ['true', 'false']
LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal']
# Of the node: what is not given is left to params_file, SetParameter and the node's defaults.
PARAMETERS = (
    'model',
    'cameras',
    'image_transport',
    'camera_info_file',
    'backend',
    'precision',
    'autostart',
)
# Arguments of the only camera.
TOPICS = ('image', 'camera_info')
USE_SIM_TIME = 'use_sim_time'
# Packages by the arguments that want them.
NEEDS = {'rviz': 'rviz2', 'bag': 'ros2bag'}
RESPAWN_DELAY_S = 2.0


def generate_launch_description() -> LaunchDescription:
    """Arguments, a node that configures and activates itself, and what was asked for beside."""
    arguments = [
        _argument(
            'image',
            f'Topic of the only camera, raw or one that ends with {COMPRESSED}. If empty, '
            f'{IMAGE}; NAME/image_raw of `cameras` given here.',
        ),
        _argument('camera_info', 'Its CameraInfo topic. If empty, the one beside the image.'),
        *map(_parameter, PARAMETERS),
        _argument(
            USE_SIM_TIME,
            'The clock is /clock. If empty, true where a bag is played.',
            choices=['', *YES_OR_NO],
        ),
        _argument(
            'namespace', 'Of the node, / for the root; names without a leading / are in it.'
        ),
        _argument(
            'params_file',
            'All other parameters; config/monodepth.yaml lists them, with their defaults.',
        ),
        _argument('log_level', 'Of the node.', 'info', LOG_LEVELS),
        _argument('respawn', 'true starts the node again when it ended.', 'false', YES_OR_NO),
        _argument('bag', 'Recording to play beside it.'),
        _argument(
            'rviz',
            'true shows image, depth and points of the only camera, or of the first of `cameras` '
            'given here; those of params_file are not read.',
            'false',
            YES_OR_NO,
        ),
        _argument(
            'fixed_frame',
            "Of rviz: the frame_id of the camera's images, or any frame of a robot with TF. If "
            'empty, as in config/monodepth.rviz.',
        ),
    ]
    names = [argument.name for argument in arguments]
    return LaunchDescription([*arguments, OpaqueFunction(function=_actions, args=[names])])


def _argument(
    name: str, meaning: str, default: str = '', choices: list[str] | None = None
) -> DeclareLaunchArgument:
    return DeclareLaunchArgument(name, default_value=default, description=meaning, choices=choices)


def _parameter(name: str) -> DeclareLaunchArgument:
    kind = next(kind for kind in DEPTH_NODE if name in rules(kind))
    choices = YES_OR_NO if isinstance(getattr(kind, name), bool) else rules(kind)[name].choices
    return _argument(
        name,
        f'{rules(kind)[name].description} If empty, as in params_file.',
        choices=['', *choices] if choices else None,
    )


def _actions(context: LaunchContext, names: list[str]) -> list[Action]:
    given = {name: text for name in names if (text := LaunchConfiguration(name).perform(context))}
    _check(given)
    share = Path(FindPackageShare('monodepth_ros').perform(context))
    variables = profile_variables(share / 'config' / 'fastdds.xml', context.environment)
    if 'bag' in given:
        given.setdefault(USE_SIM_TIME, 'true')
    actions: list[Action] = [_node(given, variables)]
    if 'bag' in given:
        play = ['ros2', 'bag', 'play', given['bag'], '--clock']
        actions.append(ExecuteProcess(cmd=play, output='screen', additional_env=variables))
    if given['rviz'] == 'true':
        actions.append(_rviz(given, share, variables))
    return actions


def _check(given: dict[str, str]) -> None:
    """
    Refuse what cannot be before anything starts: launch does not end what runs by then.

    Paths are replaced by what existing_path makes of them.
    """
    for kind in DEPTH_NODE:
        values: dict[str, Any] = {
            name: _typed(given[name]) for name in rules(kind).keys() & given.keys()
        }
        kind(**values)
    _check_names(given)
    for name in {'params_file', 'bag'} & given.keys():
        given[name] = str(existing_path(given[name], f'argument {name}', 'name one that is there'))
    for name, package in NEEDS.items():
        if given.get(name, 'false') != 'false':
            _check_installed(package, name)


def _check_names(given: dict[str, str]) -> None:
    for name in ('namespace', *TOPICS):
        text = given.get(name, name)
        is_root = name == 'namespace' and text == '/'
        if not is_root and not ROS_NAME.fullmatch(text.removeprefix('/')):
            raise ValueError(f'{name} is {text!r}, expected {ROS_NAME_RULE}')
        if name in TOPICS and {name, 'cameras'} <= given.keys():
            raise ValueError(
                f'arguments {name} and cameras are both given, expected one of them; the topics '
                'of cameras are NAME/image_raw and NAME/camera_info'
            )


def _check_installed(package: str, argument: str) -> None:
    try:
        get_package_prefix(package)
    except PackageNotFoundError as error:
        name = f'ros-{os.environ.get("ROS_DISTRO", "DISTRO")}-{package}'
        raise RuntimeError(
            f'argument {argument} needs {package}, which is not installed; `sudo apt install '
            f'{name}`, or leave {argument} out'
        ) from error


def _typed(text: str) -> str | bool:
    return text == 'true' if text in YES_OR_NO else text


def _node(given: dict[str, str], variables: dict[str, str]) -> LifecycleNode:
    values = {name: _typed(given[name]) for name in (USE_SIM_TIME, *PARAMETERS) if name in given}
    parameters = {
        name: value if isinstance(value, bool) else ParameterValue(value, value_type=str)
        for name, value in values.items()
    }
    image = given.get('image', IMAGE)
    remappings = [
        ('image', image),
        ('camera_info', given.get('camera_info') or info_beside(image)),
        *((f'{name}/image', f'{name}/image_raw') for name in given.get('cameras', '').split()),
    ]
    return LifecycleNode(
        package='monodepth_ros',
        executable='depth_node',
        name='depth_node',
        namespace=given.get('namespace', ''),
        output='screen',
        parameters=[*filter(None, [given.get('params_file')]), parameters],
        remappings=remappings,
        additional_env=variables,
        arguments=['--ros-args', '--log-level', given['log_level']],
        respawn=given['respawn'] == 'true',
        respawn_delay=RESPAWN_DELAY_S,
    )


def _rviz(given: dict[str, str], share: Path, variables: dict[str, str]) -> Node:
    """Return rviz2, whose relative names are those of the only camera, or of the first one."""
    first = next(iter(given.get('cameras', '').split()), None)
    frame = ['-f', given['fixed_frame']] if 'fixed_frame' in given else []
    return Node(
        package='rviz2',
        executable='rviz2',
        namespace=prefix_namespace(given.get('namespace'), first),
        arguments=['-d', str(share / 'config' / 'monodepth.rviz'), *frame],
        parameters=[{name: _typed(given[name]) for name in (USE_SIM_TIME,) if name in given}],
        remappings=[('image', 'image_raw' if first else base_topic(given.get('image', IMAGE)))],
        additional_env=variables,
    )
