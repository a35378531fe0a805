"""
`python -m monodepth_ros.build_engine MODEL.onnx`: build the TensorRT engine before the robot runs.

Without the engine the node builds it at start, which takes minutes. --list and --clear show and
remove the cached engines.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import signal
import sys
import time
from types import FrameType

from monodepth_ros.common.errors import one_line
from monodepth_ros.common.paths import resolve_paths
from monodepth_ros.common.progress import bar, StatusLine
from monodepth_ros.core.model_spec import check_size
from monodepth_ros.inference.backend import Backend
from monodepth_ros.inference.model_file import ModelFile
from monodepth_ros.inference.self_test import check_self_test
from monodepth_ros.inference.tensorrt.build_options import BuildOptions
from monodepth_ros.inference.tensorrt.engine_cache import default_folder, EngineCache
from monodepth_ros.inference.tensorrt.engine_key import EngineNote

PROGRAM = 'build_engine'
# Help of the fields of BuildOptions, which has their defaults.
BUILD_OPTIONS = {
    'workspace_mb': 'GPU memory that one layer may use',
    'optimisation_level': '0 to 5; a higher level searches longer for a faster engine',
}
STOPPING = (signal.SIGINT, signal.SIGTERM)
# Shells add this to a signal's number in the exit status of a command that the signal ended.
SIGNALLED = 128
BYTES_PER_MB = 1e6


def main(args: list[str] | None = None) -> int:
    """Run the command; print errors on one line and return 1."""
    parser = _parser()
    options = parser.parse_args(args)
    if (options.model is not None) + options.list + options.clear != 1:
        parser.error('expected MODEL, --list or --clear')
    try:
        resolve_paths(options)
        with _stoppable():
            print(_run(options))
    except KeyboardInterrupt as stop:
        return _end('stopped; the unfinished engine was removed', SIGNALLED + stop.args[0])
    # CUDA raises RuntimeError.
    except (ValueError, OSError, RuntimeError) as error:
        return _end(one_line(error))
    return 0


def _end(text: str, status: int = 1) -> int:
    print(f'{PROGRAM}: {text}', file=sys.stderr)
    return status


@contextmanager
def _stoppable() -> Iterator[None]:
    """Turn a signal of STOPPING into a KeyboardInterrupt of its number; a second signal kills."""

    def stop(number: int, _: FrameType | None) -> None:
        # TensorRT stops only at some points; a second signal ends the process at once.
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, stop) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(options: argparse.Namespace) -> str:
    folder = options.cache or default_folder()
    cache = EngineCache(folder, force=options.force)
    if options.list:
        return '\n'.join([*map(_line, cache.entries()), f'engines are in {folder}'])
    if options.clear:
        return f'engines removed from {folder}: {cache.clear()}'
    return _build(options, cache)


def _line(note: EngineNote) -> str:
    key = note.key
    choices = ', '.join(f'{name} {value}' for name, value in key.options.items())
    return (
        f'{note.title} {key.width}x{key.height}, {key.library} {key.library_version}, {key.gpu} '
        f'({key.compute_capability}), {choices}: {note.size_bytes / BYTES_PER_MB:.1f} MB, built '
        f'{note.built} in {note.build_s:.0f} s'
    )


def _build(options: argparse.Namespace, cache: EngineCache) -> str:
    model = ModelFile(options.model)
    camera = model.spec.camera
    size = {
        'width': camera.width if options.width is None else options.width,
        'height': camera.height if options.height is None else options.height,
    }
    check_size(**size, stride=model.spec.stride)
    start_s = time.monotonic()
    status = StatusLine(PROGRAM, sys.stderr)
    try:
        with _opened(model, cache, options, status) as backend:
            # The self-test needs the model's own size, which the node loads first too.
            check_self_test(backend, str(model.path))
            backend.resize(**size)
    finally:
        status.clear()
    return (
        f'{model.path} runs at {size["width"]}x{size["height"]} and passes its self-test; the '
        f'engine is in {cache.folder} ({time.monotonic() - start_s:.0f} s)'
    )


def _opened(
    model: ModelFile, cache: EngineCache, options: argparse.Namespace, status: StatusLine
) -> Backend:
    try:
        from monodepth_ros.inference.tensorrt.engine import open_tensorrt
    # An incomplete installation raises more than ImportError.
    except Exception as error:
        raise ValueError(
            f'no CUDA for Python ({one_line(error)}); `python3 -m pip install cuda-bindings`'
        ) from error
    given = {
        name: value for name in BUILD_OPTIONS if (value := getattr(options, name)) is not None
    }
    start_s = time.monotonic()

    def progress(phase: str, fraction: float) -> None:
        minutes, seconds = divmod(int(time.monotonic() - start_s), 60)
        status.show(lambda: f'{bar(fraction)} {fraction:.0%} {minutes}:{seconds:02} {phase}')

    return open_tensorrt(
        model,
        cache,
        options=BuildOptions(timing_cache=cache.timing_file, **given),
        device=options.device,
        log=status.log,
        progress=progress,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f'python -m monodepth_ros.{PROGRAM}',
        description='Build the TensorRT engine of a model for this GPU, and test it.',
        allow_abbrev=False,
    )
    add = parser.add_argument
    add('model', type=Path, nargs='?', help='the .onnx file of `python -m trainer export`')
    add('--list', action='store_true', help='show the cached engines')
    add('--clear', action='store_true', help='remove all cached engines')
    add('--force', action='store_true', help='build even if a valid engine is cached')
    for side in ('width', 'height'):
        add(f'--{side}', type=int, help=f'input {side} in px; default: that of the model')
    add('--device', type=int, default=0, help='number of the GPU; default: 0')
    add(
        '--cache',
        type=Path,
        metavar='DIR',
        help='folder of engines; default: ~/.cache/monodepth_ros/engines',
    )
    group = parser.add_argument_group(
        'building', 'Another value makes another engine: set the same parameters for the node.'
    )
    for name, description in BUILD_OPTIONS.items():
        group.add_argument(f'--{name.replace("_", "-")}', type=int, help=description)
    return parser


if __name__ == '__main__':
    sys.exit(main())
