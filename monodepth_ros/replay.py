"""
`python -m monodepth_ros.replay SOURCE --model model.onnx -o OUT`: depth without a ROS graph.

SOURCE is a rosbag2, or with --camera-info an image, a folder of images or a video. The recording
OUT holds what depth_node would publish for every frame, computed as fast as the machine allows.
"""

from __future__ import annotations

import argparse
from functools import partial
import json
from pathlib import Path
import sys
from typing import Any

from monodepth_ros.common.errors import one_line
from monodepth_ros.common.paths import resolve_paths
from monodepth_ros.messages.topics import ALIGNED, COLORED, DEPTH, INFO, OUTPUTS, POINTS
from monodepth_ros.parameter_rules import read_parameters, Rule
from monodepth_ros.parameters import BackendParams, OutputParams, RECTIFIED

# Depth, and the topics that config/foxglove.json shows.
DEFAULT_TOPICS = (DEPTH, COLORED, ALIGNED, POINTS)
# Exit status that shells report for a command ended by Ctrl-C.
INTERRUPTED = 130
# Packages whose name in the package index differs from the module's.
PACKAGES = {'yaml': 'pyyaml', 'apsw': "'rosbags>=0.11.9'"}


def main(args: list[str] | None = None) -> int:
    """Run the command; print errors on one line and return 1."""
    options = _parser().parse_args(args)
    try:
        resolve_paths(options)
        print(f'{options.output}: {_replay(options)}')
    except KeyboardInterrupt:
        return _end('stopped; the unfinished recording was removed', INTERRUPTED)
    except ModuleNotFoundError as error:
        module = str(error.name).partition('.')[0]
        package = PACKAGES.get(module, module)
        return _end(f'{module} is not installed; `python3 -m pip install {package}`')
    except (ValueError, OSError) as error:
        return _end(one_line(error))
    return 0


def _end(text: str, status: int = 1) -> int:
    print(f'replay: {text}', file=sys.stderr)
    return status


def _replay(options: argparse.Namespace) -> str:
    backend_params = read_parameters(BackendParams, lambda name, *_: getattr(options, name))
    params = read_parameters(OutputParams, lambda name, *_: getattr(options, name))
    # Imported late, because a robot may lack rosbags, and main says how to install it.
    from monodepth_ros.pipeline.depth_bag import write_depth_bag
    from monodepth_ros.storage.frames import open_source

    with open_source(
        options.source,
        image=options.image,
        info=options.info,
        calibration=options.camera_info,
        rectified=options.rectified,
    ) as source:
        return write_depth_bag(
            options.output,
            source,
            options.model,
            backend_params,
            params,
            topics=options.topics,
            keep=options.keep,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m monodepth_ros.replay',
        description='Write the depth of a recording, images or a video to a new recording.',
        allow_abbrev=False,
    )
    add = parser.add_argument
    add('source', type=Path, help='rosbag2 folder or file; an image, a folder of them, a video')
    add('--model', type=Path, required=True, help='the .onnx file of `python -m trainer export`')
    add('-o', '--output', type=Path, required=True, help='new recording (mcap)')
    add('--image', help='image topic; default: the only camera, or the left one of a stereo pair')
    add(
        '--info',
        metavar='TOPIC',
        help='camera_info topic of these images; default: the one beside them, or the only one '
        'with their frame_id and size',
    )
    add(
        '--camera-info',
        type=Path,
        metavar='FILE',
        help='camera_info YAML file instead of a camera_info topic; images and videos need it',
    )
    add('--rectified', action='store_true', help=RECTIFIED)
    add('--keep', action='store_true', help='also copy all topics of the recording')
    names = [topic for topic in OUTPUTS if topic != INFO]
    add(
        '--topics',
        nargs='+',
        choices=names,
        default=DEFAULT_TOPICS,
        metavar='TOPIC',
        help=f'topics to write besides {INFO}: any of {", ".join(names)}; default: '
        f'{" ".join(DEFAULT_TOPICS)}',
    )
    group = parser.add_argument_group('parameters', 'As in depth_node.')
    for kind in (BackendParams, OutputParams):
        read_parameters(kind, partial(_add_parameter, group))
    return parser


def _add_parameter(group: Any, name: str, default: Any, rule: Rule) -> Any:
    """Add an option for a parameter and return the default, as read_parameters expects."""
    group.add_argument(
        f'--{name.replace("_", "-")}',
        type=_boolean if isinstance(default, bool) else type(default),
        default=default,
        metavar='true|false' if isinstance(default, bool) else type(default).__name__.upper(),
        help=f'{rule.description} Default: {json.dumps(default)}.'.replace('%', '%%'),
    )
    return default


def _boolean(text: str) -> bool:
    if text not in ('true', 'false'):
        raise argparse.ArgumentTypeError(f'got {text!r}, expected true or false')
    return text == 'true'


if __name__ == '__main__':
    sys.exit(main())
