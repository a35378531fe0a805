"""How far a build is."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, tuples

from monodepth_ros.inference.tensorrt.build_phases import heartbeat, Phases


def test_a_phase_is_a_part_of_the_next_step_of_its_parent():
    phases = Phases()
    phases.begin('build', None, 2)
    assert phases.complete('build', 0)
    assert (phases.name, phases.fraction) == ('build', 0.5)
    phases.begin('timing', 'build', 4)
    assert (phases.name, phases.fraction) == ('timing', 0.5)
    phases.complete('timing', 0)
    assert phases.fraction == 0.625  # 1/2 + 1/4 of 1/2
    phases.begin('layer', 'timing', 2)
    phases.complete('layer', 0)
    assert phases.fraction == 0.6875  # 1/2 + (1/4 + 1/2 of 1/4) of 1/2
    phases.complete('build', 1)
    assert phases.fraction == 1


def test_a_name_may_come_again():
    phases = Phases()
    phases.begin('build', None, 2)
    for step, reached in ((0, 0.5), (1, 1)):
        phases.begin('layer', 'build', 1)
        phases.complete('layer', 0)
        assert phases.fraction == reached
        phases.complete('build', step)


def test_whoever_stops_it_is_heard_at_the_next_step():
    phases = Phases()
    phases.begin('build', None, 2)
    phases.stop.set()
    assert not phases.complete('build', 0)


NAMES = sampled_from(['a', 'b', 'c'])


@given(lists(tuples(NAMES, NAMES, integers(0, 3)), min_size=1))
def test_whatever_tensorrt_says_it_never_goes_back_nor_beyond_the_end(events):
    phases = Phases()
    for name in ('a', 'b', 'c'):
        phases.begin(name, None, 1)
    before = 0.0
    for name, parent, number in events:
        phases.begin(name, parent, number)
        phases.complete(name, number)
        assert before <= phases.fraction <= 1
        before = phases.fraction


def test_a_log_gets_a_line_now_and_then():
    told = []
    always, rarely = heartbeat(told.append, period_s=0), heartbeat(told.append)
    for progress in (always, always, rarely):
        progress('timing tactics', 0.5)
    assert told == 2 * ['building the engine: 50%, timing tactics']
