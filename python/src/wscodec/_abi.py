"""The canonical ABI of the component model, as far as the codec's interfaces use it.

A type says how many bytes a value has in memory, how it is stored there and loaded from there, and which
flat parameters it becomes. `_interface.py` has the types of the WIT package. The quick calls of decoders
do not come through here: see `_instance.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Protocol

MAX_FLAT_PARAMS = 16
MAX_FLAT_RESULTS = 1


class Memory(Protocol):
    """The memory of an instance."""

    view: memoryview

    def allocate(self, size: int, align: int) -> int:
        """Allocate bytes in the instance, and refresh the view."""


class Type:
    """A type of WIT."""

    size: int
    align: int
    flat: Sequence[str]

    def load(self, memory: Memory, at: int) -> Any:
        """Read a value from memory."""
        raise NotImplementedError

    def store(self, memory: Memory, at: int, value: Any) -> None:
        """Write a value to memory."""
        raise NotImplementedError

    def lower(self, memory: Memory, value: Any) -> list[int]:
        """Turn a value into flat parameters."""
        raise NotImplementedError


class Integer(Type):
    """An unsigned integer, and what Python makes of it."""

    def __init__(self, code: str, flat: str = "i32", python: Callable[[int], Any] = int) -> None:
        self._struct = struct.Struct(f"<{code}")
        self._python = python
        self.size = self.align = self._struct.size
        self.flat = [flat]
        self._most = (1 << 8 * self.size) - 1

    def load(self, memory: Memory, at: int) -> Any:
        return self._python(self._struct.unpack_from(memory.view, at)[0])

    def store(self, memory: Memory, at: int, value: Any) -> None:
        self._struct.pack_into(memory.view, at, self._checked(value))

    def lower(self, memory: Memory, value: Any) -> list[int]:
        return [self._checked(value)]

    def _checked(self, value: Any) -> int:
        number = int(value)
        if not 0 <= number <= self._most:
            raise ValueError(f"{value!r} is not an integer from 0 to {self._most}")
        return number


U8 = Integer("B")
U16 = Integer("H")
U32 = Integer("I")
U64 = Integer("Q", "i64")
BOOL = Integer("B", python=bool)


def _align(at: int, align: int) -> int:
    return (at + align - 1) & -align


class Bytes(Type):
    """`list<u8>`: any object with the buffer protocol in, `bytes` out."""

    size, align, flat = 8, 4, ("i32", "i32")
    _pair = struct.Struct("<II")

    def load(self, memory: Memory, at: int) -> Any:
        start, length = self._pair.unpack_from(memory.view, at)
        return self.decode(bytes(memory.view[start : start + length]))

    def store(self, memory: Memory, at: int, value: Any) -> None:
        # Lowering can replace the view.
        pair = self.lower(memory, value)
        self._pair.pack_into(memory.view, at, *pair)

    def lower(self, memory: Memory, value: Any) -> list[int]:
        data = self.encode(value)
        length = len(data)
        start = memory.allocate(length, 1) if length else 1
        memory.view[start : start + length] = data
        return [start, length]

    def encode(self, value: Any) -> memoryview | bytes:
        """The bytes of a value."""
        if isinstance(value, str):
            raise TypeError("a bytes-like object is required, not str")
        return memoryview(value).cast("B")

    def decode(self, data: bytes) -> Any:
        """The value of bytes."""
        return data


class String(Bytes):
    """`string`."""

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise TypeError(f"a str is required, not {type(value).__name__}")
        return value.encode()

    def decode(self, data: bytes) -> str:
        return data.decode()


class List(Type):
    """`list` of any type."""

    size, align, flat = 8, 4, ("i32", "i32")

    def __init__(self, of: Type) -> None:
        self._of = of

    def load(self, memory: Memory, at: int) -> list[Any]:
        start, length = struct.unpack_from("<II", memory.view, at)
        return [self._of.load(memory, start + i * self._of.size) for i in range(length)]

    def store(self, memory: Memory, at: int, value: Any) -> None:
        pair = self.lower(memory, value)
        struct.pack_into("<II", memory.view, at, *pair)

    def lower(self, memory: Memory, value: Any) -> list[int]:
        if isinstance(value, (str, bytes)):
            raise TypeError(f"a list is required, not {type(value).__name__}")
        values = list(value)
        start = memory.allocate(len(values) * self._of.size, self._of.align) if values else 4
        for i, item in enumerate(values):
            self._of.store(memory, start + i * self._of.size, item)
        return [start, len(values)]


class Record(Type):
    """A record, read from attributes; `make` gets the fields by name."""

    def __init__(self, make: Callable[..., Any], **fields: Type) -> None:
        self._make = make
        self._fields: list[tuple[str, Type, int]] = []
        at, self.align, flat = 0, 1, []
        for name, field in fields.items():
            at = _align(at, field.align)
            self._fields.append((name, field, at))
            at += field.size
            self.align = max(self.align, field.align)
            flat += field.flat
        self.size, self.flat = _align(at, self.align), flat

    def load(self, memory: Memory, at: int) -> Any:
        return self._make(**{name: field.load(memory, at + place) for name, field, place in self._fields})

    def store(self, memory: Memory, at: int, value: Any) -> None:
        for name, field, place in self._fields:
            field.store(memory, at + place, getattr(value, name))

    def lower(self, memory: Memory, value: Any) -> list[int]:
        return [flat for name, field, _ in self._fields for flat in field.lower(memory, getattr(value, name))]


class Tuple(Type):
    """A tuple of one type."""

    def __init__(self, of: Type, count: int) -> None:
        self._of, self._count = of, count
        self.size, self.align, self.flat = of.size * count, of.align, list(of.flat) * count

    def load(self, memory: Memory, at: int) -> tuple[Any, ...]:
        return tuple(self._of.load(memory, at + i * self._of.size) for i in range(self._count))

    def store(self, memory: Memory, at: int, value: Any) -> None:
        for i, item in enumerate(self._checked(value)):
            self._of.store(memory, at + i * self._of.size, item)

    def lower(self, memory: Memory, value: Any) -> list[int]:
        return [flat for item in self._checked(value) for flat in self._of.lower(memory, item)]

    def _checked(self, value: Any) -> Any:
        if len(value) != self._count:
            raise ValueError(f"{self._count} values are required, not {len(value)}")
        return value


class MaskKey(Tuple):
    """Four bytes."""

    def __init__(self) -> None:
        super().__init__(U8, 4)

    def load(self, memory: Memory, at: int) -> bytes:  # type: ignore[override]
        return bytes(memory.view[at : at + 4])


class Variant(Type):
    """A variant. `pick` finds the case and the payload of a value, `make` builds a value."""

    def __init__(
        self,
        cases: Sequence[Type | None],
        pick: Callable[[Any], tuple[int, Any]],
        make: Callable[[int, Any], Any],
    ) -> None:
        self._cases, self._pick, self._make = cases, pick, make
        payloads = [case for case in cases if case is not None]
        inner = max((case.align for case in payloads), default=1)
        self.align = inner
        self._place = _align(1, inner)
        self.size = _align(self._place + max((case.size for case in payloads), default=0), self.align)
        longest = max((case.flat for case in payloads), key=len, default=[])
        self.flat = ["i32", *longest]

    def load(self, memory: Memory, at: int) -> Any:
        case = memory.view[at]
        payload = self._cases[case]
        return self._make(case, None if payload is None else payload.load(memory, at + self._place))

    def store(self, memory: Memory, at: int, value: Any) -> None:
        case, inner = self._pick(value)
        # A payload that allocates can replace the view, so it is stored first.
        payload = self._cases[case]
        if payload is not None:
            payload.store(memory, at + self._place, inner)
        memory.view[at] = case

    def lower(self, memory: Memory, value: Any) -> list[int]:
        case, inner = self._pick(value)
        payload = self._cases[case]
        flat = [case] + ([] if payload is None else payload.lower(memory, inner))
        return flat + [0] * (len(self.flat) - len(flat))


def option(of: Type) -> Variant:
    """`option`: `None` or the value."""
    return Variant(
        [None, of],
        lambda value: (0, None) if value is None else (1, value),
        lambda case, value: value,
    )


def enum(*names: str) -> Variant:
    """`enum`: one of these strings."""

    def pick(value: Any) -> tuple[int, None]:
        text = getattr(value, "value", value)
        if text not in names:
            raise ValueError(f"{value!r} is not one of {', '.join(names)}")
        return names.index(text), None

    return Variant([None] * len(names), pick, lambda case, _: names[case])


def result(ok: Type | None, error: Type, fail: Callable[[Any], BaseException]) -> Variant:
    """`result`: the value, or an exception that is raised."""

    def make(case: int, value: Any) -> Any:
        if case:
            raise fail(value)
        return value

    return Variant([ok, error], lambda value: (0, value), make)
