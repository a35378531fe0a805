"""The networks: what goes in, what comes out, and how many parameters they have."""

from __future__ import annotations

from itertools import pairwise

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from monodepth_ros.core.model_spec import self_test_image
from trainer.export.export import write_onnx
from trainer.model.exported_network import ExportedNetwork
from trainer.model.godard import ResNet50Encoder, VggEncoder
from trainer.model.limits import MAX_DISPARITY_FRAC
from trainer.model.network import build_network, DepthNetwork, stride_of

NETWORKS = {
    'small': 32,
    'resnet18': 32,
    'resnet34': 32,
    'resnet50': 32,
    'mobilenet_v2': 32,
    'efficientnet_lite0': 32,
    'godard_resnet50': 64,
    'godard_vgg': 128,
}


@pytest.fixture(scope='module')
def small():
    torch.manual_seed(0)
    return build_network('small').eval()


def _count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize('name', NETWORKS)
def test_four_scales_of_two_disparities(name):
    stride = NETWORKS[name]
    network = build_network(name).eval()
    assert network.stride == stride
    with torch.no_grad():
        disparities = network(torch.rand(1, 3, stride, 2 * stride))
    for scale, disparity in enumerate(disparities):
        assert disparity.shape == (1, 2, stride >> scale, 2 * stride >> scale)
        assert disparity.dtype == torch.float32
        assert (disparity > 0).all()
        assert (disparity < MAX_DISPARITY_FRAC).all()
    assert len(disparities) == 4


@pytest.mark.parametrize(
    ('name', 'expected'), [('godard_vgg', 31_600_072), ('godard_resnet50', 58_452_008)]
)
def test_parameters_of_the_papers_networks(name, expected):
    assert _count(build_network(name)) == expected


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('resnet18', 11_176_512),
        ('resnet34', 21_284_672),
        ('resnet50', 23_508_032),
        # 3,504,872 and 4,652,008 of the papers, less the classifier and the convolution before it.
        ('mobilenet_v2', 3_504_872 - 1000 * 1281 - 1280 * (320 + 2)),
        ('efficientnet_lite0', 4_652_008 - 1000 * 1281 - 1280 * (320 + 2)),
    ],
)
def test_parameters_of_the_encoders_with_public_weights(name, expected):
    assert _count(build_network(name).encoder) == expected


@pytest.mark.parametrize('name', ['godard_vgg', 'godard_resnet50'])
def test_the_papers_networks_begin_at_15_percent_with_zero_biases(name):
    network = build_network(name).eval()
    assert all((p == 0).all() for key, p in network.named_parameters() if 'bias' in key)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    with torch.no_grad():
        *_, coarsest = network(torch.zeros(1, 3, network.stride, network.stride))
    # Without biases a black image stays 0 as far as the first head: 0.3 * sigmoid(0).
    assert (coarsest == MAX_DISPARITY_FRAC / 2).all()


def test_glorot_bounds_the_papers_first_weights():
    weight = build_network('godard_vgg').encoder.blocks[0][0][0].weight
    bound = (6 / (3 * 49 + 32 * 49)) ** 0.5  # Glorot & Bengio 2010, equation 16
    assert 0.95 * bound < weight.abs().max() <= bound


def test_the_papers_resnet_halves_in_the_last_block_of_a_stage():
    strides = [[block.shortcut.stride[0] for block in stage] for stage in ResNet50Encoder().stages]
    assert strides == [[1, 1, 2], [1, 1, 1, 2], [1, 1, 1, 1, 1, 2], [1, 1, 2]]


def test_the_papers_vgg_takes_the_image_without_normalisation():
    torch.manual_seed(0)
    encoder = VggEncoder()
    image = torch.rand(1, 3, 128, 128)
    first = nn.functional.elu(encoder.blocks[0][0][0](image))
    second = nn.functional.elu(encoder.blocks[0][1][0](first))
    torch.testing.assert_close(encoder(image)[0], second)


def test_each_encoder_sees_what_its_weights_were_trained_with():
    pixels = torch.tensor([0.0, 127, 255]).view(3, 1, 1)
    lite = build_network('efficientnet_lite0').encoder.normalise(pixels / 255)
    torch.testing.assert_close(lite.flatten(), torch.tensor([-127 / 128, 0, 1]))
    for name in ('mobilenet_v2', 'resnet18'):
        first = build_network(name).encoder.normalise(pixels / 255).flatten()
        means, stds = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        torch.testing.assert_close(first, (pixels.flatten() / 255 - means) / stds)


def test_it_begins_near_what_a_street_shows(small):
    with torch.no_grad():
        finest = small(torch.rand(1, 3, 64, 96))[0]
    assert 0.005 < finest.mean() < 0.04


@pytest.mark.parametrize('name', ['small', 'resnet18'])
def test_every_parameter_is_trained(name):
    network = build_network(name)
    sum(d.sum() for d in network(torch.rand(2, 3, 64, 96))).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_heads_stay_float32_under_autocast(small):
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        disparities = small(image)
    for disparity in disparities:
        assert disparity.dtype == torch.float32
        # bfloat16 has 8 bits of mantissa; a disparity that went through it has 16 zero bits.
        assert (disparity.view(torch.int32) & 0xFFFF).any()


def test_an_input_that_does_not_divide_by_the_stride_is_refused(small):
    with pytest.raises(ValueError, match='height is 33, expected a multiple of 32'):
        small(torch.zeros(1, 3, 33, 96))


@pytest.mark.parametrize(
    ('name', 'stride'), [('godard_vgg', 128), ('godard_resnet50', 64), ('resnet18', 32)]
)
def test_the_stride_is_that_of_the_deepest_features(name, stride):
    assert stride_of(name) == stride


@pytest.mark.parametrize('name', ['resnet19', 'vgg', ''])
def test_an_unknown_network_is_refused_with_the_known(name):
    with pytest.raises(ValueError, match=r"network is '.*', expected godard_vgg, .* or timm/NAME"):
        build_network(name)


class _Halvings(nn.Module):
    """Seven convolutions of stride 2: the quickest encoder of the paper's stride of 128."""

    channels = (2,) * 7

    def __init__(self):
        super().__init__()
        pairs = pairwise((3, *self.channels))
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, stride=2, padding=1) for i, o in pairs)

    def forward(self, image):
        features = [image]
        for conv in self.convs:
            features.append(conv(features[-1]))
        return features[1:]


def _assert_exported_alike(network, path, *, width, height):
    model = ExportedNetwork(network.eval(), canonical_width=width)
    write_onnx(model, path)
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert 'ConvTranspose' in operators
    assert 'Einsum' not in operators  # the kernels of UpConv3x3 are constants
    image = self_test_image(width=width, height=height)[None]
    computed = onnxruntime.InferenceSession(path).run(None, {'image': image})
    with torch.no_grad():
        expected = model(torch.from_numpy(image))
    for got, wanted in zip(computed, expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(got), wanted, rtol=1e-4, atol=1e-6)


def test_sizes_stay_free_in_the_onnx_of_another_stride(tmp_path):
    network = DepthNetwork(_Halvings(), channels=(64,) * 7)
    _assert_exported_alike(network, tmp_path / 'a.onnx', width=384, height=256)


# That `small` does is shown by every test of the export.
@pytest.mark.slow
@pytest.mark.parametrize('name', [name for name in NETWORKS if name != 'small'])
def test_every_network_exports(name, tmp_path):
    network = build_network(name)
    size = {'width': 3 * network.stride, 'height': 2 * network.stride}
    _assert_exported_alike(network, tmp_path / 'a.onnx', **size)
