"""The pairs of one calibration, on their way through ingest."""

from __future__ import annotations

import sys
from typing import NamedTuple

import numpy as np

from monodepth_ros.core.bit_depth import BitDepth, described
from monodepth_ros.core.rectifier import Rectifier
from monodepth_ros.storage.pair_folder import encoded_jpeg, PairFolderWriter
from trainer.ingest.config import IngestConfig
from trainer.ingest.journal import Decision, Workspace
from trainer.ingest.recording import RawPair
from trainer.ingest.selection import Look, look_at, Selection, thumbnail


class Prepared(NamedTuple):
    """
    A pair that was read: rectified jpegs, what to judge it by, and its truth, if any.

    truth_fault: what is wrong with a truth that could not be read. bits: what its 16-bit images
    were taken for, or would have to be.
    """

    left: bytes
    right: bytes
    look: Look
    depth_m: np.ndarray | None
    truth_fault: str | None
    bits: int | None


class IngestSequence:
    """
    Prepares, selects, names and writes; `kept` pairs so far.

    bits: of the 16-bit images of its first pairs, see BitDepth; a brighter pair raises them.
    """

    def __init__(
        self,
        number: int,
        rectifier: Rectifier,
        workspace: Workspace,
        config: IngestConfig,
        *,
        bits: int | None,
    ) -> None:
        self.number = number
        self.rectifier = rectifier
        self.kept = 0
        self._bits = bits
        self._selection = Selection(config)
        self._writer = PairFolderWriter(workspace.sequence(number), rectifier.calibration)
        self._last_kept: tuple[RawPair, int | None] | None = None

    def recall(self, pair: RawPair, decision: Decision) -> None:
        """Pass over a pair that a killed predecessor decided about."""
        if decision.sharpness is not None:
            self._selection.remember(decision.sharpness)
        if decision.name is not None:
            self.kept += 1
            self._last_kept = pair, decision.bits
        self._bits = decision.bits

    def go_on(self) -> None:
        """Before the first pair that is new: motion is measured from the last one kept."""
        if self._last_kept is not None:
            self._selection.keep(self._prepare(*self._last_kept).look)
            self._last_kept = None

    def prepare(self, pair: RawPair) -> Prepared:
        """Read and rectify; in any thread. Raises ValueError for damaged pictures."""
        return self._prepare(pair, self._bits)

    def settle(self, pair: RawPair, prepared: Prepared) -> Prepared:
        """
        The pair at the bits of the sequence, which it raises if it is brighter.

        Called in the order of the pairs: those that other threads prepared before the bits were
        raised are prepared again, and a run that goes on after kill -9 gives the same pictures.
        """
        if prepared.bits == self._bits:
            return prepared
        if prepared.bits is not None and (self._bits is None or prepared.bits > self._bits):
            self._raise_bits(pair, prepared.bits)
        return self.prepare(pair)

    def _raise_bits(self, pair: RawPair, bits: int) -> None:
        earlier = '8 bits' if self._bits is None else described(self._bits)
        self._bits = bits
        print(
            f'16-bit images: the pair at {pair.stamp_ns} is brighter than the first ones; from it '
            f'on they are taken as {described(bits)}, the {self.kept} pairs kept before it were '
            f'as {earlier}',
            file=sys.stderr,
        )

    def _prepare(self, pair: RawPair, bits: int | None) -> Prepared:
        # One eye after the other, while its pixels are in the processor's cache. Encoded at once,
        # wanted or not: nearly all are.
        jpegs, thumbnails, bit_depth = [], [], BitDepth(bits)
        for eye, image in zip(self.rectifier.eyes, pair.read(bit_depth), strict=True):
            view = eye.warp(image)
            jpegs.append(encoded_jpeg(view))
            thumbnails.append(thumbnail(view))
        depth_m = fault = None
        try:
            depth_m = pair.read_truth(self.rectifier.calibration.intrinsics)
        except ValueError as error:
            fault = str(error)
        look = look_at(*thumbnails)
        return Prepared(jpegs[0], jpegs[1], look, depth_m, fault, bit_depth.bits)

    def decide(self, stamp_ns: int, prepared: Prepared | None) -> Decision:
        """Keep a pair under the next name or leave it out; None: it could not be read."""
        if prepared is None:
            return Decision(stamp_ns, self.number, None, 'unreadable', None, bits=self._bits)
        why = self._selection.judge(prepared.look)
        name = None if why else f'{self.kept:06d}'
        self.kept += name is not None
        lost = name is not None and prepared.truth_fault is not None
        sharpness = prepared.look.sharpness
        return Decision(stamp_ns, self.number, name, why, sharpness, lost, self._bits)

    def write(self, name: str, prepared: Prepared) -> None:
        """The files of a pair; in any thread."""
        self._writer.write_jpegs(name, prepared.left, prepared.right)
        if prepared.depth_m is not None:
            self._writer.add_gt_depth(name, prepared.depth_m)

    def commit(self, name: str, decision: Decision) -> None:
        """From now on the written pair counts."""
        self._writer.state_bits(decision.bits)
        self._writer.commit(name, decision.stamp_ns)
