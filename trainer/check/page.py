"""The page check.html: the table of a check, its remedies, and pictures that prove them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monodepth_ros.common.atomic import atomic_file
from trainer.check.evidence import matched_views, PairEvidence
from trainer.check.measures import broken_fraction
from trainer.check.pictures import charts, pair_picture
from trainer.check.preflight import SequenceCheck
from trainer.check.stereo_verdicts import MeasuredRig, VERTICAL
from trainer.model.limits import MAX_DISPARITY_FRAC
from trainer.page import data_uri, render_page

TEMPLATE = 'check/check.html.jinja'
# Pictures of one sequence, and of all sequences: each takes half a megabyte.
MAX_SHOWN, SHOWN_IN_ALL = 3, 12


def write_page(path: Path, checks: Sequence[SequenceCheck]) -> None:
    """Write the page; replace an older one."""
    with atomic_file(path) as partial:
        count = max(1, min(MAX_SHOWN, SHOWN_IN_ALL // len(checks)))
        page = render_page(TEMPLATE, checks=[_shown(check, count) for check in checks])
        partial.write_text(page, encoding='utf-8')


def _shown(check: SequenceCheck, count: int) -> dict[str, Any]:
    sequence = check.sequence
    rig = MeasuredRig(check.evidence.pairs, sequence.calibration)
    worst = sorted(rig.pairs, key=lambda pair: _broken(rig, pair), reverse=True)
    return {
        'name': sequence.path.name,
        'path': sequence.path,
        'rows': check.rows,
        'charts': data_uri(charts(rig)),
        'pairs': [_pair(check, rig, pair) for pair in worst[:count]],
    }


def _pair(check: SequenceCheck, rig: MeasuredRig, pair: PairEvidence) -> dict[str, str]:
    broken = _broken(rig, pair)
    views = matched_views(check.sequence, pair.name)
    return {
        'name': pair.name,
        'caption': f'{pair.name}: {len(pair.matches.left_px)} matches, {broken:.0%} of them '
        f'more than {VERTICAL.fault} px off vertically or of an impossible disparity',
        'picture': data_uri(pair_picture(*views, pair)),
    }


def _broken(rig: MeasuredRig, pair: PairEvidence) -> float:
    return broken_fraction(
        pair.matches,
        tolerance_px=VERTICAL.fault,
        max_disparity_px=MAX_DISPARITY_FRAC * rig.size['width'],
    )
