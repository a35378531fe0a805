"""Verdicts on single images: can be read, are bright, equally exposed and not repeated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monodepth_ros.core.bit_depth import BitDepth, described, holding
from monodepth_ros.storage.pair_folder import VIEWS
from trainer.check.evidence import Evidence, PairEvidence
from trainer.check.limits import CheckResult, Limits, not_measurable, Verdict

# Training replaces a damaged pair by the next one, so that many of them distort the data.
UNREADABLE = Limits(warning=0.0, fault=0.5)
# Grey levels from the 1st to the 99th percentile. Real cameras measured 200 and more.
MIN_CONTRAST_LEVELS = 24
# A camera with so much less contrast than the other is covered, unplugged or far too dark.
DARK_FRACTION = 0.33
# Brighter over darker mean. Real rigs measured up to 1.15. At 1.6 the luminance term of SSIM, and
# the L1 term of all but black pixels, is larger than a wrong disparity makes it.
EXPOSURE = Limits(warning=1.25, fault=1.6)
# Mean difference to the next frame: jpegs of one image differ by less, two exposures of a camera
# at rest by twice as much (noise; EuRoC at rest measured 1.0).
SAME_LEVELS = 0.5
DUPLICATES = 0.1
FROZEN = 0.5
MIN_NEIGHBOURS = 4

REPEATED_NAME = 'repeated frames'


def image_verdicts(evidence: Evidence) -> list[CheckResult]:
    """Return the rows on the images of a sequence with at least one readable pair."""
    pairs = evidence.pairs
    rows = [_readable(evidence), _contrast(pairs), _exposure(pairs)]
    if rows[1].verdict is not Verdict.OK:
        return [*rows, not_measurable(REPEATED_NAME, 'a camera has too little contrast')]
    return [*rows, _duplicates(pairs)]


def bit_depth_verdicts(bit_depth: BitDepth) -> list[CheckResult]:
    """Return the row on the bit depth of 16-bit images that were read; none for 8-bit images."""
    if bit_depth.bits is None or bit_depth.brightest < 0:
        return []
    row = CheckResult(
        'bit depth',
        f'16-bit images, taken as {described(bit_depth.bits)}, brightest {bit_depth.brightest}',
        'one for all pairs',
    )
    needed = holding(bit_depth.brightest)
    if needed <= bit_depth.bits:
        return [row]
    remedy = f'brighter pairs are read darker than the rest: set "bits": {needed} in calib.json'
    return [row._replace(verdict=Verdict.WARNING, remedy=remedy)]


def _readable(evidence: Evidence) -> CheckResult:
    bad, total = len(evidence.unreadable), len(evidence.unreadable) + len(evidence.pairs)
    remedy = f'remove it or copy it again: {evidence.unreadable[0].reason}' if bad else ''
    return UNREADABLE.row(bad / total, 'pairs read', f'{total - bad} of {total}', 'all', remedy)


def _contrast(pairs: Sequence[PairEvidence]) -> CheckResult:
    levels = np.median([pair.contrast_levels for pair in pairs], axis=0)
    measured = f'left {levels[0]:.0f}, right {levels[1]:.0f} grey levels'
    row = CheckResult('contrast', measured, f'{MIN_CONTRAST_LEVELS} or more')
    if levels.min() >= MIN_CONTRAST_LEVELS:
        return row
    view = VIEWS[int(levels.argmin())]
    if levels.min() < DARK_FRACTION * levels.max():
        remedy = f'the {view} camera shows almost nothing: uncover it, plug it in, or add light'
        return row._replace(verdict=Verdict.FAULT, remedy=remedy)
    remedy = 'both cameras show little: record in daylight, or with longer exposure'
    return row._replace(verdict=Verdict.WARNING, remedy=remedy)


def _exposure(pairs: Sequence[PairEvidence]) -> CheckResult:
    # Add one level, so that an all-black image causes no division by zero.
    ratio = float(np.median([(p.mean_levels[1] + 1) / (p.mean_levels[0] + 1) for p in pairs]))
    darker = VIEWS[int(ratio < 1)]
    return EXPOSURE.row(
        max(ratio, 1 / ratio),
        'exposure',
        f'right is {ratio:.2f} times as bright',
        f'{1 / EXPOSURE.warning:.2f} to {EXPOSURE.warning:.2f}',
        f'the {darker} image is darker: set the same exposure time and gain, clean the lens',
    )


def _duplicates(pairs: Sequence[PairEvidence]) -> CheckResult:
    changes = [pair.change_levels for pair in pairs if pair.change_levels is not None]
    if len(changes) < MIN_NEIGHBOURS:
        return not_measurable(REPEATED_NAME, 'too few neighbours')
    left, right = (np.array(changes) < SAME_LEVELS).mean(axis=0)
    row = CheckResult(
        REPEATED_NAME, f'left {left:.0%}, right {right:.0%}', f'{DUPLICATES:.0%} at most'
    )
    if abs(left - right) > FROZEN:
        frozen = VIEWS[int(right > left)]
        remedy = f'the {frozen} camera is frozen while the other one is not: check its driver'
        return row._replace(verdict=Verdict.FAULT, remedy=remedy)
    if max(left, right) > DUPLICATES:
        remedy = 'repeated images add nothing to a training: remove them, and frames at rest'
        return row._replace(verdict=Verdict.WARNING, remedy=remedy)
    return row
