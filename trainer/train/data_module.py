"""The training and validation data of one training, as Lightning asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning as L
from torch.utils.data import DataLoader

from monodepth_ros.core.model_spec import ModelSpec
from trainer.datasets.hints import Hints
from trainer.train.cache import CachedViews
from trainer.train.config import TrainConfig
from trainer.train.pairs import CanonicalViews, PairDataset, PairName
from trainer.train.samples import StereoSample
from trainer.train.split import Split
from trainer.train.stream import PairStream, TrainingLoader, unchanged_keys, worker_options


class StereoData(L.LightningDataModule):
    """
    The loaders of a process: training and validation pairs in the spec's camera.

    hints: the hints of each sequence of the split, see hints_of.
    """

    def __init__(
        self, config: TrainConfig, split: Split, spec: ModelSpec, hints: Sequence[Hints | None]
    ) -> None:
        super().__init__()
        self._config = config
        self._spec = spec
        self._split = split
        self._hints = hints

    def setup(self, stage: str) -> None:
        """Prepare the maps and, if configured, the cache."""
        cache = self._config.cache
        views = [
            CanonicalViews(sequence, self._spec.camera, hints)
            for sequence, hints in zip(self._split.sequences, self._hints, strict=True)
        ]
        self._readers = [CachedViews(view, cache) for view in views] if cache else views

    def train_dataloader(self) -> TrainingLoader:
        """Return the loader of augmented batches, in the order of the seed."""
        assert self.trainer is not None
        stream = PairStream(
            len(self._split.training),
            batch_size=self._config.batch_size,
            seed=self._config.seed,
            rank=self.trainer.global_rank,
            world_size=self.trainer.world_size,
        )
        return TrainingLoader(
            self._dataset(self._split.training), stream, **self._worker_options()
        )

    def val_dataloader(self) -> DataLoader[StereoSample]:
        """Return the loader of the validation pairs, without augmentation; it may be empty."""
        assert self.trainer is not None
        pairs, processes = len(self._split.validation), self.trainer.world_size
        if 0 < pairs < processes:
            raise ValueError(
                f'got {pairs} validation pairs for {processes} processes, expected one for each; '
                'record more, lower trainer.devices or train without (--validation none)'
            )
        keys = unchanged_keys(pairs, rank=self.trainer.global_rank, world_size=processes)
        return DataLoader(
            self._dataset(self._split.validation),
            batch_size=self._config.batch_size,
            sampler=keys,
            **self._worker_options(),
        )

    def _dataset(self, names: list[PairName]) -> PairDataset:
        return PairDataset(
            self._readers,
            names,
            baseline_m=self._spec.baseline_m,
            seed=self._config.seed,
        )

    def _worker_options(self) -> dict[str, Any]:
        assert self.trainer is not None
        on_gpu = self.trainer.strategy.root_device.type == 'cuda'
        return worker_options(self._config.workers, pin_memory=on_gpu)
