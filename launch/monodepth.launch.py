"""Start depth_node: `ros2 launch monodepth_ros monodepth.launch.py model:=... image:=...`."""

from launch.actions import DeclareLaunchArgument
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Arguments and one node, which configures and activates itself (parameter autostart)."""
    params_file = PathJoinSubstitution(
        [FindPackageShare('monodepth_ros'), 'config', 'monodepth.yaml']
    )
    arguments = [
        DeclareLaunchArgument('model', description='model file (ONNX) made by `trainer export`'),
        DeclareLaunchArgument('image', default_value='image', description='image topic'),
        DeclareLaunchArgument(
            'camera_info', default_value='camera_info', description="the image's CameraInfo topic"
        ),
        DeclareLaunchArgument(
            'image_transport',
            default_value='raw',
            choices=['raw', 'compressed'],
            description='compressed listens to <image>/compressed',
        ),
        DeclareLaunchArgument('namespace', default_value='', description='of the node'),
        DeclareLaunchArgument(
            'params_file', default_value=params_file, description='YAML of the other parameters'
        ),
    ]
    model, transport = LaunchConfiguration('model'), LaunchConfiguration('image_transport')
    node = LifecycleNode(
        package='monodepth_ros',
        executable='depth_node',
        name='depth_node',
        namespace=LaunchConfiguration('namespace'),
        output='screen',
        parameters=[
            LaunchConfiguration('params_file'),
            {
                'model': ParameterValue(model, value_type=str),
                'image_transport': ParameterValue(transport, value_type=str),
            },
        ],
        remappings=[
            ('image', LaunchConfiguration('image')),
            ('camera_info', LaunchConfiguration('camera_info')),
        ],
    )
    return LaunchDescription([*arguments, node])
