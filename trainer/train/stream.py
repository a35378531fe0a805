"""The order of pairs in a training: the same for any workers, processes and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Sampler

from trainer.train.pairs import one_thread_a_worker, PairDataset, SampleKey
from trainer.train.samples import StereoSample

# Batches that each worker makes ahead.
PREFETCH = 4


class PairStream(Sampler[list[SampleKey]]):
    """
    Shuffled batches, epoch after epoch, as one stream that can start at any position.

    Process `rank` of `world_size` takes every world_size-th pair, so that all processes together
    see what one process of batch size world_size * batch_size would see. `position` counts the
    batches of this process since the start of the training. Pairs at the end of an epoch that
    fill no batch are left out.

    pairs: size of the data set.
    batch_size: batch size of one process.
    seed: seed of the order.
    rank, world_size: number of this process, and of all processes.
    Raises ValueError if the pairs do not fill one batch.
    """

    def __init__(
        self, pairs: int, *, batch_size: int, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        self._pairs = pairs
        self._block = batch_size * world_size
        self._seed, self._rank, self._world_size = seed, rank, world_size
        self.position = 0
        if len(self) == 0:
            raise ValueError(
                f'got {pairs} training pairs, expected at least {self._block}, one batch; record '
                'more or lower batch_size'
            )

    def __len__(self) -> int:
        return self._pairs // self._block

    def __iter__(self) -> Iterator[list[SampleKey]]:
        """Yield the batches from `position` to the end of its epoch."""
        epoch, first = divmod(self.position, len(self))
        order = np.random.default_rng((self._seed, epoch)).permutation(self._pairs)
        for batch in range(first, len(self)):
            block = range(batch * self._block, (batch + 1) * self._block)
            yield [
                SampleKey(int(order[at]), epoch * self._pairs + at)
                for at in block[self._rank :: self._world_size]
            ]


class TrainingLoader(DataLoader[StereoSample]):
    """A loader of batches of a PairStream; Lightning stores its state in every checkpoint."""

    def __init__(self, dataset: PairDataset, stream: PairStream, **options: Any) -> None:
        super().__init__(dataset, batch_sampler=stream, **options)
        self._stream = stream

    # torch declares the class that it iterates with, which is private.
    def __iter__(self) -> Iterator[StereoSample]:  # type: ignore[override]
        # Count what leaves the loader: the workers are ahead of it.
        for batch in super().__iter__():
            self._stream.position += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Return the number of batches taken so far."""
        return {'position': self._stream.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Continue after that many batches."""
        self._stream.position = state['position']


def unchanged_keys(pairs: int, *, rank: int = 0, world_size: int = 1) -> list[SampleKey]:
    """Return this process' part of the pairs, in their order, without augmentation."""
    return [SampleKey(index, None) for index in range(rank, pairs, world_size)]


def worker_options(workers: int, *, pin_memory: bool) -> dict[str, Any]:
    """Return the options by which the loaders start their worker processes."""
    options: dict[str, Any] = {'num_workers': workers, 'pin_memory': pin_memory}
    if workers:
        options |= {
            'persistent_workers': True,
            'prefetch_factor': PREFETCH,
            'worker_init_fn': one_thread_a_worker,
            # A forked worker inherits OpenCV's thread pool without its threads and hangs.
            'multiprocessing_context': 'spawn',
        }
    return options
