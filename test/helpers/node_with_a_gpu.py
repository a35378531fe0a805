"""depth_node as if there were a GPU; with SLOW_BUILDS set no build ends before it is given up."""

from __future__ import annotations

import os
import sys

from monodepth_ros.inference.tensorrt.build_phases import Phases
from monodepth_ros.node import main
from test.helpers.pretended_gpu import pretend_gpu

SLOW_BUILDS = 'SLOW_BUILDS'


def _build_slowly() -> None:
    begin = Phases.begin

    def slow(phases, *told):
        begin(phases, *told)
        phases.stop.wait()

    Phases.begin = slow


if __name__ == '__main__':
    pretend_gpu()
    if SLOW_BUILDS in os.environ:
        _build_slowly()
    sys.exit(main())
