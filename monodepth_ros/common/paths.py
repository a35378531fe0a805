"""Paths as users type them, and errors for paths that do not exist or are of another kind."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
import re
from urllib.parse import unquote

# Addresses as in camera_info_url. Options are read as Path, which keeps one slash of several.
ADDRESS = re.compile(r'(file|package):/+(.*)')


def typed_path(text: Path | str) -> Path:
    """
    Return the path that a user typed.

    text: a path, where ~ is a home folder, or an address: file:///FILE, or package://PACKAGE/FILE
    for a file of an installed ROS package.
    Raises ValueError for an unknown home folder or package.
    """
    address = ADDRESS.fullmatch(str(text))
    if address is None:
        return _with_home(Path(text))
    rest = unquote(address[2])
    if address[1] == 'file':
        return Path('/', rest)
    package, _, file = rest.partition('/')
    return Path(_share_folder(package, text), file)


def existing_path(text: Path | str, what: str, advice: str) -> Path:
    """
    Return the path of a file or folder that a user typed.

    text: see typed_path.
    what: its name in messages.
    advice: what to do if it does not exist.
    Raises FileNotFoundError with the advice, and the errors of typed_path.
    """
    if not str(text):
        raise FileNotFoundError(f'no {what} is given; {advice}')
    path = typed_path(text)
    if not path.exists():
        raise FileNotFoundError(f'{what} {text} not found{_place(text, path)}; {advice}')
    return path


def existing_file(text: Path | str, what: str, advice: str) -> Path:
    """Return the path of a file, as existing_path does. Raises IsADirectoryError for a folder."""
    path = existing_path(text, what, advice)
    if path.is_dir():
        raise IsADirectoryError(
            f'{what} {text} is a folder{_place(text, path)}, expected a file; {advice}'
        )
    return path


def resolve_paths(options: Namespace) -> None:
    """Replace every path among a command's options by the result of typed_path."""
    for name, value in vars(options).items():
        if isinstance(value, Path):
            setattr(options, name, typed_path(value))
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Path):
            setattr(options, name, [typed_path(path) for path in value])


def _place(text: Path | str, path: Path) -> str:
    """Return the full path for a message, unless the typed text is the full path."""
    full = path.absolute()
    return '' if str(text) == str(full) else f' ({full})'


def _with_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError(f'{path} names a home folder that is not known here') from error


def _share_folder(package: str, text: Path | str) -> str:
    try:
        from ament_index_python.packages import get_package_share_directory

        return str(get_package_share_directory(package))
    # ROS is not sourced, the package does not exist (KeyError), or its name is not valid.
    except (ImportError, OSError, LookupError, ValueError) as error:
        raise ValueError(
            f'{text} names a package that is not found here ({error}); source ROS and the '
            "package's workspace, or give a path"
        ) from error
