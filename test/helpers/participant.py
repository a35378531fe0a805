"""A process that takes part in DDS, and the shared memory that it has open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys

STOP_S = 20.0
# Says when it is there, and whatever it hears.
PROGRAM = """
import rclpy
from rclpy.executors import ExternalShutdownException
from std_msgs.msg import String
rclpy.init()
node = rclpy.create_node('participant')
node.create_subscription(String, 'said', lambda m: print(m.data, flush=True), 10)
print('here', flush=True)
try:
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException):
    pass
node.destroy_node()
rclpy.try_shutdown()
"""


class Participant:
    """
    A running process that listens to the topic `said`.

    segments: its own shared memory. files: that, its ports, and the locks of both.
    """

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        self.wait_for('here')
        opened = [link.readlink() for link in Path(f'/proc/{process.pid}/fd').iterdir()]
        locks = {path for path in opened if path.name.endswith('_el')}
        contents = {path.with_name(path.name.removesuffix('_el')) for path in locks}
        self.segments = {path for path in contents if '_port' not in path.name}
        self.files = locks | contents

    def wait_for(self, line: str) -> None:
        """Until the process writes this line."""
        for said in self.process.stdout:
            if said.rstrip() == line:
                return
        raise AssertionError(f'ended before it said {line!r}')


@contextmanager
def running_participant(variables: dict[str, str] | None = None) -> Iterator[Participant]:
    """A participant, with these environment variables as well; interrupted at the end."""
    process = subprocess.Popen(
        [sys.executable, '-c', PROGRAM],
        env=os.environ | (variables or {}),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Participant(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_S)
        process.stdout.close()
