"""The training loop: Lightning around the network and the paper's loss."""

from __future__ import annotations

from dataclasses import asdict
import logging
from pathlib import Path
import subprocess
from typing import Any
import warnings

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
import torch
from torch.utils.data import DataLoader

from monodepth_ros.core.canonical import fit_canonical
from monodepth_ros.core.model_spec import ModelSpec
from monodepth_ros.errors import one_line
from monodepth_ros.pair_folder import PairFolder
from trainer.config import TrainConfig
from trainer.data.augment import augment
from trainer.data.pairs import one_thread_a_worker, PairDataset, StereoSample
from trainer.losses import stereo_loss
from trainer.model.decoder import MAX_DISPARITY_FRAC
from trainer.model.network import build_network, DepthNetwork

CHECKPOINT = 'last.ckpt'


class StereoDepth(L.LightningModule):
    """Learns disparity from pairs; spec_json travels in the checkpoint."""

    def __init__(self, spec_json: str, learning_rate: float, config: dict[str, Any]) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = build_network('small').to(memory_format=torch.channels_last)
        self._learning_rate = learning_rate

    def training_step(self, batch: StereoSample, _: int) -> torch.Tensor:
        """The paper's loss on one augmented batch."""
        left, right = augment(batch.left.float() / 255, batch.right.float() / 255)
        disparities = self.network(left.contiguous(memory_format=torch.channels_last))
        terms = stereo_loss(left, right, disparities, baseline_ratio=batch.baseline_ratio)
        self.log_dict({'loss': terms.total.detach(), **_detached(terms)}, prog_bar=True)
        return terms.total

    def configure_optimizers(self) -> dict[str, Any]:
        """Adam, halved at 3/5 and again at 4/5 of all steps (METHOD section 4)."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self._learning_rate)
        steps = self.trainer.max_steps
        milestones = [steps * 3 // 5, steps * 4 // 5]
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.5)
        return {
            'optimizer': optimizer,
            'lr_scheduler': {'scheduler': schedule, 'interval': 'step'},
        }


def train(config: TrainConfig) -> Path:
    """Train as configured; returns the checkpoint's path."""
    if config.output.exists():
        raise FileExistsError(f'{config.output} exists already; remove it or choose another name')
    L.seed_everything(config.seed, workers=True, verbose=False)
    folders = [PairFolder(path) for path in config.data]
    spec = _spec(config, folders)
    settings = {key: _plain(value) for key, value in asdict(config).items()}
    module = StereoDepth(spec.to_json(), config.learning_rate, settings)
    dataset = PairDataset(folders, canonical=spec.camera, baseline_m=spec.baseline_m)
    _trainer(config).fit(module, _loader(dataset, config))
    return config.output / CHECKPOINT


def load_checkpoint(path: Path) -> tuple[DepthNetwork, ModelSpec]:
    """Network in evaluation mode and its ModelSpec. Raises ValueError for another file."""
    if not path.is_file():
        raise FileNotFoundError(f'checkpoint {path} not found; make one with `trainer train`')
    try:
        values = torch.load(path, map_location='cpu', weights_only=True)
        spec = ModelSpec.from_json(values['hyper_parameters']['spec_json'])
        network = build_network('small')
        prefix = 'network.'
        weights = values['state_dict'].items()
        network.load_state_dict({key.removeprefix(prefix): value for key, value in weights})
    # A file that is no checkpoint of ours fails in torch's unpickler, a key or a shape.
    except Exception as error:
        raise ValueError(f'{path} is no checkpoint of this trainer: {one_line(error)}') from error
    return network.eval(), spec


def _trainer(config: TrainConfig) -> L.Trainer:
    # Its advertisements and its own deprecations are nothing that a user can act on.
    logging.getLogger('lightning.pytorch').setLevel(logging.WARNING)
    warnings.filterwarnings('ignore', module='lightning')
    return L.Trainer(
        max_steps=config.max_steps,
        max_epochs=-1,
        accelerator='auto',
        logger=False,
        log_every_n_steps=10,
        enable_model_summary=False,
        callbacks=[
            RichProgressBar(),
            ModelCheckpoint(config.output, save_top_k=0, save_last=True),
        ],
    )


def _loader(dataset: PairDataset, config: TrainConfig) -> DataLoader[StereoSample]:
    return DataLoader(
        dataset,
        batch_size=min(config.batch_size, len(dataset)),
        shuffle=True,
        # Its own, so that the loader's draws do not shift those of the augmentation.
        generator=torch.Generator().manual_seed(config.seed),
        drop_last=True,
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
        worker_init_fn=one_thread_a_worker,
        # A forked worker inherits OpenCV's thread pool without its threads and hangs.
        multiprocessing_context='spawn' if config.workers else None,
    )


def _spec(config: TrainConfig, folders: list[PairFolder]) -> ModelSpec:
    rig = folders[0].calibration
    camera = fit_canonical(rig.intrinsics, width=config.width, height=config.height)
    nearest_m = camera.fx * rig.baseline_m / (MAX_DISPARITY_FRAC * camera.width)
    return ModelSpec(
        camera=camera,
        baseline_m=rig.baseline_m,
        depth_range_m=(nearest_m, config.max_depth_m),
        encoder='small',
        training_data=tuple(path.name for path in config.data),
        data_licence=config.data_licence,
        git_commit=_git_commit(),
    )


def _git_commit() -> str:
    """The commit of this source, or 'unknown' outside a checkout."""
    command = ['git', '-C', str(Path(__file__).parent), 'rev-parse', 'HEAD']
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return 'unknown'
    return result.stdout.strip() or 'unknown'


def _plain(value: Any) -> Any:
    return (
        [str(path) for path in value]
        if isinstance(value, tuple)
        else (str(value) if isinstance(value, Path) else value)
    )


def _detached(terms: Any) -> dict[str, torch.Tensor]:
    return {name: value.detach() for name, value in terms._asdict().items()}
