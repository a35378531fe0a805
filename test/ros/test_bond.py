"""The bond with Nav2's lifecycle manager, where bondpy is installed: it is in no package index."""

from __future__ import annotations

from lifecycle_msgs.msg import Transition
import pytest
import rclpy

from test.helpers.live_node import Client, running_node

Bond = pytest.importorskip('bondpy.bondpy', reason='needs bondpy, of a ROS').Bond


@pytest.fixture
def manager():
    rclpy.init()
    node = Client(())
    yield node
    node.destroy_node()
    rclpy.try_shutdown()


class _Bond:
    """As Nav2's manager has it."""

    def __init__(self, node):
        self.formed = self.broken = False
        self._bond = Bond(node, 'bond', 'depth_node', self._on_broken, self._on_formed)
        self._bond.heartbeat_period = 0.1
        self._bond.start()

    def _on_formed(self):
        self.formed = True

    def _on_broken(self):
        self.broken = True

    def end(self):
        node, bond = self._bond.node, self._bond
        bond.shutdown()
        node.destroy_subscription(bond.sub)
        node.destroy_publisher(bond.pub)


def test_a_bond_holds_while_the_node_is_active(manager, tmp_path, red_disparity_model):
    parameters = {'model': red_disparity_model, 'autostart': 'false'}
    with running_node(tmp_path / 'log', **parameters) as node:
        assert manager.change_state(Transition.TRANSITION_CONFIGURE)
        for _ in range(2):
            assert manager.change_state(Transition.TRANSITION_ACTIVATE)
            bond = _Bond(manager)
            manager.spin_until(lambda bond=bond: bond.formed)
            # Longer than bondpy waits for a heartbeat.
            manager.spin_for(5, every=lambda: None)
            assert not bond.broken
            assert manager.change_state(Transition.TRANSITION_DEACTIVATE)
            manager.spin_until(lambda bond=bond: bond.broken)
            bond.end()
        assert manager.change_state(Transition.TRANSITION_ACTIVATE)
        assert node.stop() == 0
        assert 'Traceback' not in node.log
        assert 'More than two' not in node.log
