"""Self-contained HTML pages: one file with embedded pictures, no scripts, no network."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from jinja2 import Environment, FileSystemLoader
from matplotlib.figure import Figure

DPI = 90


def render_page(template: str, **values: Any) -> str:
    """Return the HTML of a template, given by its path below this folder."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True
    )
    return environment.get_template(template).render(values)


def save_png(figure: Figure, file: BinaryIO | str) -> None:
    """Write a figure as png."""
    figure.savefig(file, format='png', dpi=DPI)


def data_uri(figure: Figure) -> str:
    """Return a figure as the source of an <img>."""
    buffer = BytesIO()
    save_png(figure, buffer)
    return 'data:image/png;base64,' + b64encode(buffer.getvalue()).decode()
