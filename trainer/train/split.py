"""The split into pairs that train and pairs that validate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from trainer.datasets.hints import Hints
from trainer.datasets.sources import open_sequences, PairSequence
from trainer.train.config import LAST_TENTH, NO_VALIDATION
from trainer.train.pairs import PairName, split_in_time


class Split(NamedTuple):
    """Sequences, and their pairs that train and that validate; no pair does both."""

    sequences: list[PairSequence]
    training: list[PairName]
    validation: list[PairName]


def split_pairs(sequences: Sequence[PairSequence], validation: str) -> Split:
    """
    Split pairs as TrainConfig.validation says.

    Sequences of other validation data follow the given ones. Raises as open_sequences.
    """
    if validation == LAST_TENTH:
        return Split(list(sequences), *split_in_time(sequences))
    held_out = [] if validation == NO_VALIDATION else _opened(validation)
    every = [*sequences, *held_out]
    pairs = [PairName(at, name) for at, sequence in enumerate(every) for name in sequence.names]
    validating = [pair for pair in pairs if pair.sequence >= len(sequences)]
    images = set(_left_images(every, validating))
    training = pairs[: len(pairs) - len(validating)]
    # The validation data may be a part of the training data, whose pairs then must not train.
    kept = [
        pair
        for pair, image in zip(training, _left_images(every, training), strict=True)
        if image not in images
    ]
    return Split(every, kept, validating)


def hints_of(split: Split, kind: str | None) -> list[Hints | None]:
    """
    Return the hints of the pairs that train, by sequence; None for one that only validates.

    kind: see TrainConfig.hints; None: no sequence has any.
    Raises as Hints does.
    """
    if kind is None:
        return [None] * len(split.sequences)
    names: list[list[str]] = [[] for _ in split.sequences]
    for pair in split.training:
        names[pair.sequence].append(pair.name)
    return [
        Hints(sequence, kind, of_sequence) if of_sequence else None
        for sequence, of_sequence in zip(split.sequences, names, strict=True)
    ]


def _opened(validation: str) -> list[PairSequence]:
    try:
        return open_sequences(validation)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'validation is neither {LAST_TENTH!r} nor {NO_VALIDATION!r}, and as data: {error}'
        ) from error


def _left_images(sequences: Sequence[PairSequence], pairs: Iterable[PairName]) -> list[Path]:
    """Return the same path for the same file, however its sequence was named."""
    return [sequences[pair.sequence].paths(pair.name)[0].resolve() for pair in pairs]
