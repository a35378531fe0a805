"""`python -m trainer ingest | check | train | export | import | evaluate`: a bag to a model."""

from __future__ import annotations

from argparse import SUPPRESS
from dataclasses import fields
from pathlib import Path
import sys
from typing import Any

from jsonargparse import ActionConfigFile, ArgumentParser, Namespace, set_parsing_settings

from monodepth_ros.common.paths import resolve_paths
from trainer.check.config import CheckConfig
from trainer.datasets.sources import open_sequences, root_and_list
from trainer.evaluate.config import EvaluateConfig
from trainer.export.config import ExportConfig
from trainer.import_model.config import ImportConfig
from trainer.ingest.config import IngestConfig
from trainer.train.config import TrainConfig
from trainer.train.lightning_arguments import OURS

# The exit status that shells report for a command ended by Ctrl-C.
INTERRUPTED = 130

set_parsing_settings(docstring_parse_attribute_docstrings=True)


def main(args: list[str] | None = None) -> int:
    """Run one command; an error of the user is one line and exit status 1."""
    args = [_underscored(arg) for arg in (sys.argv[1:] if args is None else args)]
    options = _parser(for_training='train' in args[:1]).parse_args(args)
    command = options.subcommand
    try:
        resolve_paths(options[command])
        _COMMANDS[command](options[command])
    except (ValueError, OSError) as error:
        print(f'trainer {command}: {_message(error)}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'trainer {command}: stopped; the same command continues it', file=sys.stderr)
        return INTERRUPTED
    return 0


def _underscored(arg: str) -> str:
    """Return --focal-px as --focal_px; both are accepted, as the robot's commands use dashes."""
    name, equals, value = arg.partition('=')
    name = '--' + name[2:].replace('-', '_') if name.startswith('--') else name
    return name + equals + value


def _message(error: Exception) -> str:
    text = str(error).strip()
    # An error of a DataLoader's worker contains its traceback, with the error itself at the end.
    return text.splitlines()[-1] if 'worker process' in text else text


def _ingest(options: Namespace) -> None:
    from trainer.ingest.ingest import ingest

    values = _only(options, *(field.name for field in fields(IngestConfig)))
    files = values['calibration']
    config = IngestConfig(**values | {'calibration': files and tuple(files)})
    calibrations, counts = ingest(options.sources, options.output, config)
    for calibration in calibrations:
        camera = calibration.intrinsics
        print(
            f'{options.output}: {camera.width} x {camera.height}, fx {camera.fx:.1f} px, '
            f'baseline {calibration.baseline_m:.3f} m'
        )
    left_out = ', '.join(f'{n} {why}' for why, n in counts.items() if n and why != 'kept')
    print(f'{counts["kept"]} pairs, left out: {left_out or "none"}')


def _check(options: Namespace) -> None:
    # Imported late, because matplotlib takes seconds to import.
    from rich.progress import track

    from trainer.check.page import write_page
    from trainer.check.preflight import check_sequences, fault_text
    from trainer.check.table import print_check

    names = [field.name for field in fields(CheckConfig)]
    config = CheckConfig(**_only(options, *names))
    sequences = [s for source in options.data for s in open_sequences(source)]
    checks = []
    for check in check_sequences(sequences, config, track):
        print_check(check)
        checks.append(check)
    root, _ = root_and_list(options.data[0])
    page = options.output or root.resolve().with_name('check.html')
    write_page(page, checks)
    print(f'written to {page}')
    if faults := fault_text(checks):
        raise ValueError(f'{faults}; correct them, a training on this data would fail')


def _train(options: Namespace) -> None:
    # Imported late, because torch takes seconds to import; `ingest` and `--help` do not need it.
    from trainer.train.train import train

    values = options.as_dict()
    values.pop('config', None)
    train(TrainConfig(**values | {'data': tuple(values['data'])}))


def _export(options: Namespace) -> None:
    from trainer.export.export import export

    config = ExportConfig(**_only(options, *(field.name for field in fields(ExportConfig))))
    spec = export(options.checkpoint, options.output, config)
    camera = spec.camera
    metrics = ', '.join(f'{name} {value:.2g}' for name, value in spec.metrics.items())
    print(
        f'{options.output}: {camera.width} x {camera.height}, fx {camera.fx:.1f} px, baseline '
        f'{spec.baseline_m:.3f} m, {spec.precision}, {metrics or "agrees with torch"}'
    )


def _import(options: Namespace) -> None:
    from trainer.import_model.import_model import import_model

    config = ImportConfig(**_only(options, *(field.name for field in fields(ImportConfig))))
    spec = import_model(options.network, options.to, config)
    camera = spec.camera
    print(
        f'{options.to}: {camera.width} x {camera.height}, fx {camera.fx:.1f} px, '
        f'{spec.depth_range_m[0]:g} to {spec.depth_range_m[1]:g} m'
    )


def _evaluate(options: Namespace) -> None:
    # Imported late, because matplotlib takes seconds to import.
    from rich import print as print_rich

    from trainer.evaluate.evaluate import evaluate
    from trainer.evaluate.report import write_report
    from trainer.evaluate.table import terminal_table

    if options.output.exists():
        raise FileExistsError(f'{options.output} exists already; remove it or choose another name')
    names = [field.name for field in fields(EvaluateConfig)]
    config = EvaluateConfig(**_only(options, *names))
    evaluation = evaluate(options.models, options.data, config)
    write_report(options.output, evaluation)
    print_rich(terminal_table(evaluation))
    print(f'written to {options.output}: report.html, summary.json, images.csv')


def _only(options: Namespace, *names: str) -> dict[str, Any]:
    return {name: options[name] for name in names}


def _parser(*, for_training: bool) -> ArgumentParser:
    parser = ArgumentParser(prog='python -m trainer', description=__doc__, allow_abbrev=False)
    commands = parser.add_subcommands()
    ingest_parser = ArgumentParser(
        description='Turn stereo recordings into a pair folder. The same command continues a '
        'stopped one.'
    )
    ingest_parser.add_argument(
        'sources',
        type=Path,
        nargs='+',
        metavar='BAG',
        help='rosbag2 folders or files (mcap, sqlite3) of one rig, or a folder of frames with '
        'left/ and right/',
    )
    ingest_parser.add_argument('-o', '--output', type=Path, required=True, help='new folder')
    ingest_parser.add_argument(
        '--calibration',
        type=Path,
        nargs=2,
        metavar=('LEFT.yaml', 'RIGHT.yaml'),
        help='camera_info files instead of camera_info topics; a folder of frames needs them',
    )
    ingest_parser.add_class_arguments(IngestConfig, as_group=False, skip={'calibration'})
    commands.add_subcommand('ingest', ingest_parser, help='stereo bag -> pair folder')
    commands.add_subcommand('check', _check_parser(), help='find faults of stereo pairs')
    train_parser = ArgumentParser(description=TrainConfig.__doc__)
    train_parser.add_argument('--config', action=ActionConfigFile, help='YAML of these options')
    train_parser.add_argument(
        '--data',
        nargs='+',
        required=True,
        help='pair folders; the first rig is canonical, unless init_from is given',
    )
    train_parser.add_class_arguments(TrainConfig, as_group=False, skip={'data', 'trainer'})
    if for_training:
        _add_lightning(train_parser)
    commands.add_subcommand('train', train_parser, help='pair folders -> checkpoint')
    export_parser = ArgumentParser(description='Turn a checkpoint into a model file (ONNX).')
    export_parser.add_argument('checkpoint', type=Path, help='last.ckpt of a training')
    export_parser.add_argument('-o', '--output', type=Path, required=True, help='the .onnx file')
    export_parser.add_class_arguments(ExportConfig, as_group=False)
    commands.add_subcommand('export', export_parser, help='checkpoint -> model.onnx')
    commands.add_subcommand('import', _import_parser(), help='third-party network -> model.onnx')
    commands.add_subcommand(
        'evaluate', _evaluate_parser(), help='models on data with a ground truth'
    )
    return parser


def _check_parser() -> ArgumentParser:
    parser = ArgumentParser(description='Find faults of stereo pairs; exit status 1 if any.')
    parser.add_argument(
        'data', nargs='+', help='data as `train --data` takes it, e.g. pair folders'
    )
    parser.add_argument(
        '-o',
        '--output',
        type=Path,
        help='page with the pictures; replaced; if not given, check.html beside the first data',
    )
    parser.add_class_arguments(CheckConfig, as_group=False)
    return parser


def _import_parser() -> ArgumentParser:
    parser = ArgumentParser(
        description='Turn a third-party metric monocular network into a model file (ONNX).'
    )
    parser.add_argument(
        'network', type=Path, metavar='MODEL.onnx', help='the network, as exported'
    )
    parser.add_argument('-o', '--to', type=Path, required=True, help='the .onnx file to write')
    parser.add_class_arguments(ImportConfig, as_group=False)
    return parser


def _evaluate_parser() -> ArgumentParser:
    parser = ArgumentParser(description='Measure models on data with a ground truth.')
    parser.add_argument('models', type=Path, nargs='+', help='checkpoints (.ckpt) or model files')
    parser.add_argument(
        'data', help='pair folder, bag, KITTI raw or stereo 2015 root, or ROOT@FILE_LIST'
    )
    parser.add_argument('-o', '--output', type=Path, required=True, help='new folder')
    parser.add_class_arguments(EvaluateConfig, as_group=False)
    return parser


def _add_lightning(parser: ArgumentParser) -> None:
    # Imported late, because Lightning takes seconds to import.
    from lightning import Trainer

    parser.add_class_arguments(Trainer, 'trainer', skip=set(OURS), fail_untyped=False)
    for name in OURS:
        # Accept them here, so that TrainConfig can say why it refuses them.
        parser.add_argument(f'--trainer.{name}', default=SUPPRESS, help=SUPPRESS)


_COMMANDS = {
    'ingest': _ingest,
    'check': _check,
    'train': _train,
    'export': _export,
    'import': _import,
    'evaluate': _evaluate,
}

if __name__ == '__main__':
    sys.exit(main())
