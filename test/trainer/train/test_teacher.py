"""What the right view sees of the left one, and whose disparity a teacher takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest
import torch

from trainer.train.teacher import blend_where_visible, is_visible

WIDTH = 16
FAR, NEAR = 1 / WIDTH, 4 / WIDTH  # 1 px and 4 px


def _row(*columns: slice) -> torch.Tensor:
    """A far background with something near at columns, (1, 1, 1, WIDTH)."""
    row = torch.full((1, 1, 1, WIDTH), FAR)
    for at in columns:
        row[..., at] = NEAR
    return row


def test_left_of_something_near_three_columns_are_hidden():
    # At 8 the near thing falls on 4 of the right view, where the background's 5 falls; at 10 on
    # 6. So 5, 6 and 7 are hidden, and column 0 falls on -1: outside.
    seen = is_visible(_row(slice(8, 11)))[0, 0, 0].tolist()
    assert [at for at, is_seen in enumerate(seen) if not is_seen] == [0, 5, 6, 7]


def test_near_the_left_border_what_falls_outside_is_not_seen():
    seen = is_visible(_row(slice(0, WIDTH)))[0, 0, 0].tolist()
    assert [at for at, is_seen in enumerate(seen) if not is_seen] == [0, 1, 2, 3]


@given(st.lists(st.floats(0.01, 0.3), min_size=1, max_size=40))
def test_everything_is_visible_that_no_other_column_covers(fractions):
    """Against a loop over columns."""
    width = len(fractions)
    disparity = torch.tensor(fractions, dtype=torch.float64).view(1, 1, 1, -1)
    match = [column - width * fraction for column, fraction in enumerate(fractions)]
    expected = [
        at >= 0 and all(at < other for other in match[column + 1 :])
        for column, at in enumerate(match)
    ]
    assert is_visible(disparity)[0, 0, 0].tolist() == expected


def test_a_pixel_is_of_the_pass_whose_other_view_sees_it():
    # Two passes that agree on the shape, but the second one says 10 % more everywhere.
    of_image = _row(slice(8, 11))
    of_mirrored = of_image * 1.1
    ratio = (blend_where_visible(of_image, of_mirrored) / of_image)[0, 0, 0].tolist()
    # The view to the left is blind at the right of the near thing, and at the right border.
    expected = [1.05] * WIDTH
    for at in (0, 5, 6, 7):
        expected[at] = 1.1
    for at in (11, 12, 13, 14, 15):
        expected[at] = 1.0
    assert ratio == pytest.approx(expected)
