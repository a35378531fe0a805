"""The training configuration: the only home of its names, defaults and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, MISSING
from pathlib import Path
from typing import Any

from trainer.train.lightning_arguments import check_lightning_arguments

# Values of TrainConfig.validation other than data.
LAST_TENTH, NO_VALIDATION = 'last_tenth', 'none'


@dataclass(frozen=True)
class TrainConfig:
    """Train a network on stereo pairs; `export` takes its OUTPUT/best.ckpt or last.ckpt."""

    data: tuple[str, ...]
    """Pair folders, or public data sets; the rig of the first one defines the canonical camera,
    unless init_from does."""
    output: Path
    """Folder for checkpoints and TensorBoard logs. The same command resumes a stopped training."""
    validation: str = LAST_TENTH
    """Pairs that validate and choose best.ckpt: `last_tenth` of each sequence in time, `none`
    (only last.ckpt is kept), or other data, e.g. KITTI_ROOT@VAL_FILE_LIST. They do not train."""
    network: str = 'resnet18'
    """efficientnet_lite0, mobilenet_v2, resnet18, resnet34, resnet50, godard_vgg,
    godard_resnet50, small, or timm/NAME."""
    encoder_weights: str | None = None
    """imagenet (from a package, torch.hub's cache or by download), a file of public weights, or
    null for random weights."""
    init_from: Path | None = None
    """A checkpoint whose weights this training begins from, with its own schedule, instead of
    encoder_weights. Its canonical camera and baseline are kept."""
    width: int = 640
    """Network width in px, a multiple of the network's stride."""
    height: int = 192
    """Network height in px, a multiple of the network's stride."""
    square_pixels: bool = True
    """Crop to square pixels; false: stretch the image to width x height, as in the paper."""
    batch_size: int = 8
    """Pairs in a batch of each process."""
    learning_rate: float = 1.0e-4
    """Learning rate of Adam at the start; it is halved at 3/5 and at 4/5 of all steps."""
    hints: str | None = None
    """Disparities that teach beside the images: sgbm (matched at the first use and kept in
    hints_sgbm/ beside the views), another KIND of folders hints_KIND, or null for none. With them
    the network also learns its error, as its confidence."""
    checkpoint_every: int = 500
    """Steps between two checkpoints."""
    workers: int = 1
    """Processes that decode and map images; 0: decode in the process that trains."""
    cache: Path | None = None
    """Folder for pairs in the canonical camera, 6 bytes for each network pixel of a pair, 10 with
    hints; null: decode the pairs every time."""
    compile: bool = False
    """Use torch.compile for the loss, on a GPU for the network too: minutes at the start, then
    faster steps."""
    seed: int = 1
    """Seed of the initial weights, the order of pairs and the augmentation."""
    max_depth_m: float = 100.0
    """Farthest depth in m; predictions beyond it are published as out of range (+inf)."""
    force: bool = False
    """Train in spite of faults that `python -m trainer check` finds in the data, and on rigs that
    show too little of the canonical camera."""
    data_licence: str = 'not stated'
    """Licence of the training data; stored in the model file."""
    trainer: dict[str, Any] = field(default_factory=dict)
    """Arguments of Lightning's Trainer; one of max_steps and max_epochs is needed."""

    def __post_init__(self) -> None:
        positive = ('width', 'height', 'batch_size', 'learning_rate', 'checkpoint_every')
        for name in (*positive, 'max_depth_m'):
            if not getattr(self, name) > 0:
                raise ValueError(f'{name} is {getattr(self, name)}, expected a positive number')
        if not self.data:
            raise ValueError('data is empty, expected at least one pair folder')
        if self.init_from is not None:
            self._check_init_from(self.init_from)
        check_lightning_arguments(self.trainer)
        # The number of steps must be known, since the learning rate is halved at parts of it.
        if all(self.trainer.get(name) in (None, -1) for name in ('max_steps', 'max_epochs')):
            raise ValueError('got neither trainer.max_steps nor trainer.max_epochs, expected one')

    def plain(self) -> dict[str, Any]:
        """Return the fields as numbers, texts, lists and dicts, for YAML and checkpoints."""
        values = asdict(self) | {'data': list(self.data), 'output': str(self.output)}
        paths = {'cache': self.cache, 'init_from': self.init_from}
        return values | {name: path and str(path) for name, path in paths.items()}

    @classmethod
    def with_defaults(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """
        Return stored fields, see plain, as this version has them.

        A field that is newer than them had its default; one that is gone and was off is left out.
        """
        names = {f.name for f in fields(cls)}
        defaults = {f.name: f.default for f in fields(cls) if f.default is not MISSING}
        known = {key: value for key, value in stored.items() if key in names or value}
        return {**defaults, **known}

    def _check_init_from(self, init_from: Path) -> None:
        if self.encoder_weights is not None:
            raise ValueError(
                f'got init_from {init_from} and encoder_weights {self.encoder_weights}, expected '
                'one source of weights; give --encoder_weights null, or leave init_from out'
            )
        if self.output.resolve() in init_from.resolve().parents:
            raise ValueError(
                f'init_from {init_from} is in the output {self.output}, whose checkpoints this '
                'training replaces; choose another output'
            )
