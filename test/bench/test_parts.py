"""Parts in processes of their own; the work is of the standard library."""

from __future__ import annotations

import os
import time

from bench.parts import FAILED, NOT_RUN, PartResult, run_part, WHY


def test_what_a_part_gives_comes_through():
    assert list(run_part('part', map, abs, [-1, 2], limit_s=60)) == [1, 2]


def test_an_error_is_the_last_finding():
    first, last = run_part('part', map, float, ['1', 'one'], limit_s=60)
    assert first == 1.0
    assert last[:2] == ('part', FAILED)
    assert last.text == "why: ValueError: could not convert string to float: 'one'"


def test_a_process_that_dies_is_a_finding():
    (finding,) = run_part('part', map, os._exit, [3], limit_s=60)
    assert finding == PartResult('part', FAILED, {WHY: 'its process died with status 3'})


def test_a_part_that_hangs_is_cut_off():
    start_s = time.monotonic()
    (finding,) = run_part('part', map, time.sleep, [600], limit_s=0.5)
    assert finding == PartResult('part', NOT_RUN, {WHY: 'stopped after 0 s'})
    assert time.monotonic() - start_s < 60


def test_numbers_and_words_are_shown_in_one_line():
    finding = PartResult('part', 'name', {'p50_ms': 0.86123, 'with': 'tensorrt 10.3'})
    assert finding.text == 'p50_ms: 0.8612, with: tensorrt 10.3'
