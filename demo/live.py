"""The live part: node, player and recorder, three processes that communicate over DDS."""

from __future__ import annotations

from dataclasses import dataclass
import json
import os
from pathlib import Path
import shutil
import signal
import sys
import time

import numpy as np

from demo.processes import Process, PROFILE, running
from demo.score import check_headers
from monodepth_ros.messages.image_topics import COMPRESSED
from monodepth_ros.ros.dds_profile import profile_variables, TRANSPORTS_VARIABLE
from monodepth_ros.ros.shared_memory import FOLDER
from monodepth_ros.storage.bag_cameras import CameraTopic

# Shared memory that three processes use with the profile, with a margin.
MIN_SHARED_BYTES = 160_000_000
OUTPUT_BAG = 'depth_bag'
# Time for the last frames to pass node and recorder.
DRAIN_S = 3.0


class StageError(RuntimeError):
    """Raised if a stage of the demo fails; the output of the stage says why."""


@dataclass(frozen=True)
class LiveResult:
    """The number of frames published and of depth images received, and their latencies."""

    frames_in: int
    frames_out: int
    latency_ms_p50: float | None
    latency_ms_p95: float | None


def ros_environment() -> dict[str, str]:
    """Return this process's environment with a ROS domain of its own, limited to this machine."""
    ours = {
        'ROS_DOMAIN_ID': str(1 + os.getpid() % 100),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }
    return os.environ | ours | _transport()


def _transport() -> dict[str, str]:
    """Return variables for the transport: with its default, Fast DDS loses nearly all images."""
    if shutil.disk_usage(FOLDER).free > MIN_SHARED_BYTES:
        return profile_variables(PROFILE, {})
    # LARGE_DATA needs no shared memory, which is small in a container; it loses a few messages.
    return {TRANSPORTS_VARIABLE: 'LARGE_DATA'}


def run_live(
    bag: Path, camera: CameraTopic, *, model: Path, output: Path, first_share: float = 0.0
) -> LiveResult:
    """
    Play a camera of a recording through the node and record its outputs in output/depth_bag.

    bag: the recording.
    camera: the camera to play.
    model: model file of the node.
    output: folder for all results.
    first_share: start, as a fraction of the recording's duration.
    Raises StageError if a process fails.
    """
    environment = ros_environment()
    compressed = camera.image.endswith(COMPRESSED)
    published, received = output / 'published.json', output / 'received.json'
    recorder = _python('demo.recorder', output / OUTPUT_BAG, '--times', received)
    player = _python(
        'demo.player', bag, '--image', camera.image, '--info', camera.info,
        '--to', f'image{COMPRESSED}' if compressed else 'image',
        '--first-share', first_share, '--times', published,
    )  # fmt: skip
    depth_node = _node(model, camera, compressed)
    with (
        running(recorder, environment) as recording,
        running(depth_node, environment) as node,
    ):
        with running(player, environment) as playing:
            _wait(playing, watched=(recording, node))
        time.sleep(DRAIN_S)
    for command, process in ((recorder, recording), (depth_node, node), (player, playing)):
        if process.returncode:
            raise StageError(f'{command[2]} ended with status {process.returncode}')
    check_headers(output / OUTPUT_BAG, bag, camera.image)
    return _result(published, received)


def _node(model: Path, camera: CameraTopic, compressed: bool) -> list[str]:
    parameters = {
        'model': model,
        'image_transport': 'compressed' if compressed else 'raw',
        'rectified': str(camera.rectified).lower(),
    }
    arguments = [part for name, value in parameters.items() for part in ('-p', f'{name}:={value}')]
    return _python('monodepth_ros.node', '--ros-args', *arguments)


def _python(module: str, *arguments: object) -> list[str]:
    return [sys.executable, '-m', module, *map(str, arguments)]


def _wait(process: Process, *, watched: tuple[Process, ...]) -> None:
    """Wait until the process ends; interrupt it if a watched process ends first."""
    while process.poll() is None:
        if any(other.poll() is not None for other in watched):
            process.send_signal(signal.SIGINT)
            return
        time.sleep(0.1)


def _result(published: Path, received: Path) -> LiveResult:
    sent, got = (json.loads(path.read_text()) for path in (published, received))
    latencies_ms = [(got[stamp] - sent[stamp]) / 1e6 for stamp in got if stamp in sent]
    percentiles = np.percentile(latencies_ms, (50, 95)).tolist() if latencies_ms else (None, None)
    return LiveResult(len(sent), len(got), *percentiles)
