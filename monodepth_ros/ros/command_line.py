"""Command lines of the nodes: --help, and the arguments of ROS."""

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
After --ros-args, -p NAME:=VALUE sets a parameter and --params-file FILE many of them;
-r NAME:=TOPIC sets a topic, -r __ns:=/robot the namespace; --log-level debug logs more.

Parameters and defaults, as in a parameter file; those marked * can be changed while it runs:"""


def check_arguments(
    program: str, args: list[str] | None, kinds: tuple[type[Parameters], ...]
) -> None:
    """
    Print the usage and exit: with 0 for --help, with 2 for arguments that no one would read.

    program: a key of USAGES.
    args: arguments; None for those of this process.
    kinds: the node's parameters.
    """
    parser = ArgumentParser(
        prog=program,
        usage=USAGES[program],
        epilog='\n'.join([EPILOG, *parameter_lines(kinds)]),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    try:
        # remove_ros_args reads the parameter files too.
        others = remove_ros_args(sys.argv[1:] if args is None else args)
    # RCLError and rclpy's UnknownROSArgsError are RuntimeErrors.
    except RuntimeError as error:
        text, _, _ = str(error).partition(', at /')  # removes the place in rcl's source
        parser.error(f'ROS does not understand its arguments: {text}')
    parser.parse_args(others)
