"""Verdicts on the rig: synchronised, in order, rectified, within range, of the right scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from monodepth_ros.core.camera import Intrinsics, StereoCalibration
from monodepth_ros.core.intrinsics_check import intrinsics_fault
from trainer.check.config import CheckConfig
from trainer.check.evidence import matched_size, PairEvidence
from trainer.check.limits import CheckResult, Limits, not_measurable, Verdict
from trainer.check.matching import ViewMatches
from trainer.check.measures import (
    behind_and_ahead_fractions,
    cell_offsets_px,
    fit_vertical,
    incoherence_px,
    largest_deviation_px,
    late_frames,
)
from trainer.model.limits import MAX_DISPARITY_FRAC

# Number for all pairs together. Real pairs have 500 each; with fewer than this, single wrong
# matches decide.
MIN_MATCHES = 60
# Fraction of the height. Two frames late measured 0.01; matches of unrelated images about 0.2.
MAX_INCOHERENCE = 0.05
# Frames, exceeded by a quarter of the pairs. Good drives measured up to 0.01, distorted images
# 0.03; one frame late 0.98, one early at speed 0.55.
LATE = Limits(warning=0.12, fault=0.3)
LATE_QUANTILE = 0.75
MIN_MOVING_PAIRS = 2
# Fraction of points behind infinity: wrong matches are up to 0.9 % in good pairs.
BEHIND = Limits(warning=0.03, fault=0.15)
# Median of all points in px. Good rigs measured up to 0.4. At 3 px the loss samples the wrong row
# even at the smaller size that networks are trained at.
VERTICAL = Limits(warning=0.8, fault=1.5)
# Largest difference of the median of a part of the image from that of all, in px. KITTI's own
# calibration leaves 1.2; half a degree of roll causes 4.
VARIATION = Limits(warning=1.7, fault=2.5)
# Fraction of disparities beyond MAX_DISPARITY_FRAC. Wrong matches are 0.2 %.
BEYOND = Limits(warning=0.02, fault=0.1)
# Fraction of pixels without a match. Good data measured 0.12 to 0.3.
UNMATCHED = Limits(warning=0.6, fault=0.9)
# Relative error. Matching and lidar agree to 0.4 % on KITTI.
BASELINE = Limits(warning=0.03, fault=0.1)

LATE_NAME, ORDER_NAME = 'right frames late', 'order of the views'
VERTICAL_NAME, VARIATION_NAME = 'vertical offset', 'its variation'
BEYOND_NAME, TEXTURE_NAME, BASELINE_NAME = 'disparity', 'texture', 'baseline'
RECTIFY = 'calibrate the rig again, or rectify with the calibration of this recording'

TOO_FEW = (
    'too few points match between left and right to check the geometry: record where there is '
    'texture, and pair images of one rig and one moment'
)
AT_RANDOM = (
    'left and right do not show one scene at one time: pair images of one rig by their stamps, '
    'the right way up'
)


class MeasuredRig(NamedTuple):
    """The measured pairs of a sequence, and its calibration."""

    pairs: Sequence[PairEvidence]
    calibration: StereoCalibration

    @property
    def matches(self) -> list[ViewMatches]:
        """Return the matches of each pair."""
        return [pair.matches for pair in self.pairs]

    @property
    def size(self) -> dict[str, int]:
        """Return width and height of the matched images, as keyword arguments of the measures."""
        camera = self.calibration.intrinsics
        width, height = matched_size(camera.width, camera.height)
        return {'width': width, 'height': height}


def stereo_verdicts(
    rig: MeasuredRig, config: CheckConfig, before: Sequence[CheckResult]
) -> list[CheckResult]:
    """
    Return the rows on the geometry of a sequence with at least one readable pair.

    before: the rows on its images; after a fault there, dense matching is not judged.
    """
    rows = [_intrinsics(rig.calibration.intrinsics)]
    found = sum(len(matches.left_px) for matches in rig.matches)
    row = CheckResult('matches', f'{found / len(rig.pairs):.0f} a pair', f'{MIN_MATCHES} in all')
    if found < MIN_MATCHES:
        row = row._replace(verdict=Verdict.WARNING, remedy=TOO_FEW)
        return [*rows, row, _range(rig, config)]
    if incoherence_px(rig.matches, **rig.size) > MAX_INCOHERENCE * rig.size['height']:
        measured = f'{row.measured}, at random'
        row = row._replace(measured=measured, verdict=Verdict.FAULT, remedy=AT_RANDOM)
        return [*rows, row, _range(rig, config)]
    late = _late(rig)
    rows += [row, late, _order(rig, late), *_alignment(rig, late), _range(rig, config)]
    if any(row.verdict is Verdict.FAULT for row in (*before, *rows)):
        why = 'correct the faults above first'
        return rows + [
            not_measurable(name, why) for name in (BEYOND_NAME, TEXTURE_NAME, BASELINE_NAME)
        ]
    return [*rows, _beyond(rig), _texture(rig), _baseline(rig)]


def _intrinsics(camera: Intrinsics) -> CheckResult:
    fault = intrinsics_fault(camera)
    row = CheckResult(
        'intrinsics', f'of {camera.width} x {camera.height} px', 'those of the images'
    )
    if fault is None:
        return row
    return row._replace(
        measured=fault, verdict=Verdict.FAULT, remedy='correct calib.json, which scales the depth'
    )


def _late(rig: MeasuredRig) -> CheckResult:
    frames = np.array([late for late in late_frames(rig.matches, **rig.size) if late is not None])
    if len(frames) < MIN_MOVING_PAIRS:
        return not_measurable(LATE_NAME, 'no successive frames, or the rig stands or only turns')
    median, worst = np.median(frames), np.quantile(np.abs(frames), LATE_QUANTILE)
    whose = 'right' if median > 0 else 'left'
    return LATE.row(
        float(worst),
        LATE_NAME,
        f'{median:+.2f} frames, a quarter beyond {worst:.2f}',
        f'{LATE.warning} at most',
        f'the {whose} images were taken about {abs(median):.1f} frames after the others: trigger '
        'the cameras together, stamp at exposure, and pair by stamp (`python -m trainer ingest`)',
    )


def _order(rig: MeasuredRig, late: CheckResult) -> CheckResult:
    if late.verdict is Verdict.FAULT:
        return not_measurable(ORDER_NAME, 'frames are late')
    disparity_px = np.concatenate([m.disparity_px for m in rig.matches])
    fraction, ahead = behind_and_ahead_fractions(disparity_px)
    swapped = 'swapped: ' if fraction > max(ahead, BEHIND.warning) else ''
    remedy = (
        'left and right are swapped: exchange the folders left/ and right/ (or `--left` and '
        '`--right` of `trainer ingest`)'
        if swapped
        else 'zero disparity is not infinity: both cameras need the same cx and parallel axes; '
        + RECTIFY
    )
    return BEHIND.row(
        fraction,
        ORDER_NAME,
        f'{swapped}{fraction:.1%} of points behind infinity',
        f'{BEHIND.warning:.0%} at most',
        remedy,
    )


def _alignment(rig: MeasuredRig, late: CheckResult) -> list[CheckResult]:
    matches = rig.matches
    median_px = float(np.median(np.concatenate([m.vertical_px for m in matches])))
    cells_px = cell_offsets_px(matches, **rig.size)
    variation_px = largest_deviation_px(cells_px, median_px)
    fit = fit_vertical(matches, **rig.size)
    is_late = late.verdict is Verdict.FAULT
    cause = 'correct the late frames first, they can cause this; else ' if is_late else ''
    side = 'lower' if median_px > 0 else 'higher'
    return [
        VERTICAL.row(
            abs(median_px),
            VERTICAL_NAME,
            f'{median_px:+.2f} px',
            f'{VERTICAL.warning} px at most',
            f'{cause}the right image is {abs(median_px):.1f} px {side}: {RECTIFY}',
        ),
        VARIATION.row(
            variation_px,
            VARIATION_NAME,
            f'{variation_px:.2f} px over the image',
            f'{VARIATION.warning} px at most',
            f'{cause}the images are not rectified (the right one is turned by '
            f'{np.degrees(fit.roll_rad):+.2f} deg and {fit.scale:+.1%} larger, the rest is lens '
            f'distortion): {RECTIFY}',
        ),
    ]


def _range(rig: MeasuredRig, config: CheckConfig) -> CheckResult:
    camera = rig.calibration.intrinsics
    focal_baseline = camera.fx * rig.calibration.baseline_m  # px m
    nearest_m = focal_baseline / (MAX_DISPARITY_FRAC * camera.width)
    wanted = [
        f'{name} {value:g} m'
        for name, value in (('from', config.nearest_m), ('to', config.farthest_m))
        if value is not None
    ]
    row = CheckResult(
        'depth range',
        f'{nearest_m:.2f} m ({MAX_DISPARITY_FRAC} of the width) to {focal_baseline:.0f} m (1 px)',
        ' '.join(wanted),
    )
    if config.nearest_m is not None and config.nearest_m < nearest_m:
        remedy = 'the rig cannot see depth this near: use a shorter baseline or a wider lens'
        return row._replace(verdict=Verdict.FAULT, remedy=remedy)
    if config.farthest_m is not None and config.farthest_m > focal_baseline:
        remedy = 'the rig cannot see depth this far: use a longer baseline or more pixels'
        return row._replace(verdict=Verdict.WARNING, remedy=remedy)
    return row


def _beyond(rig: MeasuredRig) -> CheckResult:
    sparse = np.concatenate([m.disparity_px for m in rig.matches]) / rig.size['width']
    dense = np.concatenate([pair.disparity_frac.ravel() for pair in rig.pairs])
    dense = dense[np.isfinite(dense)]
    # Take the larger of both: semi-global matching weighs by area, but features reach further.
    fraction = max(
        float(np.mean(values > MAX_DISPARITY_FRAC)) for values in (sparse, dense) if len(values)
    )
    return BEYOND.row(
        fraction,
        BEYOND_NAME,
        f'median {np.median(sparse):.1%} of the width, {fraction:.1%} beyond {MAX_DISPARITY_FRAC}',
        f'{BEYOND.warning:.0%} beyond at most',
        'too many points are nearer than the network can predict (see depth range): use a shorter '
        'baseline or a wider lens, or keep more distance',
    )


def _texture(rig: MeasuredRig) -> CheckResult:
    matched = float(np.median([np.isfinite(pair.disparity_frac).mean() for pair in rig.pairs]))
    return UNMATCHED.row(
        1 - matched,
        TEXTURE_NAME,
        f'{matched:.0%} of pixels can be matched',
        f'{1 - UNMATCHED.warning:.0%} or more',
        'few pixels can be matched: record with more texture, more light and sharp images',
    )


def _baseline(rig: MeasuredRig) -> CheckResult:
    implied = [pair.baseline_m for pair in rig.pairs if pair.baseline_m is not None]
    if not implied:
        return not_measurable(BASELINE_NAME, 'no ground truth (gt_depth)')
    median_m, given_m = float(np.median(implied)), rig.calibration.baseline_m
    return BASELINE.row(
        abs(median_m / given_m - 1),
        BASELINE_NAME,
        f'{median_m:.4f} m by the ground truth of {len(implied)} pairs',
        f'{given_m:.4f} m, {BASELINE.warning:.0%} off at most',
        f'matching and ground truth imply a baseline of {median_m:.3f} m: correct calib.json, or '
        'look for a wrong focal length or ground truth of another time',
    )
