"""From a template and its values to one HTML file that needs no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plotly.offline
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from siftnet.version import __version__
from siftnet.wording import printable

HERE = Path(__file__).parent / "template"


def render(template: str, payload: dict[str, Any], **values: Any) -> str:
    """The page of a template: `values` are its words, escaped; `payload` is what page.js draws."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_shown
    )
    return environment.get_template(template).render(
        version=__version__,
        plotly=Markup(plotly.offline.get_plotlyjs()),
        css=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        script=Markup((HERE / "page.js").read_text(encoding="utf-8")),
        payload=Markup(embed(_texts_shown(payload))),
        **values,
    )


def _shown(value: Any) -> Any:
    """What a template puts into the page: text that others gave, such as names, as it may be shown."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def embed(data: Any) -> str:
    """JSON that cannot close the script element it stands in."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _texts_shown(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _texts_shown(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_texts_shown(value) for value in data]
    return _shown(data)
