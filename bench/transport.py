"""
`python -m bench.transport`: loss of images between camera, node and listener over DDS.

It runs three processes: a camera of 1280x720 at 10 Hz, best effort; depth_node with a model that
computes almost nothing, so that all loss is due to transport; a listener to depth and cloud at
full size. Runs with the default settings of Fast DDS and with config/fastdds.xml alternate. The
table lists the fraction of frames that the node took, and that arrived as depth and as cloud,
their age on arrival, and the CPU time of node and listener for each frame.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from pathlib import Path
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
from demo.processes import Process, PROFILE
from monodepth_ros.messages.topics import DEPTH, INFO, POINTS
from monodepth_ros.ros.dds_profile import profile_variables

FRAMES, RUNS = 300, 3
MIN_FRACTION = 0.99
# Time for the last frames to pass node and listener.
DRAIN_S = 3.0
NODE, LISTENER = 'node', 'listener'
# INFO is small and comes with every frame that the node takes, which shows where images are lost.
TOPICS = (INFO, DEPTH, POINTS)

COLUMNS = ('', 'node', 'depth', 'cloud', 'age, ms', 'CPU, ms')


class Run(NamedTuple):
    """The fraction that arrived and its median age by topic, and CPU time a frame by process."""

    fraction: dict[str, float]
    age_ms: dict[str, float]
    cpu_ms: dict[str, float]


def main() -> int:
    """Run the command line; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--runs', type=int, default=RUNS)
    parser.add_argument('--frames', type=int, default=FRAMES, help='frames of a run')
    options = parser.parse_args()
    settings = {'default': {}, PROFILE.name: profile_variables(PROFILE, {})}
    runs: dict[str, list[Run]] = {name: [] for name in settings}
    with TemporaryDirectory() as folder:
        model = write_constant_model(Path(folder) / 'constant.onnx')
        for number in range(options.runs):
            for name, variables in settings.items():
                runs[name].append(run(model, variables, frames=options.frames))
                print(f'run {number + 1}, {name}: {runs[name][-1].fraction}', flush=True)
    ours = runs[PROFILE.name]
    return report(
        'transport',
        columns=COLUMNS,
        rows=[_row(name, of_name) for name, of_name in runs.items()],
        targets=[
            Target(f'{topic}', _median(ours, 'fraction', topic), MIN_FRACTION)
            for topic in (DEPTH, POINTS)
        ],
        details={
            'frames': options.frames,
            'runs': {name: [r._asdict() for r in of_name] for name, of_name in runs.items()},
        },
    )


def run(model: Path, variables: dict[str, str], *, frames: int) -> Run:
    """Measure one run with these environment variables."""
    processes = environment() | variables
    node = ['monodepth_ros.node', '--ros-args', '-p', f'model:={model}', '-p', 'points_stride:=1']
    camera = ['bench.transport_ends', 'camera', '--frames', str(frames)]
    listener = ['bench.transport_ends', 'listener']
    with (
        running_module(node, processes) as nodes,
        running_module(listener, processes, stdout=subprocess.PIPE, text=True) as listening,
    ):
        assert listening.stdout is not None
        if listening.stdout.readline() != 'matched\n':
            raise RuntimeError('the listener ended before it found the node; its output says why')
        busy = {NODE: nodes, LISTENER: listening}
        before_s = {name: _cpu_s(process) for name, process in busy.items()}
        with running_module(camera, processes) as publishing:
            if publishing.wait() != 0:
                raise RuntimeError('the camera failed; its output says why')
        time.sleep(DRAIN_S)
        cpu_ms = {n: 1e3 * (_cpu_s(p) - before_s[n]) / frames for n, p in busy.items()}
        listening.send_signal(signal.SIGINT)
        received = json.loads(listening.stdout.readline())
    return Run(
        fraction={topic: received.get(topic, [0])[0] / frames for topic in TOPICS},
        age_ms={topic: age_ms for topic, (_, age_ms) in received.items()},
        cpu_ms=cpu_ms,
    )


def _cpu_s(process: Process) -> float:
    """Return the CPU time that a running process has used, user and system, in seconds."""
    fields = Path(f'/proc/{process.pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def _row(name: str, runs: list[Run]) -> tuple[str, ...]:
    fractions = (f'{100 * _median(runs, "fraction", topic):.1f} %' for topic in TOPICS)
    ages = (f'{_median(runs, "age_ms", topic):.0f}' for topic in (DEPTH, POINTS))
    cpu = (f'{_median(runs, "cpu_ms", process):.0f}' for process in (NODE, LISTENER))
    return name, *fractions, ' / '.join(ages), ' / '.join(cpu)


def _median(runs: list[Run], figure: str, key: str) -> float:
    values = [getattr(run, figure)[key] for run in runs if key in getattr(run, figure)]
    return median(values) if values else math.nan


if __name__ == '__main__':
    sys.exit(main())
