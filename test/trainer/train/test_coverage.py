"""How much of the canonical camera a rig covers."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
import pytest

from monodepth_ros.core.camera import Camera
from monodepth_ros.core.network_view import ToNetwork
from test.helpers.stereo_folders import RIG, write_pairs
from trainer.datasets.sources import open_sequences
from trainer.train.coverage import covered_fraction, least_coverage


@pytest.mark.parametrize(
    ('rig', 'fraction'),
    [
        (RIG, 1),
        (replace(RIG, fx=2 * RIG.fx, fy=2 * RIG.fy), 1 / 4),
        (replace(RIG, fx=RIG.fx / 2, fy=RIG.fy / 2), 1),
        # The image reaches 16 px further left, and 16 of 64 columns at the right are not seen.
        (replace(RIG, cx=RIG.cx + 16), 3 / 4),
        (replace(RIG, cx=RIG.cx + 64), 0),
    ],
)
def test_the_covered_fraction_by_hand(rig, fraction):
    assert covered_fraction(rig, RIG) == pytest.approx(fraction)


@given(
    fx=st.floats(40, 200),
    fy=st.floats(40, 200),
    cx=st.floats(-20, 80),
    cy=st.floats(-20, 50),
)
def test_the_covered_fraction_is_that_of_the_map(fx, fy, cx, cy):
    rig = replace(RIG, fx=fx, fy=fy, cx=cx, cy=cy)
    valid = ToNetwork(Camera.pinhole(rig), RIG).valid
    # Up to one row and one column at each border are counted or not as a whole.
    assert covered_fraction(rig, RIG) == pytest.approx(valid.mean(), abs=2 / 32 + 2 / 64)


def test_the_sequence_that_covers_least_is_named(tmp_path):
    paths = [
        write_pairs(tmp_path / f'{factor}', 1, rig=replace(RIG, fx=60 * factor, fy=60 * factor))
        for factor in (1, 1.5, 2, 1.4)
    ]
    sequences = [sequence for path in paths for sequence in open_sequences(str(path))]
    least = least_coverage(sequences, RIG)
    assert (least.sequence, least.fraction) == (sequences[2], pytest.approx(1 / 4))
    assert str(least).startswith(f'{paths[2]}: its images cover 25% of the canonical camera')
