"""A part of a recording, given by fractions of its duration."""

from __future__ import annotations


def check_shares(first_share: float, last_share: float) -> None:
    """Raise ValueError unless 0 <= first_share < last_share <= 1."""
    if not 0 <= first_share < last_share <= 1:
        raise ValueError(
            f'first_share is {first_share:g} and last_share {last_share:g}, expected '
            '0 <= first_share < last_share <= 1'
        )
