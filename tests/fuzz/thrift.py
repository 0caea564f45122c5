"""Thrift's compact protocol without a schema: a structure's bytes as a tree and back, for the footers of parquet files.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)


@dataclass
class Field:
    """A field of a structure; value: a number, bytes, a List or a Struct."""

    number: int
    kind: int
    value: Any


@dataclass
class Struct:
    """A structure."""

    fields: list[Field]

    def get(self, number: int) -> Any:
        """The value of a field; None where it is absent."""
        return next((field.value for field in self.fields if field.number == number), None)


@dataclass
class List:
    """A list, or a set."""

    kind: int
    items: list[Any]


class Reader:
    """Reads one structure."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def struct(self) -> Struct:
        """A structure up to its stop."""
        fields: list[Field] = []
        number = 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            fields.append(Field(number, head & 15, self._value(head & 15)))
        return Struct(fields)

    def _value(self, kind: int, *, element: bool = False) -> Any:
        if kind in (TRUE, FALSE):
            return self._byte() if element else kind
        if kind in (I16, I32, I64):
            return self._zigzag()
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind in (LIST, SET):
            head = self._byte()
            length = self._varint() if head >> 4 == 15 else head >> 4
            return List(head & 15, [self._value(head & 15, element=True) for _ in range(length)])
        if kind == STRUCT:
            return self.struct()
        if kind in (BYTE, DOUBLE):
            return self._bytes(1 if kind == BYTE else 8)
        raise ValueError(f"kind {kind}")

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, count: int) -> bytes:
        found = self.data[self.at : self.at + count]
        self.at += count
        if len(found) != count:
            raise ValueError("it ends early")
        return found

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


def pack(struct: Struct) -> bytes:
    """The bytes of a structure."""
    out, last = bytearray(), 0
    for field in struct.fields:
        kind = field.kind
        step = field.number - last
        if 0 < step <= 15:
            out.append(step << 4 | kind)
        else:
            out.append(kind)
            out += _zigzag(field.number)
        last = field.number
        if kind not in (TRUE, FALSE):
            out += _pack_value(kind, field.value)
    return bytes(out) + b"\0"


def _pack_value(kind: int, value: Any) -> bytes:
    if kind in (TRUE, FALSE):
        return bytes([value])
    if kind in (I16, I32, I64):
        return _zigzag(value)
    if kind == BINARY:
        return _varint(len(value)) + bytes(value)
    if kind in (LIST, SET):
        length = len(value.items)
        head = bytes([length << 4 | value.kind]) if length < 15 else bytes([0xF0 | value.kind]) + _varint(length)
        return head + b"".join(_pack_value(value.kind, item) for item in value.items)
    if kind == STRUCT:
        return pack(value)
    return bytes(value)


def _varint(value: int) -> bytes:
    value %= 2**64
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _zigzag(value: int) -> bytes:
    return _varint((value << 1) ^ (-1 if value < 0 else 0))
