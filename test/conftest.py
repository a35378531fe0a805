"""Fixtures shared by several test files."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import signal
from typing import Any

from hypothesis import settings
import pytest

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile('busy', deadline=None)
settings.load_profile('busy')

# A shell that starts its jobs in the background lets them ignore Ctrl-C, which tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(__file__).parents[2] / 'shared' / 'data'


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """The folder of real recordings; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f'{SHARED_DATA} is absent: real recordings are not in the repository')
    return SHARED_DATA


@pytest.fixture
def red_disparity_model(tmp_path: Path) -> Path:
    """A model file whose disparity is the red channel / 1020: see test/helpers/tiny_model.py."""
    from test.helpers.tiny_model import write_red_disparity_model

    return write_red_disparity_model(tmp_path / 'red.onnx')


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ROS domain of this test's own, for its processes as well."""
    monkeypatch.setenv('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')


@pytest.fixture
def client(domain: None) -> Iterator[Any]:
    """A live_node.Client in a domain of its own; fails where shared memory is left."""
    import rclpy

    from test.helpers.live_node import Client
    from test.helpers.shared_memory_watch import nothing_left_in_shared_memory

    with nothing_left_in_shared_memory():
        rclpy.init()
        node = Client()
        yield node
        node.destroy_node()
        rclpy.try_shutdown()
