"""Dataclasses of parameters in a ROS node: declared at start, and changed while it runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
import sys
from typing import Any, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

from monodepth_ros.parameter_rules import changed, Parameters, read_parameters, Rule
from monodepth_ros.ros.given_parameters import check_given

# Larger than any sensible parameter; some tools show ranges as 32-bit numbers.
MAX_INTEGER = 2**31 - 1
Params = TypeVar('Params', bound=Parameters)


class LiveParameters:
    """
    The present values of a node's parameters: `live[OutputParams]`.

    node: the node.
    kinds: dataclasses of its parameters.
    may_change_all: returns whether parameters that are not live may change now too.
    on_change: called after a change.
    Raises ValueError, and rclpy's own ParameterException, for given values that are not allowed; a
    later change to such a value is refused with the reason.
    """

    def __init__(
        self,
        node: Node,
        kinds: tuple[type[Parameters], ...],
        *,
        may_change_all: Callable[[], bool],
        on_change: Callable[[], None],
    ) -> None:
        check_given(node, *kinds)
        self._values: dict[type[Parameters], Any] = {
            kind: read_parameters(kind, partial(_declare, node)) for kind in kinds
        }
        self._may_change_all = may_change_all
        self._on_change = on_change
        node.add_on_set_parameters_callback(self._on_set)

    def __getitem__(self, kind: type[Params]) -> Params:
        params: Params = self._values[kind]
        return params

    def _on_set(self, parameters: list[Parameter]) -> SetParametersResult:
        given = {parameter.name: parameter.value for parameter in parameters}
        live_only = not self._may_change_all()
        try:
            values = {
                kind: changed(params, given, live_only=live_only)
                for kind, params in self._values.items()
            }
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if values != self._values:
            self._values = values
            self._on_change()
        return SetParametersResult(successful=True)


def read_once(node: Node, kind: type[Params]) -> Params:
    """
    Declare parameters that never change, and return them.

    Raises ValueError and ParameterException as LiveParameters does.
    """
    check_given(node, kind)
    return read_parameters(kind, partial(_declare, node, read_only=True))


def _declare(
    node: Node, name: str, default: object, rule: Rule, *, read_only: bool = False
) -> object:
    """Declare a parameter, and return its value; see read_parameters."""
    descriptor = ParameterDescriptor(
        description=rule.description,
        read_only=read_only,
        additional_constraints=_constraints(rule),
        # ROS reads `max_rate_hz:=5` as an integer and would refuse it for a double.
        dynamic_typing=isinstance(default, float),
    )
    if isinstance(default, float) and rule.low is not None:
        high = sys.float_info.max if rule.high is None else float(rule.high)
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(rule.low), to_value=high)
        ]
    elif rule.low is not None:
        high = MAX_INTEGER if rule.high is None else int(rule.high)
        descriptor.integer_range = [IntegerRange(from_value=int(rule.low), to_value=high, step=1)]
    return node.declare_parameter(name, default, descriptor).value


def _constraints(rule: Rule) -> str:
    choices = f'one of {", ".join(rule.choices)}; ' if rule.choices else ''
    return choices + ('changes at once' if rule.live else 'read when the node is configured')
