"""
The paper's training step as a competent engineer would write it from the paper, unoptimised.

It has the same network and weights, executed layer by layer, and computes the loss scale by scale
and view by view, in float32, with contiguous tensors and torch's Adam.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn, Tensor
import torch.nn.functional as F

from trainer.model.network import DepthNetwork


def plain_network(network: DepthNetwork) -> DepthNetwork:
    """Return a copy of a network, with a decoder of torch's own layers."""
    network = copy.deepcopy(network)
    decoder = network.decoder
    for upconv in decoder.upconvs:
        assert isinstance(upconv, nn.Sequential)
        upconv[0] = nn.Sequential(nn.Upsample(scale_factor=2), _plain_conv(upconv[0]))
    for iconv in decoder.iconvs:
        assert isinstance(iconv, nn.Sequential)
        iconv[0] = _plain_conv(iconv[0])
    decoder.heads = nn.ModuleList(map(_plain_conv, decoder.heads))
    return network


def _plain_conv(ours: nn.Module) -> nn.Conv2d:
    assert isinstance(ours, nn.Conv2d)
    conv = nn.Conv2d(
        ours.in_channels, ours.out_channels, 3, padding=1, padding_mode=ours.padding_mode
    )
    conv.load_state_dict(ours.state_dict())
    return conv.to(ours.weight)


def plain_loss(left: Tensor, right: Tensor, disparities: list[Tensor]) -> Tensor:
    """Return the loss of equations 1 to 4 of the paper, summed over four scales."""
    total = torch.zeros((), device=left.device)
    for scale, disparity in enumerate(disparities):
        size = disparity.shape[-2:]
        left_s = F.interpolate(left, size, mode='area')
        right_s = F.interpolate(right, size, mode='area')
        d_left, d_right = disparity[:, :1], disparity[:, 1:]
        left_estimate = _sample(right_s, -d_left)
        right_estimate = _sample(left_s, d_right)
        total = total + _appearance(left_estimate, left_s) + _appearance(right_estimate, right_s)
        smoothness = _smoothness(d_left, left_s) + _smoothness(d_right, right_s)
        total = total + 0.1 / 2**scale * smoothness
        total = total + (d_left - _sample(d_right, -d_left)).abs().mean()
        total = total + (d_right - _sample(d_left, d_right)).abs().mean()
    return total


def _sample(image: Tensor, offset_frac: Tensor) -> Tensor:
    batch, _, height, width = image.shape
    options: dict[str, Any] = {'dtype': image.dtype, 'device': image.device}
    x = torch.linspace(-1, 1, width, **options) + 2 * offset_frac[:, 0] * width / (width - 1)
    y = torch.linspace(-1, 1, height, **options)[:, None].expand(batch, height, width)
    grid = torch.stack([x, y], dim=-1)
    return F.grid_sample(image, grid, mode='bilinear', padding_mode='zeros', align_corners=True)


def _appearance(estimate: Tensor, image: Tensor) -> Tensor:
    dssim = torch.clamp((1 - _ssim(estimate, image)) / 2, 0, 1)
    return 0.85 * dssim.mean() + 0.15 * (estimate - image).abs().mean()


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    mu_x, mu_y = F.avg_pool2d(x, 3, 1), F.avg_pool2d(y, 3, 1)
    sigma_x = F.avg_pool2d(x * x, 3, 1) - mu_x * mu_x
    sigma_y = F.avg_pool2d(y * y, 3, 1) - mu_y * mu_y
    sigma_xy = F.avg_pool2d(x * y, 3, 1) - mu_x * mu_y
    c1, c2 = 0.01**2, 0.03**2
    numerator = (2 * mu_x * mu_y + c1) * (2 * sigma_xy + c2)
    return numerator / ((mu_x * mu_x + mu_y * mu_y + c1) * (sigma_x + sigma_y + c2))


def _smoothness(disparity: Tensor, image: Tensor) -> Tensor:
    disparity_x = (disparity[..., 1:] - disparity[..., :-1]).abs()
    disparity_y = (disparity[..., 1:, :] - disparity[..., :-1, :]).abs()
    image_x = (image[..., 1:] - image[..., :-1]).abs().mean(1, keepdim=True)
    image_y = (image[..., 1:, :] - image[..., :-1, :]).abs().mean(1, keepdim=True)
    return (disparity_x * torch.exp(-image_x)).mean() + (disparity_y * torch.exp(-image_y)).mean()
