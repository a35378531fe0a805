"""Calibration: what the confidence of a checkpoint means, by matching."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from test.helpers.stereo_folders import BASELINE_M, RIG, SHIFT_PX, SIZE, write_pairs
from test.helpers.tiny_model import spec
from test.helpers.untrained import write_checkpoint
from trainer.datasets.sources import open_sequences
from trainer.model.calibration import Knot
from trainer.train.calibrate import calibration, expected_and_measured, fit
from trainer.train.checkpoint import load_exported, read_record, store_calibration
from trainer.train.matched_pairs import matched_pairs, MatchedPair
from trainer.train.split import split_pairs

SPEC = replace(spec(), camera=RIG, baseline_m=BASELINE_M)


def test_a_line_is_found_again():
    # Half of what is expected is measured, so every bin's mean lies on that line.
    expected = np.linspace(0.1, 0.9, 801)
    *inner, last = fit(expected, expected / 2)
    assert (len(inner), last) == (8, (1, 1))
    halves = [knot.expected / 2 for knot in inner]
    assert [knot.measured for knot in inner] == pytest.approx(halves)


def test_bins_that_fall_become_one_knot_with_their_mean():
    expected = np.repeat([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], 10)
    measured = np.repeat([0.1, 0.2, 0.5, 0.3, 0.6, 0.7, 0.8, 0.9], 10)
    *inner, _ = fit(expected, measured)
    assert [knot.expected for knot in inner] == pytest.approx([0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8])
    assert [knot.measured for knot in inner] == pytest.approx([0.1, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9])


@given(st.floats(0.0625, 0.875, width=32), st.integers(8, 200))
def test_of_one_expected_error_there_is_one_knot_with_the_mean(expected, pixels):
    measured = np.linspace(0, 1, pixels)
    knot, _ = fit(np.full(pixels, expected, np.float64), measured)
    assert tuple(knot) == pytest.approx((expected, 0.5))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=8, max_size=60))
def test_it_rises_up_to_one(pixels):
    knots = fit(*np.array(pixels).T)
    assert knots[-1] == (1, 1)
    assert all(low.expected + 9e-4 < high.expected for low, high in pairwise(knots))
    assert all(low.measured <= high.measured for low, high in pairwise(knots))


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    """The matched pairs that validate, of twenty."""
    folder = write_pairs(tmp_path_factory.mktemp('data') / 'pairs', 20)
    split = split_pairs(open_sequences(str(folder)), 'last_tenth')
    return matched_pairs(split, SPEC)


def test_a_matched_pair_has_the_known_disparity(pairs):
    assert len(pairs) == 2
    for pair in pairs:
        assert pair.image.shape == (SIZE['height'], SIZE['width'], 3)
        known = pair.disparity > 0
        assert known.mean() > 0.5
        assert np.median(pair.disparity[known]) * SIZE['width'] == pytest.approx(SHIFT_PX)


def test_pairs_of_half_the_canonical_baseline_have_twice_the_disparity(tmp_path):
    folder = write_pairs(tmp_path / 'pairs', 10, baseline_m=BASELINE_M / 2)
    split = split_pairs(open_sequences(str(folder)), 'last_tenth')
    (pair,) = matched_pairs(split, SPEC)
    known = pair.disparity > 0
    assert np.median(pair.disparity[known]) * SIZE['width'] == pytest.approx(2 * SHIFT_PX)


def test_pairs_that_cannot_be_read_are_left_out(tmp_path):
    folder = write_pairs(tmp_path / 'pairs', 20)
    split = split_pairs(open_sequences(str(folder)), 'last_tenth')
    next((folder / 'left').glob('19.*')).write_bytes(b'')
    assert len(matched_pairs(split, SPEC)) == 1


def test_the_relative_error_is_that_of_depth_where_matching_is_sure():
    # Depth goes as 1 / d: at 0.2 instead of 0.1 it is half, at 0.08 a quarter more.
    disparity = np.array([[0.1, 0.1, 0.1, 0]], np.float32)
    pair = MatchedPair(np.zeros((1, 4, 3), np.uint8), disparity)
    predicted = np.array([[0.2, 0.08, 0.01, 0.7]], np.float32)
    # At 0.01 it is ten times as much, which counts as 1.
    assert pair.relative_error(predicted) == pytest.approx([0.5, 0.25, 1.0])


@pytest.mark.parametrize('flip', [True, False])
def test_a_calibrated_checkpoint_expects_what_is_measured(pairs, tmp_path, flip):
    """On the same pairs; the network is untrained, and far off."""
    checkpoint = write_checkpoint(tmp_path / 'last.ckpt')
    raw, _ = load_exported(checkpoint, flip=flip)
    before, measured = expected_and_measured(raw, pairs)
    assert abs(before.mean() - measured.mean()) > 0.1
    store_calibration(checkpoint, calibration(checkpoint, pairs))
    calibrated, _ = load_exported(checkpoint, flip=flip)
    after, measured = expected_and_measured(calibrated, pairs)
    assert after.mean() == pytest.approx(measured.mean(), abs=0.02)


def test_it_is_stored_as_plain_numbers_by_the_number_of_passes(pairs, tmp_path):
    checkpoint = write_checkpoint(tmp_path / 'last.ckpt')
    weights = {2: (Knot(0.1, 0.2), Knot(0.3, 0.4))}
    store_calibration(checkpoint, weights)
    assert read_record(checkpoint).calibration == {2: [(0.1, 0.2), (0.3, 0.4)]}
    assert load_exported(checkpoint)[0].calibration.knots == weights[2]
    assert load_exported(checkpoint, flip=False)[0].calibration.knots == ()
