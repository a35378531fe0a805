"""The order of training pairs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from trainer.train.stream import PairStream, unchanged_keys


def _epochs(stream, count):
    """The keys of so many epochs, batch by batch, as a loader would take them."""
    batches = []
    for _ in range(count):
        for batch in stream:
            stream.position += 1
            batches.append(batch)
    return batches


def test_an_epoch_holds_every_pair_that_fills_a_batch_once():
    batches = _epochs(PairStream(10, batch_size=3, seed=1), 1)
    indices = [key.index for batch in batches for key in batch]
    assert len(batches) == 3
    assert len(set(indices)) == 9
    assert set(indices) < set(range(10))


def test_epochs_differ_and_no_draw_comes_twice():
    first, second = (
        [key for batch in epoch for key in batch]
        for epoch in (lambda b: (b[:2], b[2:]))(_epochs(PairStream(8, batch_size=4, seed=1), 2))
    )
    assert [key.index for key in first] != [key.index for key in second]
    assert len({key.draw for key in first + second}) == 16


def test_the_seed_is_the_order():
    one, same, other = (_epochs(PairStream(50, batch_size=5, seed=seed), 1) for seed in (1, 1, 2))
    assert one == same
    assert one != other


@given(
    pairs=st.integers(4, 40),
    batch_size=st.integers(1, 4),
    seed=st.integers(0, 5),
    taken=st.integers(0, 30),
)
def test_entered_anywhere_it_goes_on_as_if_never_left(pairs, batch_size, seed, taken):
    whole = PairStream(pairs, batch_size=batch_size, seed=seed)
    expected = _epochs(whole, 31)
    entered = PairStream(pairs, batch_size=batch_size, seed=seed)
    entered.position = taken
    assert _epochs(entered, 1) == expected[taken : taken + len(entered) - taken % len(entered)]


@given(pairs=st.integers(6, 40), batch_size=st.integers(1, 3), seed=st.integers(0, 5))
def test_two_processes_see_what_one_with_twice_the_batch_sees(pairs, batch_size, seed):
    one = _epochs(PairStream(pairs, batch_size=2 * batch_size, seed=seed), 2)
    ranks = [
        _epochs(PairStream(pairs, batch_size=batch_size, seed=seed, rank=r, world_size=2), 2)
        for r in (0, 1)
    ]
    assert [sorted(batch) for batch in one] == [
        sorted(first + second) for first, second in zip(*ranks, strict=True)
    ]


def test_validation_is_dealt_out_once():
    parts = [unchanged_keys(5, rank=rank, world_size=2) for rank in (0, 1)]
    assert sorted(key.index for part in parts for key in part) == [0, 1, 2, 3, 4]
    assert all(key.draw is None for part in parts for key in part)


def test_too_few_pairs_are_refused():
    with pytest.raises(ValueError, match='got 3 training pairs, expected at least 4'):
        PairStream(3, batch_size=2, seed=1, world_size=2)
