"""What a page of a run holds, read as a browser would."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import plotly.graph_objects as go


class Page(HTMLParser):
    """Elements with their attributes, and the text of those that matter here."""

    def __init__(self, html: Any) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: dict[str, str] = {}
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: Any, attributes: Any) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self.open.append(dict(attributes).get("id", tag))

    def handle_endtag(self, tag: Any) -> None:
        if tag in ("script", "style"):
            self.open.pop()

    def handle_data(self, text: Any) -> None:
        if self.open:
            self.scripts[self.open[-1]] = self.scripts.get(self.open[-1], "") + text
        else:
            self.text.append(text)

    @property
    def data(self) -> Any:
        return json.loads(self.scripts["page-data"])

    def loaded(self) -> Any:
        """What a browser would fetch by itself; links that a reader may follow are not."""
        fetched = [
            value
            for tag, attributes in self.elements
            for name, value in attributes.items()
            if name in ("src", "srcset", "href", "data", "poster", "action") and tag != "a"
        ]
        style = self.scripts.get("style", "")
        fetched += [part.split(")")[0] for part in style.split("url(")[1:]] + ["@import"] * ("@import" in style)
        return [value for value in fetched if not value.startswith("data:")]


def painted(value: Any, key: Any = "") -> Any:
    """A figure with colours in place of their roles, as page.js puts them in."""
    if isinstance(value, dict):
        return {k: painted(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [painted(v, key) for v in value]
    if isinstance(value, str) and value.startswith("@"):
        return "RdBu" if key == "colorscale" else "#123456"
    return value


def check_figures(page: Any, rounds: Any) -> None:
    """Every figure is one that Plotly knows how to draw, with a frame and a note for each round."""
    for name, figure in page.data["figures"].items():
        frames = figure["frames"] if figure["frames"] is not None else [figure["data"]] * rounds
        assert len(frames) == rounds, name
        assert figure["notes"] is None or len(figure["notes"]) == rounds, name
        assert figure["follow"] is None or len(figure["follow"]) == rounds, name
        for traces in frames:
            go.Figure(painted({"data": traces, "layout": figure["layout"]}))
