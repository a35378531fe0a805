"""The rows of a result: the models, their mean and spread, the prior, and the papers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from rich import box
from rich.markup import escape
from rich.table import Table

from trainer.evaluate.evaluate import Evaluation, PRIOR
from trainer.evaluate.metrics import DepthMetrics
from trainer.evaluate.published_results import IMAGES, published_results, PublishedResult
from trainer.evaluate.scoring import RowScore

HEADINGS = {
    'abs_rel': 'Abs Rel',
    'sq_rel_m': 'Sq Rel (m)',
    'rmse_m': 'RMSE (m)',
    'rmse_log': 'RMSE log',
    'delta_1': 'd < 1.25',
    'delta_2': 'd < 1.25^2',
    'delta_3': 'd < 1.25^3',
    'd1_all': 'D1-all (%)',
}
FROM_MEMORY = ' (from memory of the paper)'


class TableRow(NamedTuple):
    """
    One row of the result.

    name: the first cell.
    kind: where the row comes from.
    values: metrics by the keys of HEADINGS; None where unknown.
    spread: standard deviation over models; empty for rows that are no mean.
    valid_share: fraction of the ground truth's pixels with a prediction; None for papers.
    """

    name: str
    kind: Literal['model', 'mean', 'prior', 'paper']
    values: dict[str, float | None]
    spread: dict[str, float | None]
    valid_share: float | None

    def text(self, key: str) -> str:
        """Return a cell; a spread is on a second line, to keep terminal tables narrow."""
        value, spread = self.values[key], self.spread.get(key)
        if value is None:
            return ''
        digits = 2 if key == 'd1_all' else 3
        return f'{value:.{digits}f}' + ('' if spread is None else f'\n±{spread:.{digits}f}')

    def valid_text(self) -> str:
        """Return the cell of valid_share."""
        return '' if self.valid_share is None else f'{self.valid_share:.1%}'


def table_rows(evaluation: Evaluation) -> list[TableRow]:
    """Return the models, the mean and spread of several models, the prior and the papers."""
    scores = evaluation.scores
    rows = [_row(name, score) for name, score in scores.items() if name != PRIOR]
    if len(rows) > 1:
        rows.append(_mean_row(rows))
    rows += [_row(name, score) for name, score in scores.items() if name == PRIOR]
    for paper in _published(evaluation):
        name = paper.name + (FROM_MEMORY if paper.from_memory else '')
        values = {key: paper._asdict().get(key) for key in HEADINGS}
        rows.append(TableRow(name, 'paper', values, {}, None))
    return rows


def shown_keys(rows: Sequence[TableRow]) -> list[str]:
    """Return the columns in which any row has a value."""
    return [key for key in HEADINGS if any(row.values[key] is not None for row in rows)]


def protocol_text(evaluation: Evaluation) -> str:
    """Describe in one line what was compared, and how."""
    config = evaluation.config
    parts = [
        f'ground truth: {evaluation.ground_truth.label}',
        f'{config.min_m:g} m to {config.cap_m:g} m',
        'Garg crop' if evaluation.garg else 'no crop',
        'MEDIAN-SCALED to the ground truth' if config.median_scaling else 'metric, no scaling',
        f'{evaluation.frames} images' + _published_text(evaluation),
    ]
    if evaluation.without_ground_truth:
        parts.append(f'{evaluation.without_ground_truth} more left out, without a ground truth')
    if evaluation.without_pixels:
        parts.append(f'{evaluation.without_pixels} more left out, without a pixel to compare')
    return '; '.join(parts)


def _published_text(evaluation: Evaluation) -> str:
    benchmark, frames = evaluation.ground_truth.benchmark, evaluation.frames
    if not _published(evaluation) or benchmark is None or IMAGES[benchmark] == frames:
        return ''
    return f' (papers: {IMAGES[benchmark]})'


def terminal_table(evaluation: Evaluation) -> Table:
    """Return the rows as a table for the terminal."""
    rows = table_rows(evaluation)
    keys = shown_keys(rows)
    protocol = escape(protocol_text(evaluation))
    # Keep the table narrow enough for a terminal of 80 columns.
    table = Table(
        title=escape(evaluation.data), caption=protocol, box=box.SIMPLE, padding=(0, 1, 0, 0)
    )
    table.add_column('', overflow='fold', min_width=20)
    for heading in (*(HEADINGS[key] for key in keys), 'valid'):
        table.add_column(heading, justify='right')
    for row in rows:
        cells = (row.text(key) for key in keys)
        style = 'dim' if row.kind == 'paper' else None
        table.add_row(escape(row.name), *cells, row.valid_text(), style=style)
    return table


def _published(evaluation: Evaluation) -> tuple[PublishedResult, ...]:
    config = evaluation.config
    return published_results(
        evaluation.ground_truth.benchmark,
        cap_m=config.cap_m,
        garg=evaluation.garg,
        median_scaling=config.median_scaling,
    )


def _row(name: str, score: RowScore) -> TableRow:
    values: dict[str, float | None] = {**score.metrics._asdict(), 'd1_all': score.d1_all}
    return TableRow(name, 'prior' if name == PRIOR else 'model', values, {}, score.valid_share)


def _mean_row(rows: Sequence[TableRow]) -> TableRow:
    """
    Return the mean and the sample standard deviation of several models.

    The mean is needed because single checkpoints of one training differ by 20 %.
    """
    means: dict[str, float | None] = dict.fromkeys(HEADINGS)
    spreads: dict[str, float | None] = {}
    for key in (*DepthMetrics._fields, 'd1_all'):
        values = [value for row in rows if (value := row.values[key]) is not None]
        if len(values) == len(rows):
            means[key], spreads[key] = float(np.mean(values)), float(np.std(values, ddof=1))
    fraction = float(np.mean([row.valid_share for row in rows]))
    return TableRow(f'mean ± spread of {len(rows)} models', 'mean', means, spreads, fraction)
