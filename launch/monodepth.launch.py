"""Start depth_node: `ros2 launch monodepth_ros monodepth.launch.py model:=... image:=...`."""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from monodepth_ros.dds_profile import profile_variables


def generate_launch_description() -> LaunchDescription:
    """Arguments and one node, which configures and activates itself (parameter autostart)."""
    params_file = PathJoinSubstitution(
        [FindPackageShare('monodepth_ros'), 'config', 'monodepth.yaml']
    )
    arguments = [
        DeclareLaunchArgument(
            'model',
            default_value='',
            description='model file (ONNX) made by `trainer export`; empty: as in params_file',
        ),
        DeclareLaunchArgument('image', default_value='image', description='image topic'),
        DeclareLaunchArgument(
            'camera_info', default_value='camera_info', description="the image's CameraInfo topic"
        ),
        DeclareLaunchArgument(
            'image_transport',
            default_value='',
            choices=['', 'raw', 'compressed'],
            description='compressed listens to <image>/compressed; empty: as in params_file',
        ),
        DeclareLaunchArgument('namespace', default_value='', description='of the node'),
        DeclareLaunchArgument(
            'params_file', default_value=params_file, description='YAML of the other parameters'
        ),
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_node)])


def _node(context: LaunchContext) -> list[LifecycleNode]:
    """What is not given as an argument stays as params_file has it."""
    values = {n: LaunchConfiguration(n).perform(context) for n in ('model', 'image_transport')}
    profile = Path(FindPackageShare('monodepth_ros').perform(context)) / 'config' / 'fastdds.xml'
    node = LifecycleNode(
        package='monodepth_ros',
        executable='depth_node',
        name='depth_node',
        namespace=LaunchConfiguration('namespace'),
        output='screen',
        additional_env=profile_variables(profile, context.environment),
        parameters=[
            LaunchConfiguration('params_file'),
            {n: ParameterValue(value, value_type=str) for n, value in values.items() if value},
        ],
        remappings=[
            ('image', LaunchConfiguration('image')),
            ('camera_info', LaunchConfiguration('camera_info')),
        ],
    )
    return [node]
