"""Weights of the encoders: files, ImageNet, and what is refused."""

from __future__ import annotations

from pathlib import Path
import sys
from urllib.error import URLError

import pytest
import torch

from trainer.model.network import build_network


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
    ],
)
def test_the_keys_are_torchvisions_without_the_classifier(name, entries, shapes):
    state = build_network(name).encoder.state_dict()
    assert len(state) == entries  # torchvision's 122, 218 and 320 less fc.weight and fc.bias
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
    with pytest.raises(ValueError, match="torchvision's resnet50") as caught:
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


def test_imagenet_weights_are_taken_from_the_cache(state, hub):
    _saved(state, hub / 'resnet18-f37072fd.pth')
    _assert_loaded(build_network('resnet18', weights='imagenet'), state)


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
