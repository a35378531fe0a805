"""Start depth_node: `ros2 launch monodepth_ros monodepth.launch.py model:=... image:=...`."""

from pathlib import Path

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from monodepth_ros.parameter_rules import rules
from monodepth_ros.parameters import DEPTH_NODE
from monodepth_ros.ros.dds_profile import profile_variables

YES_OR_NO = ['true', 'false']
# Of the node: what is not given stays as params_file has it.
PARAMETERS = (
    'model',
    'cameras',
    'image_transport',
    'camera_info_file',
    'backend',
    'precision',
    'autostart',
)
USE_SIM_TIME = 'use_sim_time'


def generate_launch_description() -> LaunchDescription:
    """Arguments, a node that configures and activates itself, and what was asked for beside."""
    share = Path(FindPackageShare('monodepth_ros').perform(LaunchContext()))
    arguments = [
        _argument(
            'image',
            'Topic of the only camera; of `cameras` given here it is /NAME/image_raw.',
            'image',
        ),
        _argument(
            'camera_info',
            'Its CameraInfo topic; of `cameras` given here it is /NAME/camera_info.',
            'camera_info',
        ),
        *map(_parameter, PARAMETERS),
        _argument(
            USE_SIM_TIME,
            'The clock is /clock. If empty, true where a bag is played.',
            choices=['', *YES_OR_NO],
        ),
        _argument('namespace', 'Of the node.'),
        _argument('params_file', 'All parameters.', str(share / 'config' / 'monodepth.yaml')),
        _argument('log_level', 'Of the node: debug, info, warn, error.', 'info'),
        _argument('bag', 'Recording to play beside it.'),
        _argument(
            'rviz',
            'true shows the first camera, depth and points; set the fixed frame there.',
            'false',
            choices=YES_OR_NO,
        ),
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_actions, args=[share])])


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


def _actions(context: LaunchContext, share: Path) -> list[Action]:
    given = {
        name: value
        for name in ('bag', 'rviz', USE_SIM_TIME, *PARAMETERS)
        if (value := LaunchConfiguration(name).perform(context))
    }
    bag, rviz = given.pop('bag', None), given.pop('rviz') == 'true'
    if bag is not None:
        given.setdefault(USE_SIM_TIME, 'true')
    variables = profile_variables(share / 'config' / 'fastdds.xml', context.environment)
    actions: list[Action] = [_node(given, variables)]
    if bag is not None:
        play = ['ros2', 'bag', 'play', bag, '--clock']
        actions.append(ExecuteProcess(cmd=play, output='screen', additional_env=variables))
    if rviz:
        namespace = LaunchConfiguration('namespace').perform(context)
        actions.append(_rviz(given, namespace, share, variables))
    return actions


def _node(given: dict[str, str], variables: dict[str, str]) -> LifecycleNode:
    parameters = {
        name: value == 'true' if value in YES_OR_NO else ParameterValue(value, value_type=str)
        for name, value in given.items()
    }
    remappings = [(name, LaunchConfiguration(name)) for name in ('image', 'camera_info')]
    for camera in given.get('cameras', '').split():
        remappings += [
            (f'{camera}/image', f'/{camera}/image_raw'),
            (f'{camera}/camera_info', f'/{camera}/camera_info'),
        ]
    return LifecycleNode(
        package='monodepth_ros',
        executable='depth_node',
        name='depth_node',
        namespace=LaunchConfiguration('namespace'),
        output='screen',
        parameters=[LaunchConfiguration('params_file'), parameters],
        remappings=remappings,
        additional_env=variables,
        arguments=['--ros-args', '--log-level', LaunchConfiguration('log_level')],
    )


def _rviz(given: dict[str, str], namespace: str, share: Path, variables: dict[str, str]) -> Node:
    """Where its relative names are those of the only camera, or of the first one."""
    first = next(iter(given.get('cameras', '').split()), '')
    return Node(
        package='rviz2',
        executable='rviz2',
        namespace='/'.join(part for part in (namespace, first) if part),
        arguments=['-d', str(share / 'config' / 'monodepth.rviz')],
        parameters=[{USE_SIM_TIME: given.get(USE_SIM_TIME) == 'true'}],
        remappings=[('image', f'/{first}/image_raw' if first else LaunchConfiguration('image'))],
        additional_env=variables,
    )
