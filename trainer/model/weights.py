"""ImageNet weights for the ResNets: torchvision's files, fetched once or given as a path."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn, Tensor

from monodepth_ros.common.errors import one_line
from monodepth_ros.common.paths import existing_file

IMAGENET = 'imagenet'
MAX_LIST_LENGTH = 300  # characters
URL = 'https://download.pytorch.org/models/'
FILES = {
    'resnet18': 'resnet18-f37072fd.pth',
    'resnet34': 'resnet34-b627a593.pth',
    'resnet50': 'resnet50-0676ba61.pth',
}


def load_weights(encoder: nn.Module, name: str, weights: str) -> None:
    """
    Fill a ResNetEncoder from torchvision's state dict of the same network.

    name: a key of FILES.
    weights: 'imagenet' or the path of a file.
    Raises FileNotFoundError for a missing file, ValueError for a file that does not fit and for
    a failed download.
    """
    state = _download(FILES[name]) if weights == IMAGENET else _read(weights)
    # The classifier of ImageNet's thousand classes.
    state = {key: value for key, value in state.items() if not key.startswith('fc.')}
    try:
        encoder.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            f"weights {weights} do not fit, expected a state dict of torchvision's {name}: "
            f'{_shortened(error)}'
        ) from error


def _download(file: str) -> dict[str, Tensor]:
    try:
        return torch.hub.load_state_dict_from_url(
            URL + file, map_location='cpu', check_hash=True, weights_only=True
        )
    # URLError is an OSError; a wrong hash raises RuntimeError.
    except (OSError, RuntimeError) as error:
        cached = Path(torch.hub.get_dir()) / 'checkpoints' / file
        raise ValueError(
            f'cannot fetch {URL}{file} ({one_line(error)}); put the file at {cached}, give a path '
            f'to these weights, or train from scratch with encoder_weights null'
        ) from error


def _read(weights: str) -> dict[str, Tensor]:
    advice = f"name a file of torchvision's, or '{IMAGENET}' to fetch it"
    path = existing_file(weights, 'weights', advice)
    try:
        return dict(torch.load(path, map_location='cpu', weights_only=True))
    # torch.load raises unpickling, zip and type errors, which have no common base class.
    except Exception as error:
        raise ValueError(
            f"weights {path} are no state dict ({one_line(error)}); give torchvision's file"
        ) from error


def _shortened(error: Exception) -> str:
    # torch lists every missing key, one a line.
    text = ' '.join(str(error).split())
    return text if len(text) <= MAX_LIST_LENGTH else f'{text[:MAX_LIST_LENGTH]}...'
