"""The training configuration: the only home of its names, defaults and units."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainer.train.lightning_arguments import check_arguments

# What TrainConfig.validation says beside pairs of its own.
LAST_TENTH, NO_VALIDATION = 'last_tenth', 'none'


@dataclass(frozen=True)
class TrainConfig:
    """Train a network on stereo pairs; OUTPUT/best.ckpt and last.ckpt are what `export` takes."""

    data: tuple[str, ...]
    """Pair folders, or trees of public data sets; the first one's rig becomes the canonical
    camera."""
    output: Path
    """Folder for checkpoints and TensorBoard logs. The same command again resumes there."""
    validation: str = LAST_TENTH
    """Pairs that are not trained on and choose best.ckpt: `last_tenth` of each sequence in time,
    `none` (only last.ckpt is kept), or pairs named as in data, e.g. KITTI_ROOT@VAL_FILE_LIST."""
    network: str = 'resnet18'
    """godard_vgg, godard_resnet50, resnet18, resnet34, resnet50, small, or timm/NAME."""
    encoder_weights: str | None = None
    """imagenet (downloaded once), a file of torchvision's weights, or null to start anew."""
    width: int = 640
    """Network width in px, a multiple of the network's stride."""
    height: int = 192
    """Network height in px, a multiple of the network's stride."""
    square_pixels: bool = True
    """Crop to square pixels; false stretches the whole image to width x height, as the paper."""
    batch_size: int = 8
    """Pairs a batch and process."""
    learning_rate: float = 1.0e-4
    """Adam's at the start; it is halved at 3/5 and at 4/5 of all steps."""
    checkpoint_every: int = 500
    """Steps between two checkpoints."""
    workers: int = 1
    """Processes that decode and map images beside the training one; 0 decodes in it."""
    cache: Path | None = None
    """Folder for pairs already mapped into the canonical camera, 6 bytes a network pixel and
    pair, or null to decode them every time."""
    compile: bool = False
    """torch.compile the loss, on a GPU all of it: minutes at the start, then faster steps."""
    seed: int = 1
    """Of the initial weights, the order of pairs and the augmentation."""
    max_depth_m: float = 100.0
    """Predictions beyond it are published as out of range (+inf), in m."""
    force: bool = False
    """Train in spite of faults that `python -m trainer check` finds in the data."""
    data_licence: str = 'not stated'
    """Licence of the training data; stored in the model file."""
    trainer: dict[str, Any] = field(default_factory=dict)
    """Arguments of Lightning's Trainer, as they are; one of max_steps and max_epochs is needed."""

    def __post_init__(self) -> None:
        positive = ('width', 'height', 'batch_size', 'learning_rate', 'checkpoint_every')
        for name in (*positive, 'max_depth_m'):
            if not getattr(self, name) > 0:
                raise ValueError(f'{name} is {getattr(self, name)}, expected a positive number')
        if not self.data:
            raise ValueError('data is empty, expected at least one pair folder')
        check_arguments(self.trainer)
        # The learning rate halves at 3/5 and 4/5 of all steps: their number must be known.
        if all(self.trainer.get(name) in (None, -1) for name in ('max_steps', 'max_epochs')):
            raise ValueError('got neither trainer.max_steps nor trainer.max_epochs, expected one')

    def plain(self) -> dict[str, Any]:
        """Numbers, texts, lists and dicts only, as YAML and a checkpoint hold them."""
        values = asdict(self) | {'data': list(self.data), 'output': str(self.output)}
        return values | {'cache': self.cache and str(self.cache)}
