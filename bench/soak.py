"""
`python -m bench.soak --minutes N`: resources of a node after hours, and after many lifecycles.

A camera of 1280x720 publishes at 10 Hz, the node runs a model that computes almost nothing, and a
listener subscribes to depth and cloud. After the warm-up, the resources that the node holds in the
last third of the time are compared with those in the first third. Then another node is
configured, activated, deactivated and cleaned up repeatedly.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
from pathlib import Path
import re
import signal
from statistics import median
import subprocess
import sys
from tempfile import TemporaryDirectory
import time
from typing import NamedTuple

from bench.constant_model import write_constant_model
from bench.processes import environment, running_module
from bench.report import report, Target
from bench.transport_ends import RATE_HZ
from demo.processes import PROFILE
from monodepth_ros.messages.topics import DEPTH, POINTS
from monodepth_ros.ros.dds_profile import profile_variables

SAMPLE_S = 2.0
DRAIN_S = 3.0
MAX_MB = 4.0


class Holding(NamedTuple):
    """The resources that a process holds; segments are files of shared memory."""

    resident_mb: float
    files: int
    threads: int
    segments: int


def main() -> int:
    """Run the command line; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--minutes', type=float, default=30.0)
    parser.add_argument('--warm-up-minutes', type=float, default=3.0)
    parser.add_argument('--cycles', type=int, default=200)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        model = write_constant_model(Path(folder) / 'constant.onnx')
        frames = round(60 * RATE_HZ * (options.minutes + options.warm_up_minutes))
        fractions, steady = _soak(model, frames)
        cycled = _cycle(model, options.cycles)
    steady = steady[round(60 * options.warm_up_minutes / SAMPLE_S) :]
    # Leave out the first lifecycles, which load libraries and fill caches.
    cycled = cycled[len(cycled) // 10 :]
    growth = {'running': _growth(steady), f'{options.cycles} lives': _growth(cycled)}
    return report(
        'soak',
        columns=('growth', *Holding._fields),
        rows=[[name, *(f'{value:+.1f}' for value in held)] for name, held in growth.items()],
        targets=[*_growth_targets(growth), *_loss_targets(fractions, frames)],
        details={
            'minutes': options.minutes,
            'frames': frames,
            'running': [sample._asdict() for sample in steady],
            'lives': [sample._asdict() for sample in cycled],
        },
    )


def _soak(model: Path, frames: int) -> tuple[dict[str, float], list[Holding]]:
    """Return the fraction of frames published on each topic, and samples of the resources."""
    processes = environment() | profile_variables(PROFILE, {})
    camera = ['bench.transport_ends', 'camera', '--frames', str(frames)]
    listener = ['bench.transport_ends', 'listener']
    with (
        running_module(_node(model, 'points_stride:=1'), processes) as node,
        running_module(listener, processes, stdout=subprocess.PIPE, text=True) as listening,
    ):
        assert listening.stdout is not None
        if listening.stdout.readline() != 'matched\n':
            raise RuntimeError('the listener ended before it found the node; its output says why')
        held: list[Holding] = []
        with running_module(camera, processes) as publishing:
            while publishing.poll() is None:
                time.sleep(SAMPLE_S)
                held.append(_holding(node.pid))
        time.sleep(DRAIN_S)
        listening.send_signal(signal.SIGINT)
        received = json.loads(listening.stdout.readline())
    return {t: received.get(t, [0])[0] / frames for t in (DEPTH, POINTS)}, held


def _cycle(model: Path, cycles: int) -> list[Holding]:
    """Return the resources of a node after each lifecycle."""
    processes = environment() | profile_variables(PROFILE, {})
    held: list[Holding] = []
    with (
        running_module(_node(model, 'autostart:=false'), processes) as node,
        running_module(
            ['bench.transport_ends', 'manager'],
            processes,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as manager,
    ):
        assert manager.stdin is not None
        assert manager.stdout is not None
        # The manager ends with its input; it reads on after a SIGINT.
        with manager.stdin as orders:
            for _ in range(cycles):
                orders.write('live\n')
                orders.flush()
                if manager.stdout.readline() != 'lived\n':
                    raise RuntimeError(f'lifecycle {len(held) + 1} failed; the output says why')
                held.append(_holding(node.pid))
    return held


def _node(model: Path, *parameters: str) -> list[str]:
    options = [part for p in (f'model:={model}', *parameters) for part in ('-p', p)]
    return ['monodepth_ros.node', '--ros-args', '--log-level', 'warn', *options]


def _holding(pid: int) -> Holding:
    process = Path('/proc') / str(pid)
    status = (process / 'status').read_text()
    resident_kb, threads = (
        int(number)
        for name in ('VmRSS', 'Threads')
        for number in re.findall(rf'^{name}:\s*(\d+)', status, re.MULTILINE)
    )
    segments = set(re.findall(r'/dev/shm/\S+', (process / 'maps').read_text()))
    files = len(list((process / 'fd').iterdir()))
    return Holding(resident_kb / 2**10, files, threads, len(segments))


def _growth(held: list[Holding]) -> Holding:
    """Return the growth from the median of the first third to that of the last third."""
    third = max(1, len(held) // 3)
    first, last = (
        [median(values) for values in zip(*part, strict=True)]
        for part in (held[:third], held[-third:])
    )
    return Holding(*(after - before for before, after in zip(first, last, strict=True)))


def _growth_targets(growth: dict[str, Holding]) -> Iterator[Target]:
    for name, of_name in growth.items():
        for what, value in of_name._asdict().items():
            most = MAX_MB if what == 'resident_mb' else 0.0
            yield Target(f'{what}, {name}', value, most, at_most=True)


def _loss_targets(fractions: dict[str, float], frames: int) -> Iterator[Target]:
    for topic, fraction in fractions.items():
        yield Target(f'{topic}, frames lost', round(frames * (1 - fraction)), 0.0, at_most=True)


if __name__ == '__main__':
    sys.exit(main())
