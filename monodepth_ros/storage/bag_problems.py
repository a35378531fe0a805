"""Explanations of recordings that cannot be read, with what to do."""

from __future__ import annotations

from pathlib import Path

from monodepth_ros.storage.image_files import IMAGE_SUFFIXES

METADATA = 'metadata.yaml'
STORAGE_SUFFIXES = ('.mcap', '.db3')
# Suffixes of files that rosbag2 compressed as a whole.
COMPRESSED_SUFFIXES = tuple(suffix + '.zstd' for suffix in STORAGE_SUFFIXES)
ROS1_SUFFIX = '.bag'
MCAP_MAGIC, ROS1_MAGIC = b'\x89MCAP0\r\n', b'#ROSBAG V'
POINTER_MAGIC = b'version https://git-lfs'
# Suffixes of the files beside a database whose last transaction is not in the database yet.
SQLITE_JOURNALS = ('-journal', '-wal')

RECOVER = 'copy it again, or save what there is with `mcap recover FILE -o NEW.mcap`'
GIVE_RECORDING = 'give the folder that `ros2 bag record` made, or an .mcap or .db3 file'
GIVE_FILES = 'give the .mcap or .db3 file instead of the folder, or run `ros2 bag reindex`'
BAD_METADATA = f'its {METADATA} is damaged: {GIVE_FILES}'
CONVERT = 'convert it with `ros2 bag convert`, or an mcap file with `mcap compress FILE -o NEW`'
# Texts in errors of rosbags (0.11.9), and what they mean to the user.
MEANINGS = {
    'Profile is not ros2': 'it is an mcap file of another system than ROS 2: record with '
    '`ros2 bag record`, or convert it; of ROS 1, convert the .bag file with `rosbags-convert`',
    'not in timestamp order': 'it has no index: make one with `mcap recover FILE -o NEW.mcap`',
    'Truncated record': f'it is truncated: {RECOVER}',
    'database files are missing': 'copy the whole folder again, or give a file that is there',
    'Could not load YAML': BAD_METADATA,
    'metadata key is missing': BAD_METADATA,
    'Invalid bag metadata': BAD_METADATA,
    "'utf-8' codec": BAD_METADATA,
    'Rosbag2 version': f'it is newer than this rosbags: update that, or {GIVE_FILES}',
    # Humble's reindex leaves the plugin's name empty.
    'Storage plugin': f'its {METADATA} should say mcap or sqlite3: correct it, or {GIVE_FILES}',
    'Compression format': f'only zstd is read: {CONVERT}',
    'Unsupported chunk compression': f'only zstd and lz4 are read: {CONVERT}',
}
RECOVER_DB3 = 'copy it again, or save what there is with `sqlite3 FILE .recover | sqlite3 NEW`'


def is_recording(path: Path) -> bool:
    """Return whether a path is a recording of any kind, or the rest of one, by its file names."""
    if not path.is_dir():
        return path.name.endswith((*STORAGE_SUFFIXES, *COMPRESSED_SUFFIXES, ROS1_SUFFIX))
    if (path / METADATA).is_file():
        return True
    frames = any(p.is_dir() or p.suffix.lower() in IMAGE_SUFFIXES for p in path.iterdir())
    return bool(_files_in(path)) and not frames


def problem_before(path: Path) -> str | None:
    """Return why a path must not be opened as a recording, and what to do; None if it may."""
    if not path.is_dir():
        return _kind_problem(path) or _journal_problem(path)
    if not (path / METADATA).is_file():
        return _without_metadata(path)
    return next(filter(None, map(_journal_problem, _files_in(path))), None)


def meaning_of(error: Exception, *paths: Path) -> str:
    """Return what an error of rosbags about recordings means, and what to do."""
    if isinstance(error, OSError) or isinstance(error.__cause__, OSError):
        return 'the disk, or a missing permission, prevents it'
    known = (meaning for said, meaning in MEANINGS.items() if said in str(error))
    files = [file for path in paths for file in (_files_in(path) if path.is_dir() else [path])]
    is_database = any(file.suffix == '.db3' for file in files)
    damaged = f'it is damaged: {RECOVER_DB3 if is_database else RECOVER}'
    return next(filter(None, (*known, *map(_content_problem, files))), damaged)


def _files_in(folder: Path) -> list[Path]:
    """Return the files of recordings, of any kind."""
    return sorted(path for path in folder.iterdir() if path.is_file() and is_recording(path))


def _without_metadata(folder: Path) -> str:
    lacking = f'{folder} is no rosbag2 folder (it holds no {METADATA})'
    files = _files_in(folder)
    if not files:
        return f'{lacking}; {GIVE_RECORDING}'
    if problem := problem_before(files[0]) or _content_problem(files[0]):
        return f'{lacking}, and {problem}'
    return f'{lacking}; give {" or ".join(map(str, files))}, or run `ros2 bag reindex {folder}`'


def _kind_problem(file: Path) -> str | None:
    """Return what is wrong with a file of an unsupported kind; None for a supported one."""
    with file.open('rb') as stream:
        is_ros1 = stream.read(len(ROS1_MAGIC)) == ROS1_MAGIC
    if is_ros1 or file.suffix == ROS1_SUFFIX:
        return (
            f'{file} is of ROS 1: convert it with `rosbags-convert --src {file} --dst '
            f'{file.with_suffix("")} --dst-typestore ros2_jazzy`'
        )
    if file.name.endswith(COMPRESSED_SUFFIXES):
        return f'{file} is compressed: give its folder, or decompress it with `unzstd {file}`'
    if not is_recording(file):
        return f'{file} is no recording, expected a rosbag2 folder, .mcap or .db3 file'
    return None


def _journal_problem(file: Path) -> str | None:
    """Return which data a database lacks; its reader would not report that."""
    for journal in (file.with_name(file.name + ending) for ending in SQLITE_JOURNALS):
        if journal.exists() and journal.stat().st_size:
            return (
                f'{file} was not closed by its recorder: {journal.name} holds what is missing in '
                f'it; bring it in with `sqlite3 {file} .schema`, then try again'
            )
    return None


def _content_problem(file: Path) -> str | None:
    """Return what is wrong with a file, by its first and last bytes."""
    size = file.stat().st_size
    if not size:
        return (
            f'{file} is empty: copy it again; a recorder that was killed early leaves such files'
        )
    with file.open('rb') as stream:
        start = stream.read(len(POINTER_MAGIC))
        stream.seek(max(0, size - len(MCAP_MAGIC)))
        end = stream.read()
    if start == POINTER_MAGIC:
        return f'{file} is only a pointer of Git LFS: `git lfs pull` brings the file'
    if file.suffix != '.mcap':
        return None
    if not start.startswith(MCAP_MAGIC):
        return f'{file} is no mcap file despite its name'
    if end != MCAP_MAGIC:
        return f'{file} is truncated, or its recorder was killed: {RECOVER}'
    return None
