"""A node for which there is no memory any more, for a while; real processes over real DDS."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
import re
import resource

from lifecycle_msgs.msg import Transition
import pytest

from monodepth_ros.messages.topics import DEPTH
from test.helpers.camera_messages import image, info
from test.helpers.live_node import running_node
from test.helpers.tiny_model import write_hungry_model

MB = 2**20
# What an engine takes, and what is left for it and for everything else.
TAKEN_MB, LEFT_MB = 800, 400


@contextmanager
def _short_of_memory(node):
    """The process gets no more than LEFT_MB beyond what it has."""
    status = Path(f'/proc/{node.process.pid}/status').read_text()
    size_kb = int(re.search(r'^VmSize:\s*(\d+)', status, re.MULTILINE)[1])
    unlimited = resource.prlimit(node.process.pid, resource.RLIMIT_AS)
    limit = size_kb * 1024 + LEFT_MB * MB, unlimited[1]
    resource.prlimit(node.process.pid, resource.RLIMIT_AS, limit)
    try:
        yield
    finally:
        resource.prlimit(node.process.pid, resource.RLIMIT_AS, unlimited)


@pytest.fixture
def start(tmp_path):
    """Run a node that waits to be configured, whose every engine takes TAKEN_MB."""
    model = write_hungry_model(tmp_path / 'hungry.onnx', memory_mb=TAKEN_MB)

    def _start(backend):
        parameters = {'model': model, 'backend': backend, 'autostart': 'false'}
        return running_node(tmp_path / 'log', **parameters)

    return _start


def test_out_of_memory_at_configuration_is_said_and_may_be_tried_again(client, start):
    with start('onnxruntime') as node:
        client.state()  # it has begun
        with _short_of_memory(node):
            assert not client.change_state(Transition.TRANSITION_CONFIGURE)
            assert client.state() == 'unconfigured'
        assert 'Failed to allocate memory' in node.log
        assert client.change_state(Transition.TRANSITION_CONFIGURE)
        assert node.stop() == 0


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_out_of_memory_after_activation_costs_frames_until_there_is_some_again(
    client, start, backend
):
    """ONNX Runtime needs it for each frame, OpenVINO for an engine: tried now and then."""
    pytest.importorskip(backend)
    seconds = iter(range(1, 1000))

    def camera():
        second = next(seconds)
        calibration = info(second)
        # Wider than the model's view, so that its engine does not do.
        calibration.k[0] = calibration.p[0] = 40.0
        client.publish(calibration, image(second))

    with start(backend) as node:
        assert client.change_state(Transition.TRANSITION_CONFIGURE)
        with _short_of_memory(node):
            assert client.change_state(Transition.TRANSITION_ACTIVATE)
            client.spin_until(lambda: 'Failed to allocate' in client.status.message, every=camera)
            assert client.state() == 'active'
            assert not client.received[DEPTH]
        client.spin_until(lambda: client.received[DEPTH], every=camera)
        assert node.stop() == 0
