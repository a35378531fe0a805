"""Pictures of depth and of its errors, as matplotlib figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, LogNorm
from matplotlib.figure import Figure
import numpy as np

from monodepth_ros.core.choices import FAR_M, NEAR_M
from monodepth_ros.core.colors import color_table
from trainer.evaluate.confidence import ReliabilityBin, Sparsification, SPARSIFICATION_STEPS
from trainer.evaluate.scoring import DistanceBin, ERROR_STEPS

DEPTH_COLORS = ListedColormap(color_table() / 255)
MAX_ERROR = 0.5
SPARSE_FRACTION = 0.2
MIN_SHOWN_M = 0.25


class DepthPanels(NamedTuple):
    """The image (H, W, 3), its predicted and its true depth (H, W) in metres, in one camera."""

    rgb: np.ndarray
    depth_m: np.ndarray
    true_m: np.ndarray


def strip(rows: Sequence[DepthPanels], *, near_m: float = NEAR_M, far_m: float = FAR_M) -> Figure:
    """Plot input, depth, ground truth and relative error of each frame; depth on a log scale."""
    height, width = rows[0].depth_m.shape
    figure = Figure(figsize=(16, 0.5 + len(rows) * 4 * height / width), layout='constrained')
    axes = figure.subplots(len(rows), 4, squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        line[0].imshow(row.rgb)
        depth = _show(line[1], row.depth_m, DEPTH_COLORS, norm=LogNorm(near_m, far_m))
        _show(line[2], row.true_m, DEPTH_COLORS, norm=LogNorm(near_m, far_m))
        in_range = np.where(np.isfinite(row.true_m), row.true_m, np.nan)
        relative = np.abs(row.depth_m - in_range) / in_range
        error = _show(line[3], relative, 'magma', vmin=0, vmax=MAX_ERROR)
    for axis, title in zip(
        axes[0], ('input', 'depth', 'ground truth', 'relative error'), strict=True
    ):
        axis.set_title(title)
    for axis in axes.flat:
        axis.set_axis_off()
    scale = figure.colorbar(depth, ax=axes[:, 1:3], label='m', shrink=0.8)
    scale.ax.yaxis.set_major_formatter('{x:g}')
    scale.ax.yaxis.set_minor_formatter('{x:g}')
    figure.colorbar(error, ax=axes[:, 3], shrink=0.8)
    return figure


def error_distribution(cumulative: Mapping[str, np.ndarray]) -> Figure:
    """Plot the fraction of pixels below each relative error, see ErrorCounts.cumulative."""
    figure, axis = _chart('relative error |Zp - Z| / Z below', 'fraction of pixels')
    percent = np.arange(1, ERROR_STEPS + 1)
    for name, fraction in cumulative.items():
        axis.plot(percent, 100 * fraction, label=name)
    axis.set(xlim=(0, ERROR_STEPS), ylim=(0, 100))
    axis.xaxis.set_major_formatter('{x:.0f} %')
    axis.yaxis.set_major_formatter('{x:.0f} %')
    axis.legend(loc='lower right')
    return figure


def over_frames(abs_rel: Mapping[str, Sequence[float]]) -> Figure:
    """Plot Abs Rel of every frame in the order of the data, one line for each row."""
    figure, axis = _chart('frame', 'Abs Rel')
    for name, values in abs_rel.items():
        axis.plot(np.arange(len(values)), values, '.-', linewidth=1, label=name)
    axis.set_ylim(bottom=0)
    axis.legend()
    return figure


def by_distance(rows: Mapping[str, Sequence[DistanceBin]]) -> Figure:
    """Plot Abs Rel, bias and the number of pixels over the true distance."""
    figure = Figure(figsize=(8, 6), layout='constrained')
    size_axis, bias_axis, count_axis = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 1))
    for name, bins in rows.items():
        middle_m = [math.sqrt(max(b.from_m, MIN_SHOWN_M) * b.to_m) for b in bins]
        size_axis.plot(middle_m, [b.abs_rel for b in bins], '.-', label=name)
        bias_axis.plot(middle_m, [b.bias for b in bins], '.-', label=name)
    bins = next(iter(rows.values()))
    from_m = [max(b.from_m, MIN_SHOWN_M) for b in bins]
    widths_m = [b.to_m - start_m for b, start_m in zip(bins, from_m, strict=True)]
    count_axis.bar(from_m, [b.pixels for b in bins], widths_m, align='edge', edgecolor='white')
    worst = max(b.abs_rel for bins in rows.values() for b in bins)
    limit = min(1, 1.1 * worst + 0.01)  # a depth that is 4 times too far would hide the others
    size_axis.set(ylabel='Abs Rel', ylim=(0, limit))
    bias_axis.set(ylabel='bias: too far > 0', ylim=(-limit, limit))
    bias_axis.axhline(0, color='black', linewidth=0.8)
    count_axis.set(xlabel='true depth (m)', ylabel='pixels', xscale='log')
    count_axis.set_xticks(from_m, [f'{edge_m:.2g}' for edge_m in from_m])
    count_axis.minorticks_off()
    size_axis.legend()
    for axis in (size_axis, bias_axis, count_axis):
        axis.grid(alpha=0.3)
    return figure


def sparsification(curves: Mapping[str, Sparsification]) -> Figure:
    """Plot Abs Rel of what is left when the least confident pixels are left out, and the best."""
    figure, axis = _chart('pixels left out, the least confident first', 'Abs Rel of the others')
    percent = 100 * np.arange(SPARSIFICATION_STEPS) / SPARSIFICATION_STEPS
    for name, curve in curves.items():
        (line,) = axis.plot(percent, curve.by_confidence, label=name)
        axis.plot(percent, curve.by_error, ':', color=line.get_color())
    axis.set(xlim=(0, 100), ylim=(0, None))
    axis.xaxis.set_major_formatter('{x:.0f} %')
    axis.legend(title='dotted: the worst first')
    return figure


def reliability(bins: Mapping[str, Sequence[ReliabilityBin]]) -> Figure:
    """Plot the measured relative error over the expected one, 1 - confidence."""
    figure, axis = _chart('1 - confidence', 'mean relative error')
    largest = max(b.expected for rows in bins.values() for b in rows)
    axis.plot((0, largest), (0, largest), '--', color='black', linewidth=0.8, label='as expected')
    for name, rows in bins.items():
        axis.plot([b.expected for b in rows], [b.measured for b in rows], '.-', label=name)
    axis.set(xlim=(0, None), ylim=(0, None))
    axis.legend()
    return figure


def _chart(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 4), layout='constrained')
    axis = figure.subplots()
    axis.set(xlabel=x_label, ylabel=y_label)
    axis.grid(alpha=0.3)
    return figure, axis


def _show(axis: Axes, values: np.ndarray, colors: str | Colormap, **scale: Any) -> ScalarMappable:
    """
    Show an image, or dots if only a few pixels (lidar points) are known.

    axis: where to draw.
    values: (H, W), NaN where unknown.
    colors: colour map.
    scale: range or norm of the colours.
    """
    finite = np.isfinite(values)
    if finite.mean() > SPARSE_FRACTION:
        return axis.imshow(np.where(finite, values, np.nan), cmap=colors, **scale)
    v, u = np.nonzero(finite)
    axis.set(xlim=(0, values.shape[1]), ylim=(values.shape[0], 0), aspect='equal')
    return axis.scatter(u, v, c=values[finite], s=1, cmap=colors, **scale)
