"""permessage-deflate (RFC 7692): its negotiation, and payloads outside of messages."""

from __future__ import annotations

from typing import NamedTuple

from ._abi import U8, U32, U64, Record
from ._instance import Coder, Function
from ._interface import (
    AGREED,
    BYTES,
    DEFLATE_OPTIONS,
    DIRECTION,
    LIMITS,
    STRING,
    fallible,
    option,
)
from .types import AgreedDeflate, Bytes, DeflateDirection, DeflateOptions, Limits

__all__ = [
    "AcceptedDeflate",
    "Compressor",
    "Decompressor",
    "accept",
    "check",
    "observe",
    "offer",
]

_INTERFACE = "deflate"


class AcceptedDeflate(NamedTuple):
    """An offer that a server accepted."""

    agreed: AgreedDeflate
    extensions: str
    """The value of `Sec-WebSocket-Extensions` for the response."""


_ACCEPTED = Record(AcceptedDeflate, agreed=AGREED, extensions=STRING)
_accept = Function(_INTERFACE, "accept", [STRING, DEFLATE_OPTIONS], fallible(option(_ACCEPTED)))
_offer = Function(_INTERFACE, "offer", [DEFLATE_OPTIONS], fallible(STRING))
_check = Function(_INTERFACE, "check", [STRING, DEFLATE_OPTIONS], fallible(option(AGREED)))
_observe = Function(_INTERFACE, "observe", [STRING], fallible(option(AGREED)))


def accept(offers: str, options: DeflateOptions = DeflateOptions()) -> AcceptedDeflate | None:
    """A server's part: accept the first offer that can be met, of a request's `extensions`.

    >>> accept("permessage-deflate; client_max_window_bits").extensions
    'permessage-deflate'
    """
    accepted: AcceptedDeflate | None = _accept(offers, options)
    return accepted


def offer(options: DeflateOptions = DeflateOptions()) -> str:
    """A client's part: the value of `Sec-WebSocket-Extensions` for its request.

    >>> offer()
    'permessage-deflate; client_max_window_bits'
    """
    value: str = _offer(options)
    return value


def check(answer: str, options: DeflateOptions = DeflateOptions()) -> AgreedDeflate | None:
    """The agreement that a server's answer to `offer(options)` makes.

    `None` if the server did not choose the extension. Raises `EXTENSION_PARAMETER` if the answer does not
    fit the offer; the client must fail the connection then (RFC 7692 section 7.1).
    """
    agreed: AgreedDeflate | None = _check(answer, options)
    return agreed


def observe(answer: str) -> AgreedDeflate | None:
    """The agreement that a response makes, as its server sees it, for a program that only observes."""
    agreed: AgreedDeflate | None = _observe(answer)
    return agreed


class Compressor(Coder):
    """Compresses the messages of one direction, for programs that write frames themselves.

    >>> payload = Compressor().compress(b"Hello")
    >>> payload.hex()
    'f248cdc9c90700'
    >>> Decompressor().decompress(payload)
    b'Hello'
    """

    _interface = _INTERFACE
    _resource = "compressor"
    _create = Function(_INTERFACE, "[static]compressor.create", [DIRECTION, U8], fallible(U32))
    _compress = Function(_INTERFACE, "[method]compressor.compress", [U32, BYTES], fallible(BYTES))
    _memory = Function(_INTERFACE, "[method]compressor.memory", [U32], U64)
    _release = Function(_INTERFACE, "[method]compressor.release", [U32])

    def __init__(self, direction: DeflateDirection = DeflateDirection(), *, level: int = 6) -> None:
        super().__init__(self._create(direction, level))

    def compress(self, payload: Bytes) -> bytes:
        """Compress one message: the payload of a frame with RSV1 set."""
        compressed: bytes = self._compress(self._self, payload)
        return compressed


class Decompressor(Coder):
    """Inflates the messages of one direction, for programs that read frames themselves."""

    _interface = _INTERFACE
    _resource = "decompressor"
    _create = Function(
        _INTERFACE, "[static]decompressor.create", [DIRECTION, LIMITS], fallible(U32)
    )
    _decompress = Function(
        _INTERFACE, "[method]decompressor.decompress", [U32, BYTES], fallible(BYTES)
    )
    _memory = Function(_INTERFACE, "[method]decompressor.memory", [U32], U64)
    _release = Function(_INTERFACE, "[method]decompressor.release", [U32])

    def __init__(
        self, direction: DeflateDirection = DeflateDirection(), *, limits: Limits = Limits()
    ) -> None:
        super().__init__(self._create(direction, limits))

    def decompress(self, payload: Bytes) -> bytes:
        """Inflate one message: the payload of a frame with RSV1 set, or of all frames of such a message."""
        inflated: bytes = self._decompress(self._self, payload)
        return inflated
