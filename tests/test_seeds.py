from __future__ import annotations

from typing import Any

from siftnet.seeds import generator


def draw(*arguments: Any) -> Any:
    return generator(*arguments).integers(2**63, size=4).tolist()


def test_same_names_give_the_same_stream() -> None:
    assert draw(3, "redraw", 2) == draw(3, "redraw", 2)


def test_every_part_of_the_name_counts() -> None:
    names = [(0,), (1,), (0, "a"), (0, "b"), (0, "a", 0), (0, "a", 1), (0, "a", "1"), (0, "a", 0, 0), (2**40, "a")]
    assert len({tuple(draw(*name)) for name in names}) == len(names)
