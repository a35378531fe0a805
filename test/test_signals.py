"""Programs that are told to stop twice, as by a terminal and by the launch that it runs."""

from __future__ import annotations

from contextlib import ExitStack
import signal
import subprocess
import sys
import time

import pytest

from test.helpers.live_node import running_node, WAIT_S
from test.helpers.shared_memory_watch import nothing_left_in_shared_memory

# Both reach the node within a millisecond; the first one's clean-up takes longer.
APART_S = 0.0003
TRIES, AT_ONCE = 20, 4
# The signal comes just before or after rclpy begins to listen for it.
STARTING = """
import signal, sys
import rclpy
from monodepth_ros.{module} import main
init = rclpy.init
def init_and_interrupt(**options):
    if '{when}' == 'after':
        init(**options)
    signal.raise_signal(signal.SIGINT)
    if '{when}' == 'before':
        init(**options)
rclpy.init = init_and_interrupt
sys.exit(main({args}))
"""


@pytest.fixture
def start(tmp_path, red_disparity_model, domain):
    """Run a node that reads a model, numbered."""

    def _start(number=0, **options):
        return running_node(
            tmp_path / f'{number}.log',
            remaps={'__node': f'depth_node_{number}'},
            model=red_disparity_model,
            **options,
        )

    return _start


def _interrupt_twice(process):
    """Send two SIGINT; a sleep would take longer than what lies between them."""
    process.send_signal(signal.SIGINT)
    end = time.perf_counter() + APART_S
    while time.perf_counter() < end:
        pass
    process.send_signal(signal.SIGINT)


@pytest.mark.parametrize(('text', 'log_level'), [('ready', 'debug'), ('listening to', 'info')])
def test_two_interrupts_end_a_node_as_one_does(start, text, log_level):
    with nothing_left_in_shared_memory(), start(log_level=log_level) as node:
        node.wait_for(text)
        _interrupt_twice(node.process)
        assert node.process.wait(WAIT_S) == 0
        assert 'Traceback' not in node.log


def test_two_interrupts_end_a_collector_as_one_does(tmp_path, domain):
    folder = tmp_path / 'pairs'
    with running_node(
        tmp_path / 'log', module='monodepth_ros.collect_pairs', folder=folder
    ) as collector:
        collector.wait_for('listening to')
        _interrupt_twice(collector.process)
        assert collector.process.wait(WAIT_S) == 0
        assert 'Traceback' not in collector.log


@pytest.mark.parametrize('module', ['node', 'collect_pairs'])
@pytest.mark.parametrize('when', ['before', 'after'])
def test_an_interrupt_around_the_start_of_rclpy_ends_a_program(tmp_path, domain, module, when):
    args = ['--ros-args', '-p', 'autostart:=false', '-p', f'folder:={tmp_path / "pairs"}']
    program = STARTING.format(module=module, when=when, args=args)
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=WAIT_S
    )
    assert (done.returncode, 'Traceback' in done.stderr) == (0, False), done.stderr


@pytest.mark.slow
def test_two_interrupts_hang_no_node_of_many(start):
    for first in range(0, TRIES, AT_ONCE):
        with ExitStack() as stack:
            nodes = [stack.enter_context(start(first + n)) for n in range(AT_ONCE)]
            for node in nodes:
                node.wait_for('listening to')
                _interrupt_twice(node.process)
            assert [node.process.wait(WAIT_S) for node in nodes] == [0] * AT_ONCE
