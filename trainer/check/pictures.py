"""Pictures that prove the verdicts of a check, as matplotlib figures."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
import numpy as np

from trainer.check.evidence import PairEvidence
from trainer.check.measures import cell_offsets_px
from trainer.check.stereo_verdicts import MeasuredRig
from trainer.model.limits import MAX_DISPARITY_FRAC

SHOWN_ERROR_PX = 8.0
# The colour scale ends where a fault is certain.
COLORED_ERROR_PX = 3.0
MAX_LINES = 120
# Range of the histogram of disparities, in percent of the width.
SHOWN_DISPARITY = (-35.0, 45.0)


def charts(rig: MeasuredRig) -> Figure:
    """Plot vertical errors, by position and by motion too, and disparities of all pairs."""
    vertical_px = np.concatenate([m.vertical_px for m in rig.matches])
    motion_px = np.concatenate([m.motion_px[:, 1] for m in rig.matches])
    disparity_px = np.concatenate([m.disparity_px for m in rig.matches])
    figure = Figure(figsize=(16, 3.6), layout='constrained')
    errors, cells, late, disparities = figure.subplots(1, 4)
    edges = np.linspace(-SHOWN_ERROR_PX, SHOWN_ERROR_PX, 65)
    errors.hist(np.clip(vertical_px, edges[0], edges[-1]), edges)
    errors.set(title='vertical errors', xlabel='v right - v left (px)', ylabel='matches')
    _cells(cells, cell_offsets_px(rig.matches, **rig.size))
    late.plot(motion_px, vertical_px, '.', markersize=2, alpha=0.3)
    shown = (-SHOWN_ERROR_PX, SHOWN_ERROR_PX)
    late.plot(shown, shown, 'k:', linewidth=1, label='right one frame late')
    late.set(title='late frames', xlabel='vertical motion to the next frame (px)', xlim=shown)
    late.set(ylabel='vertical error (px)', ylim=shown)
    late.legend(loc='upper left')
    percent = np.clip(100 * disparity_px / rig.size['width'], *SHOWN_DISPARITY)
    disparities.hist(percent, np.linspace(*SHOWN_DISPARITY, 81))
    for limit in (0, 100 * MAX_DISPARITY_FRAC):
        disparities.axvline(limit, color='black', linestyle=':', linewidth=1)
    disparities.set(title='disparities', xlabel='u left - u right (% of the width)')
    return figure


def pair_picture(left_grey: np.ndarray, right_grey: np.ndarray, pair: PairEvidence) -> Figure:
    """
    Plot the matches between both views, the overlay of the views, and the disparity.

    left_grey, right_grey: (H, W) uint8, at the resolution of pair.matches.
    pair: measurements of the pair.
    """
    height, width = left_grey.shape
    figure = Figure(figsize=(16, 16 * height / width + 0.4), layout='constrained')
    axes = figure.subplot_mosaic([['matches', 'overlay'], ['matches', 'disparity']])
    axes['matches'].imshow(np.vstack([left_grey, right_grey]), cmap='gray', vmin=0, vmax=255)
    lines = _lines(pair, height)
    axes['matches'].add_collection(lines)
    axes['overlay'].imshow(np.dstack([left_grey, right_grey, right_grey]))
    limit = 100 * MAX_DISPARITY_FRAC
    disparity = axes['disparity'].imshow(
        100 * pair.disparity_frac, cmap='turbo', vmin=0, vmax=min(limit, _largest(pair))
    )
    for axis in axes.values():
        axis.set_axis_off()
    figure.colorbar(lines, ax=axes['matches'], label='vertical error (px)', location='bottom')
    figure.colorbar(disparity, ax=axes['disparity'], label='% of the width', location='bottom')
    return figure


def _cells(axis: Axes, offsets_px: np.ndarray) -> None:
    limit = COLORED_ERROR_PX
    axis.imshow(offsets_px, cmap='coolwarm', vmin=-limit, vmax=limit, aspect='auto')
    for (row, column), offset_px in np.ndenumerate(offsets_px):
        if np.isfinite(offset_px):
            ink = 'white' if abs(offset_px) > 0.6 * limit else 'black'
            axis.text(column, row, f'{offset_px:+.2f}', ha='center', va='center', color=ink)
    axis.set(title='median vertical error by part of the image (px)', xticks=(), yticks=())


def _lines(pair: PairEvidence, height: int) -> LineCollection:
    """Return lines from the left image to the right one below it, for a sample of matches."""
    matches = pair.matches
    chosen = slice(None, None, -(-len(matches.left_px) // MAX_LINES) or 1)
    ends = matches.right_px[chosen] + np.array([0, height])
    lines = LineCollection(
        list(np.stack([matches.left_px[chosen], ends], axis=1)), linewidths=0.8, cmap='RdYlGn_r'
    )
    lines.set_array(np.abs(matches.vertical_px[chosen]))
    lines.set_clim(0, COLORED_ERROR_PX)
    return lines


def _largest(pair: PairEvidence) -> float:
    """Return the 99th percentile of disparity in percent of the width; 1 without any."""
    known: Sequence[float] = pair.disparity_frac[np.isfinite(pair.disparity_frac)]
    return 100 * float(np.percentile(known, 99)) if len(known) else 1.0
