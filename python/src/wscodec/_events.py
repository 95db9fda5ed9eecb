"""A batch of the instance into events of Python: the code that runs for each message."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

from . import _abi
from ._instance import Resource, codec
from ._interface import ERROR
from .types import Close, Event, Kind, Message, Piece, Ping, Pong, WscodecError

_OPAQUE, _CONTINUED, _UNFINISHED = 1 << 9, 1 << 10, 1 << 11
_CODE = 16
_NO_CODE = 1005

_TAIL = _abi.option(ERROR)
"""Behind the two lists of a batch: the error. `more` follows it."""
_TAIL_AT = 16
_MORE_AT = _TAIL_AT + _TAIL.size

_new = tuple.__new__


class Batches:
    """The call of a resource that decodes bytes into batches of events."""

    def __init__(self, interface: str, method: str, pieces: bool) -> None:
        self._call = codec.function(interface, method)
        self._post = codec.post(interface, method)
        self._pieces = pieces

    def decode(self, resource: Resource, data: Any) -> Iterator[Event]:
        """Decode now, and return the events. What `more` announces is decoded when it is reached."""
        return self._events(resource, self._batch(resource, data))

    def _batch(
        self, resource: Resource, data: Any
    ) -> tuple[bytes, array[int], WscodecError | None, bool]:
        handle = resource._self
        with codec.lock:
            at = self._call(handle, *codec.copy_in(data))
            batch, payloads, rows = codec.batch(at, _MORE_AT + 1)
            error = None
            if batch[_TAIL_AT]:
                codec.refresh()
                error = _TAIL.load(codec, at + _TAIL_AT)
            if self._post is not None:
                self._post(at)
        return payloads, rows, error, batch[_MORE_AT] != 0

    def _events(
        self,
        resource: Resource,
        batch: tuple[bytes, array[int], WscodecError | None, bool],
    ) -> Iterator[Event]:
        while True:
            payloads, rows, error, more = batch
            yield from (pieces if self._pieces else messages)(payloads, rows)
            if error is not None:
                raise error
            if not more:
                return
            batch = self._batch(resource, b"")


def messages(payloads: bytes, rows: array[int]) -> Iterator[Event]:
    """The events of a batch of whole messages."""
    numbers = iter(rows)
    for head, start, length in zip(numbers, numbers, numbers):
        data = payloads[start : start + length]
        opcode = head & 15
        if head & _OPAQUE:
            yield Message(data, Kind.TEXT if opcode == 1 else Kind.BINARY)
        elif opcode == 1:
            yield _new(Message, (data.decode(), None))
        elif opcode == 2:
            yield _new(Message, (data, None))
        else:
            yield control(head, data)


def pieces(payloads: bytes, rows: array[int]) -> Iterator[Event]:
    """The events of a batch of messages in pieces."""
    numbers = iter(rows)
    for head, start, length in zip(numbers, numbers, numbers):
        data = payloads[start : start + length]
        if head & 8:
            yield control(head, data)
        else:
            yield Piece(
                data,
                Kind.TEXT if head & 15 == 1 else Kind.BINARY,
                not head & _CONTINUED,
                not head & _UNFINISHED,
                bool(head & _OPAQUE),
            )


def control(head: int, payload: bytes) -> Event:
    """The event of a control frame."""
    opcode = head & 15
    if opcode == 9:
        return Ping(payload)
    if opcode == 10:
        return Pong(payload)
    code = head >> _CODE
    return Close(None if code == _NO_CODE else code, payload.decode())
