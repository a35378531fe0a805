"""The pairs of one calibration during ingest: prepared, judged, named and written."""

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
    A pair that was read and rectified, with the measurements that decide about it.

    left, right: encoded jpegs.
    depth_m: ground truth, (H, W) float32 metres; None if there is none.
    ground_truth_fault: why the ground truth could not be read; None if there is no fault.
    bits: bit depth that its 16-bit images need, see BitDepth.
    """

    left: bytes
    right: bytes
    look: Look
    depth_m: np.ndarray | None
    ground_truth_fault: str | None
    bits: int | None


class IngestSequence:
    """
    The pairs of one calibration; `kept` is the number of pairs kept so far.

    number: number of the sequence, from 1.
    rectifier: map from the raw views to the rectified ones.
    workspace: folder that the pairs are written to.
    config: limits of the selection.
    bits: bit depth of the first 16-bit images, see BitDepth; a brighter pair raises it.
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
        """Skip a pair that an earlier, killed run decided about."""
        if decision.sharpness is not None:
            self._selection.remember(decision.sharpness)
        if decision.name is not None:
            self.kept += 1
            self._last_kept = pair, decision.bits
        self._bits = decision.bits

    def go_on(self) -> None:
        """Restore the last pair kept before the first new one, to measure motion from it."""
        if self._last_kept is not None:
            self._selection.keep(self._prepare(*self._last_kept).look)
            self._last_kept = None

    def prepare(self, pair: RawPair) -> Prepared:
        """Read and rectify a pair, in any thread; raise ValueError for damaged images."""
        return self._prepare(pair, self._bits)

    def settle(self, pair: RawPair, prepared: Prepared) -> Prepared:
        """
        Return the pair at the bit depth of the sequence, which a brighter pair raises.

        Call it in the order of the pairs. A pair that another thread prepared before the bit
        depth was raised is prepared again, so that a run that continues after kill -9 writes the
        same images.
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
            f'taken as {earlier}',
            file=sys.stderr,
        )

    def _prepare(self, pair: RawPair, bits: int | None) -> Prepared:
        # Finish one view before the other, while its pixels are in the processor's cache. Encode
        # before the decision, since nearly all pairs are kept.
        jpegs, thumbnails, bit_depth = [], [], BitDepth(bits)
        for warp, image in zip(self.rectifier.views, pair.read(bit_depth), strict=True):
            view = warp.warp(image)
            jpegs.append(encoded_jpeg(view))
            thumbnails.append(thumbnail(view))
        depth_m = fault = None
        try:
            depth_m = pair.read_ground_truth(self.rectifier.calibration.intrinsics)
        except ValueError as error:
            fault = str(error)
        look = look_at(*thumbnails)
        return Prepared(jpegs[0], jpegs[1], look, depth_m, fault, bit_depth.bits)

    def decide(self, stamp_ns: int, prepared: Prepared | None) -> Decision:
        """
        Decide whether to keep a pair under the next name or to leave it out.

        stamp_ns: stamp of the pair.
        prepared: the pair; None if it could not be read.
        """
        if prepared is None:
            return Decision(stamp_ns, self.number, None, 'unreadable', None, bits=self._bits)
        why = self._selection.judge(prepared.look)
        name = None if why else f'{self.kept:06d}'
        self.kept += name is not None
        lost = name is not None and prepared.ground_truth_fault is not None
        sharpness = prepared.look.sharpness
        return Decision(stamp_ns, self.number, name, why, sharpness, lost, self._bits)

    def write(self, name: str, prepared: Prepared) -> None:
        """Write the files of a pair, in any thread."""
        self._writer.write_jpegs(name, prepared.left, prepared.right)
        if prepared.depth_m is not None:
            self._writer.add_gt_depth(name, prepared.depth_m)

    def commit(self, name: str, decision: Decision) -> None:
        """Add a pair to the list of the folder, after its files are written."""
        self._writer.state_bits(decision.bits)
        self._writer.commit(name, decision.stamp_ns)
