"""Diagnosis of a node: a level, a sentence and figures, as diagnostics show them; no ROS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from monodepth_ros.parameters import DiagnosticsParams
from monodepth_ros.pipeline.statistics import STAGES, Summary, TOTAL

# Levels of diagnostic_msgs/DiagnosticStatus.
OK, WARN, ERROR = 0, 1, 2


class Finding(NamedTuple):
    """A problem, with its level and a sentence."""

    level: int
    text: str


class Diagnosis(NamedTuple):
    """The worst level, all findings on one line, and figures by name."""

    level: int
    message: str
    values: dict[str, str]


def diagnose(findings: list[Finding], *, state: str, values: dict[str, str]) -> Diagnosis:
    """Return the diagnosis of findings; without any, its message is the life cycle's state."""
    worst = max((finding.level for finding in findings), default=OK)
    findings = sorted(findings, key=lambda finding: -finding.level)
    message = '; '.join(finding.text for finding in findings) or state
    return Diagnosis(worst, message, {'state': state} | values)


def judge(
    summary: Summary, limits: DiagnosticsParams, *, wanted: bool, busy_s: float
) -> Iterator[Finding]:
    """
    Yield the figures of an active node that are beyond its limits.

    summary: the figures.
    limits: the limits.
    wanted: a subscriber listens.
    busy_s: time since the start of the present computation.
    """
    if limits.stale_after_s and busy_s > limits.stale_after_s:
        yield Finding(
            WARN, f'one image has taken {busy_s:.0f} s so far; its engine may still be building'
        )
    if limits.stale_after_s and summary.silent_s > limits.stale_after_s:
        yield Finding(ERROR, f'no image for {summary.silent_s:.0f} s')
        return
    if limits.min_rate_hz and wanted and summary.published_hz < limits.min_rate_hz:
        yield Finding(
            WARN,
            f'{summary.published_hz:.1f} depth images a second, expected {limits.min_rate_hz:g}',
        )
    if not summary.published_hz:
        return
    # The latency of the last frames is out of date if none was published since.
    total = summary.latency.get(TOTAL)
    if total and limits.max_latency_ms and total.p95_ms > limits.max_latency_ms:
        yield Finding(
            WARN, f'latency of {total.p95_ms:.0f} ms, expected at most {limits.max_latency_ms:g}'
        )
    if summary.confidence is not None and summary.confidence < limits.min_confidence:
        yield Finding(
            WARN,
            f'mean confidence {summary.confidence:.2f}, expected {limits.min_confidence:g}: the '
            'model may not know such scenes',
        )


def figures(summary: Summary) -> dict[str, str]:
    """Return a summary as names and texts."""
    values = {
        'images in (Hz)': f'{summary.received_hz:.1f}',
        'depth images out (Hz)': f'{summary.published_hz:.1f}',
        'dropped': str(summary.dropped.total()),
    }
    values |= {f'dropped: {reason}': str(n) for reason, n in sorted(summary.dropped.items())}
    for stage in (*STAGES, TOTAL):
        latency = summary.latency.get(stage)
        values[f'{stage} p50, p95, max (ms)'] = (
            ', '.join(f'{value:.1f}' for value in latency) if latency else 'unavailable'
        )
    confidence = summary.confidence
    values['mean confidence'] = 'unavailable' if confidence is None else f'{confidence:.2f}'
    return values
