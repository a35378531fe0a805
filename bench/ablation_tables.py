"""Tables and targets of the ablation: mean and spread of the seeds of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev
from typing import Any, NamedTuple

from bench.report import Target

# The figures of each set that judges, for each seed, by row; see SetScore.as_dict.
RowScores = Mapping[str, Sequence[Mapping[str, Mapping[str, Any]]]]

MAX_RATIO = 0.75
TARGET_SETS = ('karlsruhe', 'kitti_odo_seq2')
NONE = '-'


class Figure(NamedTuple):
    """A column of the table: its key in the scores, its title and its format."""

    key: str
    title: str
    form: str


FIGURES = (
    Figure('abs_rel', 'Abs Rel', '.3f'),
    Figure('rmse_m', 'RMSE (m)', '.2f'),
    Figure('delta_1', 'd < 1.25', '.3f'),
    Figure('ause', 'AUSE', '.3f'),
    Figure('near_bias', 'near: bias', '+.2f'),
    Figure('near_too_far', 'near: too far', '.0%'),
    Figure('near_sure', 'of those sure', '.0%'),
)
SCORE_COLUMNS = ('judged on', 'row', *(figure.title for figure in FIGURES))


def mean_and_spread(values: Sequence[float | None], form: str) -> str:
    """Return the mean, and the standard deviation of several: half the difference of two."""
    known = [value for value in values if value is not None]
    if not known:
        return NONE
    mean = format(fmean(known), form)
    return f'{mean} ± {format(pstdev(known), form.lstrip("+"))}' if len(known) > 1 else mean


def score_rows(rows: RowScores) -> list[list[str]]:
    """Return the lines of the main table, one for each set that judges and row."""
    return [
        [judged, name]
        + [mean_and_spread([s[judged][f.key] for s in seeds], f.form) for f in FIGURES]
        for judged in _sets(rows)
        for name, seeds in rows.items()
    ]


def targets(rows: RowScores, *, first: str, final: str) -> list[Target]:
    """Return the targets: Abs Rel of the final row over that of the first, on unseen streets."""
    return [
        Target(
            f'{judged}: Abs Rel, {final} / {first}',
            _abs_rel(rows[final], judged) / _abs_rel(rows[first], judged),
            MAX_RATIO,
            at_most=True,
        )
        for judged in TARGET_SETS
    ]


def markdown(rows: RowScores, floor: Sequence[Mapping[str, float]]) -> str:
    """
    Return all tables as markdown.

    rows: the scores.
    floor: matching against the lidar by distance, see disagreement.
    """
    parts = [_table(SCORE_COLUMNS, score_rows(rows))]
    for judged in _sets(rows):
        parts.append(f'Bias by distance on `{judged}` (positive is too far):')
        parts.append(_table(('from', 'pixels', *rows), _bias_rows(rows, judged)))
    parts.append('Matching against the lidar, on the frames of `drive, lidar`:')
    parts.append(_table(('from', 'pixels', 'off by > 10 %', 'Abs Rel', 'bias'), [
        [f'{b["from_m"]:.2g} m', f'{b["pixels"]:,}', f'{b["outliers"]:.0%}',
         f'{b["abs_rel"]:.3f}', f'{b["bias"]:+.3f}']
        for b in floor
    ]))  # fmt: skip
    return '\n\n'.join(parts) + '\n'


def _bias_rows(rows: RowScores, judged: str) -> list[list[str]]:
    """Return the lines of a table of bias by distance; all rows compare the same pixels."""
    binned = [[seed[judged]['by_distance'] for seed in seeds] for seeds in rows.values()]
    return [
        [f'{entry["from_m"]:.2g} m', f'{entry["pixels"]:,}']
        + [mean_and_spread([seed[at]['bias'] for seed in seeds], '+.2f') for seeds in binned]
        for at, entry in enumerate(binned[0][0])
    ]


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return '\n'.join(
        f'| {" | ".join(line)} |' for line in (columns, ['---'] * len(columns), *lines)
    )


def _sets(rows: RowScores) -> list[str]:
    """Return the names of the sets that judge, the same for all rows."""
    return list(next(iter(rows.values()))[0])


def _abs_rel(seeds: Sequence[Mapping[str, Mapping[str, Any]]], judged: str) -> float:
    return fmean(seed[judged]['abs_rel'] for seed in seeds)
