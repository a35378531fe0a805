"""Checks of the parameters that a node was given at start, on its command line and in files."""

from __future__ import annotations

from difflib import get_close_matches

from rclpy.node import Node

from monodepth_ros.parameter_rules import Parameters, read_parameters, rules

# Parameters of ROS itself; some versions of rclpy do not declare all of them.
OF_ROS = ('use_sim_time', 'start_type_description_service', 'qos_overrides.')


def check_given(node: Node, *kinds: type[Parameters]) -> None:
    """
    Check the given parameters of a node before it declares its own.

    An unknown name only gives a warning, because a file for `/**:` may be shared with other nodes.

    node: the node.
    kinds: dataclasses of its parameters.
    Raises ValueError for a value that is not allowed, with what to do, which rclpy's errors lack.
    """
    # Private in rclpy, Humble to Kilted. The public alternative declares every given name, which
    # makes a mistyped name look like a parameter. Without the attribute rclpy's errors remain.
    overrides = getattr(node, '_parameter_overrides', {})
    given = {name: parameter.value for name, parameter in overrides.items()}
    known = [name for kind in kinds for name in rules(kind)]
    for name in sorted(given.keys() - known):
        if not name.startswith(OF_ROS) and not node.has_parameter(name):
            node.get_logger().warning(_unknown(node, name, known))
    for kind in kinds:
        read_parameters(kind, lambda name, default, _: given.get(name, default))


def _unknown(node: Node, name: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, n=1)
    advice = f'did you mean {nearest[0]}?' if nearest else '--help lists them'
    return f'{node.get_name()} has no parameter {name}, so it is ignored; {advice}'
