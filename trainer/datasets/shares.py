"""A part of a recording, by shares of its duration."""

from __future__ import annotations


def check_shares(first_share: float, last_share: float) -> None:
    """Raise ValueError unless they are the ends of a part of a recording."""
    if not 0 <= first_share < last_share <= 1:
        raise ValueError(
            f'first_share is {first_share:g} and last_share {last_share:g}, expected '
            '0 <= first_share < last_share <= 1'
        )
