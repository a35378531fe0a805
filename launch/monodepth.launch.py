"""Start depth_node: `ros2 launch monodepth_ros monodepth.launch.py model:=... image:=...`."""

from pathlib import Path

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from monodepth_ros.dds_profile import profile_variables

AS_FILE = 'empty: as in params_file'
YES_OR_NO = ['true', 'false']
# Of the node: name, choices, meaning. What is not given stays as params_file has it.
PARAMETERS = (
    ('model', None, 'model file (ONNX) made by `trainer export`'),
    ('cameras', None, 'names of cameras, with blanks between: each has /NAME/image_raw, ...'),
    ('image_transport', ['', 'raw', 'compressed'], 'compressed listens to <image>/compressed'),
    ('camera_info_file', None, 'calibration (YAML) of a camera whose driver publishes none'),
    ('backend', ['', 'auto', 'tensorrt', 'openvino', 'onnxruntime'], 'what computes'),
    ('precision', ['', 'model', 'bf16'], 'its arithmetic'),
    ('autostart', ['', *YES_OR_NO], 'false leaves the life cycle to a manager'),
    ('use_sim_time', ['', *YES_OR_NO], 'the clock is /clock; true where a bag is played'),
)


def generate_launch_description() -> LaunchDescription:
    """Arguments, a node that configures and activates itself, and what was asked for beside."""
    share = Path(FindPackageShare('monodepth_ros').perform(LaunchContext()))
    arguments = [
        _argument('image', 'image topic, of one camera without a name', 'image'),
        _argument('camera_info', "the image's CameraInfo topic", 'camera_info'),
        *(
            _argument(name, f'{meaning}; {AS_FILE}', choices=choices)
            for name, choices, meaning in PARAMETERS
        ),
        _argument('namespace', 'of the node'),
        _argument('params_file', 'all parameters', str(share / 'config' / 'monodepth.yaml')),
        _argument('log_level', 'of the node: debug, info, warn, error', 'info'),
        _argument('bag', 'recording to play beside it'),
        _argument('rviz', 'true shows image, depth and points', 'false', choices=YES_OR_NO),
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_actions, args=[share])])


def _argument(
    name: str, meaning: str, default: str = '', choices: list[str] | None = None
) -> DeclareLaunchArgument:
    return DeclareLaunchArgument(name, default_value=default, description=meaning, choices=choices)


def _actions(context: LaunchContext, share: Path) -> list[Action]:
    given = {
        name: value
        for name in ('bag', 'rviz', *(parameter[0] for parameter in PARAMETERS))
        if (value := LaunchConfiguration(name).perform(context))
    }
    bag, rviz = given.pop('bag', None), given.pop('rviz') == 'true'
    if bag is not None:
        given.setdefault('use_sim_time', 'true')
    variables = profile_variables(share / 'config' / 'fastdds.xml', context.environment)
    actions: list[Action] = [_node(given, variables)]
    if bag is not None:
        play = ['ros2', 'bag', 'play', bag, '--clock']
        actions.append(ExecuteProcess(cmd=play, output='screen', additional_env=variables))
    if rviz:
        layout = str(share / 'config' / 'monodepth.rviz')
        actions.append(
            Node(
                package='rviz2',
                executable='rviz2',
                arguments=['-d', layout],
                additional_env=variables,
            )
        )
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
