"""What a node's program takes on its command line: --help, and what ROS understands."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
import sys

from rclpy.utilities import remove_ros_args

from monodepth_ros.parameter_rules import parameter_lines, Parameters

USAGES = {
    'depth_node': """\
ros2 launch monodepth_ros monodepth.launch.py
        model:=model.onnx image:=/camera/image_raw camera_info:=/camera/camera_info
       ros2 run monodepth_ros depth_node --ros-args -p model:=model.onnx
        -r image:=/camera/image_raw -r camera_info:=/camera/camera_info""",
    'collect_pairs': """\
ros2 run monodepth_ros collect_pairs --ros-args -p folder:=PAIRS
        -r left/image:=/stereo/left/image_raw -r left/camera_info:=/stereo/left/camera_info
        -r right/image:=/stereo/right/image_raw -r right/camera_info:=/stereo/right/camera_info""",
}
EPILOG = """\
Behind --ros-args, -p NAME:=VALUE sets a parameter and --params-file FILE many of them;
-r NAME:=TOPIC is for topics, -r __ns:=/robot for the namespace; --log-level debug says more.

Parameters and their defaults, as a file has them; those marked * can be changed while it runs:"""


def check_arguments(
    program: str, args: list[str] | None, kinds: tuple[type[Parameters], ...]
) -> None:
    """
    Print the usage for --help and for arguments that nobody would read, and exit with 0 or 2.

    program: of USAGES. args: None for those of this process. kinds: the node's parameters.
    """
    parser = ArgumentParser(
        prog=program,
        usage=USAGES[program],
        epilog='\n'.join([EPILOG, *parameter_lines(kinds)]),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    try:
        # It reads the files of parameters as well.
        others = remove_ros_args(sys.argv[1:] if args is None else args)
    # An RCLError is one, and rclpy's UnknownROSArgsError.
    except RuntimeError as error:
        text, _, _ = str(error).partition(', at /')  # where in rcl's source
        parser.error(f'ROS does not understand its arguments: {text}')
    parser.parse_args(others)
