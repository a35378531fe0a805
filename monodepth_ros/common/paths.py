"""Paths as people type them, and what is said where nothing, or something else, is there."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
import re
from urllib.parse import unquote

# As camera_info_url has them. A Path, as which options are read, keeps one slash of several.
ADDRESS = re.compile(r'(file|package):/+(.*)')


def typed_path(text: Path | str) -> Path:
    """
    Return the path that a person typed.

    text: a path, where ~ is a home folder, or an address: file:///FILE, or package://PACKAGE/FILE
    for a file of an installed ROS package. Raises ValueError where there is no such home or
    package.
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
    Return the path of a file or folder that a person typed.

    what: its name in messages. advice: what to do where it is not there. Raises FileNotFoundError
    with it, and as typed_path.
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
    """Replace the paths among a command's options by what typed_path makes of them."""
    for name, value in vars(options).items():
        if isinstance(value, Path):
            setattr(options, name, typed_path(value))
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Path):
            setattr(options, name, [typed_path(path) for path in value])


def _place(text: Path | str, path: Path) -> str:
    """Return where a path is, if what was typed does not say so itself."""
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
    # Without a sourced ROS, without the package (a KeyError), and for what cannot be one's name.
    except (ImportError, OSError, LookupError, ValueError) as error:
        raise ValueError(
            f'{text} is of a package that is not found here ({error}); source ROS and the '
            "package's workspace, or give the path itself"
        ) from error
