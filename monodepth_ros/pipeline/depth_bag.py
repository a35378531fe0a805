"""Recording of depth from frames, with the same messages as depth_node publishes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
import sys

from monodepth_ros.common.progress import Progress, StatusLine
from monodepth_ros.inference.backend import Backend
from monodepth_ros.inference.load import load_backend
from monodepth_ros.messages.topics import INFO, NEED_CONFIDENCE, OUTPUTS
from monodepth_ros.parameters import BackendParams, OutputParams
from monodepth_ros.pipeline.outputs import OutputEncoder
from monodepth_ros.pipeline.predictor import Predictor
from monodepth_ros.pipeline.steady_camera import SteadyCamera
from monodepth_ros.storage.bag import BagMessage, ROSBAGS_CLASSES, TopicDefinition
from monodepth_ros.storage.bag_writer import BagWriter, write_bag
from monodepth_ros.storage.frames import BagSource, FileSource, StoredFrame

# A reason for leaving out a frame, beside those in frames.py.
MISFIT = 'unlike their camera_info'


def write_depth_bag(
    path: Path,
    source: BagSource | FileSource,
    model: Path,
    backend_params: BackendParams,
    params: OutputParams,
    *,
    topics: Collection[str],
    keep: bool,
) -> str:
    """
    Write a new recording, which appears at path only after success.

    path: the new recording.
    source: the frames.
    model: path of the model file.
    backend_params, params: parameters as of depth_node.
    topics: topics of OUTPUTS to write; camera_info is always written.
    keep: copy the source's own topics too.
    Returns a summary of frames written, speed, and frames left out. Raises FileExistsError,
    FileNotFoundError, OSError for a full disk, and ValueError for all other faults, also when no
    frame could be used.
    """
    status = StatusLine('replay', sys.stderr)
    with (
        write_bag(path) as writer,
        load_backend(model, **asdict(backend_params), log=status.log) as backend,
    ):
        outputs = _outputs(topics, backend, model)
        if source.remark:
            status.log(source.remark)
        copy = _copier(source, outputs, writer, status.log) if keep else None
        predictor = Predictor(
            backend,
            max_depth_m=params.max_depth_m or None,
            output_size=params.output_size,
            log=status.log,
        )
        with Progress(source.count, status) as progress:
            depth_writer = _DepthWriter(writer, predictor, params, outputs, progress)
            for frame in source.frames(progress.drop, copy):
                depth_writer.add(frame)
        if not progress.written:
            raise ValueError(f'{source.name}: no frame could be used; dropped: {progress.losses}')
    return progress.summary


def _outputs(topics: Collection[str], backend: Backend, model: Path) -> list[str]:
    """Return the topics in the order of writing."""
    lacking = [] if backend.has_confidence else [t for t in topics if t in NEED_CONFIDENCE]
    if lacking:
        raise ValueError(
            f'{model} computes no confidence; remove {" and ".join(lacking)} from --topics'
        )
    return [topic for topic in OUTPUTS if topic == INFO or topic in topics]


def _copier(
    source: BagSource | FileSource,
    outputs: list[str],
    writer: BagWriter,
    log: Callable[[str], None],
) -> Callable[[BagMessage], None]:
    """
    Return a function that copies a message of the source to the writer.

    source: the frames' source.
    outputs: topics that are written.
    writer: the new recording.
    log: called with the topics that cannot be copied.
    """
    if not source.topics:
        raise ValueError(f'{source.name} is no recording: it has no topics to keep; omit --keep')
    taken = [topic for topic in source.topics if topic.removeprefix('/') in outputs]
    if taken:
        raise ValueError(
            f'{source.name} already holds {", ".join(taken)}, and the new topics have the same '
            'names; omit --keep'
        )
    lost = [f'{topic} ({why})' for topic, why in source.topics.items() if isinstance(why, str)]
    if lost:
        log(f'not copied: {", ".join(lost)}')

    def copy(message: BagMessage) -> None:
        definition = source.topics[message.topic]
        if isinstance(definition, TopicDefinition):
            writer.add_serialized(
                message.topic, definition, message.data, recorded_ns=message.recorded_ns
            )

    return copy


class _DepthWriter:
    """Predicts frames and writes their outputs."""

    def __init__(
        self,
        writer: BagWriter,
        predictor: Predictor,
        params: OutputParams,
        outputs: list[str],
        progress: Progress,
    ) -> None:
        self._writer = writer
        self._predictor = predictor
        self._encoder = OutputEncoder(ROSBAGS_CLASSES, params)
        self._outputs = outputs
        self._progress = progress
        self._steady = SteadyCamera()

    def add(self, frame: StoredFrame) -> None:
        """Write the outputs of a frame, or count why it is left out."""
        try:
            prediction = self._predictor.predict(frame.image, self._steady.take(frame.camera))
        except ValueError as error:
            self._progress.drop(MISFIT, f'{frame.place}: {error}')
            return
        for topic in self._outputs:
            message = self._encoder.message(topic, frame.header, prediction)
            self._writer.add(f'/{topic}', message, recorded_ns=frame.recorded_ns)
        self._progress.write()
