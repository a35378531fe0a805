"""The picture strip: input, depth, truth and error of a few frames."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use('Agg')
from matplotlib import pyplot as plt
from matplotlib.colors import LogNorm
import numpy as np

from monodepth_ros.atomic import atomic_file

COLORS = 'turbo_r'
NEAR_M, FAR_M = 1.5, 60.0
MAX_ERROR = 0.5
SPARSE_SHARE = 0.2


class Row(NamedTuple):
    """rgb (H, W, 3), predicted and true depth (H, W) in metres, all of one camera."""

    rgb: np.ndarray
    depth_m: np.ndarray
    true_m: np.ndarray


def write_strip(path: Path, rows: list[Row]) -> None:
    """Write one line of four pictures a frame."""
    height, width = rows[0].depth_m.shape
    size = (16, 0.5 + len(rows) * 4 * height / width)
    figure, axes = plt.subplots(len(rows), 4, figsize=size, squeeze=False, layout='constrained')
    for line, row in zip(axes, rows, strict=True):
        line[0].imshow(row.rgb)
        depth = _show(line[1], row.depth_m, COLORS, norm=LogNorm(NEAR_M, FAR_M))
        _show(line[2], row.true_m, COLORS, norm=LogNorm(NEAR_M, FAR_M))
        in_range = np.where(np.isfinite(row.true_m), row.true_m, np.nan)
        relative = np.abs(row.depth_m - in_range) / in_range
        error = _show(line[3], relative, 'magma', vmin=0, vmax=MAX_ERROR)
    for axis, title in zip(axes[0], ('input', 'depth', 'truth', 'relative error'), strict=True):
        axis.set_title(title)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.colorbar(depth, ax=axes[:, 1:3], label='m', shrink=0.8)
    figure.colorbar(error, ax=axes[:, 3], shrink=0.8)
    with atomic_file(path) as partial:
        figure.savefig(partial, format='png', dpi=90)
    plt.close(figure)


def _show(axis: plt.Axes, values: np.ndarray, colors: str, **scale: object) -> object:
    """An image, or dots where only a few pixels (laser points) are known."""
    finite = np.isfinite(values)
    axis.set_facecolor('black')
    if finite.mean() > SPARSE_SHARE:
        return axis.imshow(np.where(finite, values, np.nan), cmap=colors, **scale)
    v, u = np.nonzero(finite)
    axis.set(xlim=(0, values.shape[1]), ylim=(values.shape[0], 0), aspect='equal')
    return axis.scatter(u, v, c=values[finite], s=1, cmap=colors, **scale)
