"""The pairs of one calibration, on their way through ingest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from monodepth_ros.core.rectifier import Rectifier
from monodepth_ros.pair_folder import encoded_jpeg, PairFolderWriter
from trainer.data.ingest_journal import Decision, Workspace
from trainer.data.recording import RawPair
from trainer.data.selection import Look, look_at, Selection, thumbnail
from trainer.ingest_config import IngestConfig


class Prepared(NamedTuple):
    """
    A pair that was read: rectified jpegs, what to judge it by, and its truth, if any.

    truth_fault: what is wrong with a truth that could not be read.
    """

    left: bytes
    right: bytes
    look: Look
    depth_m: np.ndarray | None
    truth_fault: str | None


class IngestSequence:
    """Prepares, selects, names and writes; `kept` pairs so far."""

    def __init__(
        self, number: int, rectifier: Rectifier, workspace: Workspace, config: IngestConfig
    ) -> None:
        self.number = number
        self.rectifier = rectifier
        self.kept = 0
        self._selection = Selection(config)
        self._writer = PairFolderWriter(workspace.sequence(number), rectifier.calibration)
        self._last_kept: RawPair | None = None

    def recall(self, pair: RawPair, decision: Decision) -> None:
        """Pass over a pair that a killed predecessor decided about."""
        if decision.sharpness is not None:
            self._selection.remember(decision.sharpness)
        if decision.name is not None:
            self.kept += 1
            self._last_kept = pair

    def go_on(self) -> None:
        """Before the first pair that is new: motion is measured from the last one kept."""
        if self._last_kept is not None:
            self._selection.keep(self.prepare(self._last_kept).look)
            self._last_kept = None

    def prepare(self, pair: RawPair) -> Prepared:
        """Read and rectify; in any thread. Raises ValueError for damaged pictures."""
        # One eye after the other, while its pixels are in the processor's cache. Encoded at once,
        # wanted or not: nearly all are.
        jpegs, thumbnails = [], []
        for eye, image in zip(self.rectifier.eyes, pair.read(), strict=True):
            view = eye.warp(image)
            jpegs.append(encoded_jpeg(view))
            thumbnails.append(thumbnail(view))
        depth_m = fault = None
        try:
            depth_m = pair.read_truth(self.rectifier.calibration.intrinsics)
        except ValueError as error:
            fault = str(error)
        return Prepared(jpegs[0], jpegs[1], look_at(*thumbnails), depth_m, fault)

    def decide(self, stamp_ns: int, prepared: Prepared | None) -> Decision:
        """Keep a pair under the next name or leave it out; None: it could not be read."""
        if prepared is None:
            return Decision(stamp_ns, self.number, None, 'unreadable', None)
        why = self._selection.judge(prepared.look)
        name = None if why else f'{self.kept:06d}'
        self.kept += name is not None
        lost = name is not None and prepared.truth_fault is not None
        return Decision(stamp_ns, self.number, name, why, prepared.look.sharpness, lost)

    def write(self, name: str, prepared: Prepared) -> None:
        """The files of a pair; in any thread."""
        self._writer.write_jpegs(name, prepared.left, prepared.right)
        if prepared.depth_m is not None:
            self._writer.add_gt_depth(name, prepared.depth_m)

    def commit(self, name: str, stamp_ns: int) -> None:
        """From now on the written pair counts."""
        self._writer.commit(name, stamp_ns)
