"""A node that builds an engine, and what may come in between; real processes over real DDS."""

from __future__ import annotations

import signal
import time

from lifecycle_msgs.msg import Transition
import pytest

from monodepth_ros.messages.topics import DEPTH
from monodepth_ros.ros.shared_memory import SETTLED_S
from test.helpers.camera_messages import image, info
from test.helpers.live_node import running_node, WAIT_S
from test.helpers.node_with_a_gpu import SLOW_BUILDS
from test.helpers.shared_memory_watch import nothing_left_in_shared_memory

pytest.importorskip('tensorrt_rtx_bindings', reason='needs TensorRT-RTX, which needs no GPU')
BUILDING = 'building the engine of red.onnx'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the node keeps its engines."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path / 'monodepth_ros' / 'engines'


@pytest.fixture
def start(tmp_path, red_disparity_model, folder, domain):
    """Run a node, named, whose engines are built."""

    def _start(name='depth_node', **parameters):
        return running_node(
            tmp_path / f'{name}.log',
            module='test.helpers.node_with_a_gpu',
            remaps={'__node': name},
            model=red_disparity_model,
            backend='tensorrt',
            **parameters,
        )

    return _start


def _depth_comes(client, change_info=lambda message: message):
    client.forget()
    client.spin_until(
        lambda: client.received[DEPTH],
        every=lambda: client.publish(change_info(info(1)), image(1)),
    )


def _engines(folder):
    return {path.suffix for path in folder.iterdir()}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_build_and_leaves_nothing(start, folder, monkeypatch, number):
    with monkeypatch.context() as slowly:
        slowly.setenv(SLOW_BUILDS, '1')
        with start() as node:
            node.wait_for(BUILDING)
            node.process.send_signal(number)
            assert node.process.wait(WAIT_S) == 0
    assert _engines(folder) == set()
    with start() as node:
        node.wait_for('ready')


def test_after_a_kill_the_next_start_builds_and_frees_what_was_left(start, folder, monkeypatch):
    # Without a client: it would make the dead one's port anew, to write to it.
    with nothing_left_in_shared_memory():
        with monkeypatch.context() as slowly:
            slowly.setenv(SLOW_BUILDS, '1')
            with start() as node:
                node.wait_for(BUILDING)
                node.process.kill()
                node.process.wait()
        time.sleep(SETTLED_S)
        with start() as node:
            node.wait_for(BUILDING)
            node.wait_for('ready')
    assert _engines(folder) == {'.engine', '.json'}


def test_of_two_nodes_that_start_at_once_one_builds_for_both(start, folder):
    with start() as one, start('other') as other:
        one.wait_for('ready')
        other.wait_for('ready')
        assert (one.log + other.log).count(BUILDING) == 1
    assert _engines(folder) == {'.engine', '.json'}


def test_a_build_for_a_wider_view_is_given_up_by_deactivation(client, start, monkeypatch):
    def wider(message):
        message.k[0] = message.p[0] = 40.0
        return message

    with start():
        _depth_comes(client)
    with monkeypatch.context() as slowly:
        slowly.setenv(SLOW_BUILDS, '1')
        with start() as node:
            _depth_comes(client)
            client.spin_until(
                lambda: BUILDING in node.log,
                every=lambda: client.publish(wider(info(1)), image(1)),
            )
            assert client.change_state(Transition.TRANSITION_DEACTIVATE)
            assert client.change_state(Transition.TRANSITION_ACTIVATE)
            client.spin_until(
                lambda: node.log.count(BUILDING) == 2,
                every=lambda: client.publish(wider(info(1)), image(1)),
            )
            client.spin_until(lambda: 'one image has taken' in client.status.message)
            assert client.change_state(Transition.TRANSITION_DEACTIVATE)
            assert client.change_state(Transition.TRANSITION_ACTIVATE)
            _depth_comes(client)
            assert node.stop() == 0
