"""How a node fares: a level, a sentence and figures, as diagnostics show them; no ROS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from monodepth_ros.parameters import DiagnosticsParams
from monodepth_ros.pipeline.statistics import STAGES, Summary, TOTAL

# As diagnostic_msgs/DiagnosticStatus.
OK, WARN, ERROR = 0, 1, 2


class Finding(NamedTuple):
    """Something that is not as it should be."""

    level: int
    text: str


class Diagnosis(NamedTuple):
    """The worst level, all findings in one line, and figures by name."""

    level: int
    message: str
    values: dict[str, str]


def diagnose(findings: list[Finding], *, state: str, values: dict[str, str]) -> Diagnosis:
    """state: of the node's life cycle, the message when nothing was found."""
    worst = max((finding.level for finding in findings), default=OK)
    findings = sorted(findings, key=lambda finding: -finding.level)
    message = '; '.join(finding.text for finding in findings) or state
    return Diagnosis(worst, message, {'state': state} | values)


def judge(
    summary: Summary, limits: DiagnosticsParams, *, wanted: bool, busy_s: float
) -> Iterator[Finding]:
    """
    What of an active node's figures is beyond its limits.

    wanted: somebody listens. busy_s: for how long the frame that is being computed has been.
    """
    if limits.stale_after_s and busy_s > limits.stale_after_s:
        yield Finding(WARN, f'an image has been computed for {busy_s:.0f} s; is its engine built?')
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
    # Of the last frames, which are old where none came out.
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
    """A summary as names and texts."""
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
