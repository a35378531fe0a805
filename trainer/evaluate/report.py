"""The files of an evaluation: images.csv, summary.json and the page report.html."""

from __future__ import annotations

import csv
from dataclasses import asdict
import json
from pathlib import Path
from typing import Any

import numpy as np

from monodepth_ros.common.atomic import atomic_folder
from trainer.evaluate import figures
from trainer.evaluate.confidence import ConfidenceScore
from trainer.evaluate.evaluate import Evaluation, Example
from trainer.evaluate.table import HEADINGS, protocol_text, shown_keys, table_rows
from trainer.page import data_uri, render_page

TEMPLATE = 'evaluate/report.html.jinja'
CSV, JSON, HTML = 'images.csv', 'summary.json', 'report.html'


def write_report(folder: Path, evaluation: Evaluation) -> None:
    """Write the three files to a new folder; raise FileExistsError if it exists already."""
    with atomic_folder(folder) as partial:
        _write_csv(partial / CSV, evaluation)
        (partial / JSON).write_text(
            json.dumps(_summary(evaluation), indent=1, allow_nan=False) + '\n'
        )
        (partial / HTML).write_text(_page(evaluation), encoding='utf-8')


def _write_csv(path: Path, evaluation: Evaluation) -> None:
    """Write a line for each image and model; median_scale is empty without median scaling."""
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(('model', 'image', *HEADINGS, 'median_scale', 'valid_share', 'pixels'))
        for name, score in evaluation.scores.items():
            for image in score.images:
                scale = image.scale if evaluation.config.median_scaling else None
                measured = (*image.metrics, image.d1_all, scale, image.valid_share, image.pixels)
                writer.writerow((name, image.name, *measured))


def _summary(evaluation: Evaluation) -> dict[str, Any]:
    protocol = asdict(evaluation.config) | {'crop': 'garg' if evaluation.garg else 'none'}
    scores = evaluation.scores
    return {
        'data': evaluation.data,
        'truth': evaluation.ground_truth.label,
        'protocol': protocol | {'prior': protocol['prior'] and str(protocol['prior'])},
        'frames': evaluation.frames,
        'frames_without_truth': evaluation.without_ground_truth,
        'frames_without_pixels': evaluation.without_pixels,
        'rows': [
            {'name': row.name, 'kind': row.kind, **row.values}
            | {'spread': row.spread or None, 'valid_share': row.valid_share}
            for row in table_rows(evaluation)
        ],
        'by_distance': {
            name: [distance._asdict() for distance in score.counts.by_distance()]
            for name, score in scores.items()
        },
        'confidence': {
            name: {
                'ause': confidence.ause,
                'aurg': confidence.aurg,
                'reliability': [entry._asdict() for entry in confidence.reliability()],
            }
            for name, confidence in _confidences(evaluation).items()
        },
        'error_distribution': {
            name: score.counts.cumulative().tolist() for name, score in scores.items()
        },
    }


def _page(evaluation: Evaluation) -> str:
    rows = table_rows(evaluation)
    scores = evaluation.scores
    half = (len(evaluation.examples) + 1) // 2
    return render_page(
        TEMPLATE,
        data=evaluation.data,
        protocol=protocol_text(evaluation),
        median_scaling=evaluation.config.median_scaling,
        headings={key: HEADINGS[key] for key in shown_keys(rows)},
        rows=rows,
        distribution=data_uri(
            figures.error_distribution({n: s.counts.cumulative() for n, s in scores.items()})
        ),
        over_frames=data_uri(
            figures.over_frames(
                {n: [image.metrics.abs_rel for image in s.images] for n, s in scores.items()}
            )
        ),
        by_distance=data_uri(
            figures.by_distance({n: s.counts.by_distance() for n, s in scores.items()})
        ),
        distances={n: s.counts.by_distance() for n, s in scores.items()},
        confidence=_confidence(evaluation),
        best=_examples(evaluation.examples[:half]),
        worst=_examples(evaluation.examples[half:][::-1]),
    )


def _confidences(evaluation: Evaluation) -> dict[str, ConfidenceScore]:
    """Return the scores of the rows that have confidence."""
    scores = evaluation.scores.items()
    return {name: score.confidence for name, score in scores if score.confidence.images}


def _confidence(evaluation: Evaluation) -> dict[str, Any] | None:
    """Return the scores and pictures of confidence; None if no row has any."""
    rows = _confidences(evaluation)
    if not rows:
        return None
    curves = {name: confidence.curves() for name, confidence in rows.items()}
    reliability = {name: confidence.reliability() for name, confidence in rows.items()}
    return {
        'rows': rows,
        'sparsification': data_uri(figures.sparsification(curves)),
        'reliability': data_uri(figures.reliability(reliability)),
    }


def _examples(examples: list[Example]) -> dict[str, Any] | None:
    """Return the captions and the strip of pictures; None without examples."""
    if not examples:
        return None
    true_m = np.concatenate([e.true_m[np.isfinite(e.true_m)] for e in examples])
    near_m, far_m = np.percentile(true_m, (2, 98))
    rows = [figures.DepthPanels(e.rgb, e.depth_m, e.true_m) for e in examples]
    # Widen the colour range, which would be empty for a ground truth of one depth.
    strip = figures.strip(rows, near_m=near_m, far_m=max(far_m, 1.5 * near_m))
    captions = [f'{e.name}: Abs Rel {e.abs_rel:.3f}' for e in examples]
    return {'captions': captions, 'strip': data_uri(strip)}
