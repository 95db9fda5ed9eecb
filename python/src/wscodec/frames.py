"""Frames (RFC 6455 section 5.2), for programs that look at them or write them themselves."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

from . import _abi
from ._abi import BOOL, U8, U32, U64, Record
from ._instance import Function, Resource, codec
from ._interface import BYTES, DONE, ERROR, FRAME_OPTIONS, MASK_KEY, fallible, option
from .types import Bytes, Role, WscodecError

__all__ = ["Frame", "FrameDecoder", "FrameHeader", "encode", "mask"]

_INTERFACE = "frames"
_FIN, _MASKED, _FIRST, _LAST, _RSV = 1 << 4, 1 << 5, 1 << 6, 1 << 7, 8


class FrameHeader(NamedTuple):
    """The 2 to 14 bytes in front of a payload."""

    fin: bool
    """Whether the frame ends its message."""
    rsv: int
    """The reserved bits as a number, 0 to 7: RSV1 is 4, RSV2 is 2, RSV3 is 1."""
    opcode: int
    """0 continuation, 1 text, 2 binary, 8 close, 9 ping, 10 pong."""
    mask: bytes | None
    """The mask key, if the frame is masked."""
    len: int
    """The length of the payload in bytes."""


class Frame(NamedTuple):
    """A frame, or the part of it that arrived in one chunk."""

    header: FrameHeader
    payload: bytes
    """The bytes of this part, unmasked."""
    offset: int
    """The offset of the frame's first byte in the stream."""
    first: bool
    """Whether the frame begins with this part."""
    last: bool
    """Whether the frame ends with this part."""


_HEADER = Record(FrameHeader, fin=BOOL, rsv=U8, opcode=U8, mask=option(MASK_KEY), len=U64)
_ERROR = _abi.option(ERROR)
_ERROR_AT = 16
"""Behind the two lists of a batch."""


class FrameDecoder(Resource):
    """Turns bytes into frames. It checks headers and the order of fragments, and no payloads.

    >>> frames = FrameDecoder("client").decode(bytes.fromhex("8900"))
    >>> [(frame.header.opcode, frame.payload) for frame in frames]
    [(9, b'')]
    """

    _interface, _resource = _INTERFACE, "frame-decoder"

    _create = Function(_INTERFACE, "[static]frame-decoder.create", [FRAME_OPTIONS], fallible(U32))
    _decode = codec.function(_INTERFACE, "[method]frame-decoder.decode")
    _post = codec.post(_INTERFACE, "[method]frame-decoder.decode")
    _end = Function(_INTERFACE, "[method]frame-decoder.end", [U32], DONE)
    _offset = Function(_INTERFACE, "[method]frame-decoder.offset", [U32], U64)
    _needed = Function(_INTERFACE, "[method]frame-decoder.needed", [U32], U32)

    def __init__(
        self,
        role: Role | str,
        *,
        rsv: int = 0,
        max_frame: int | None = None,
        offset: int = 0,
        dangerously_accept_unmasked: bool = False,
    ) -> None:
        """A decoder at the beginning of a stream.

        `role` is the side that reads: a server expects masks. `rsv` has the reserved bits that may be set on
        the first frame of a message. `max_frame` limits the payload bytes of one frame.
        """
        super().__init__(
            self._create(
                SimpleNamespace(
                    role=role,
                    rsv=rsv,
                    max_frame=max_frame,
                    offset=offset,
                    dangerously_accept_unmasked=dangerously_accept_unmasked,
                )
            )
        )

    def decode(self, data: Bytes) -> Iterator[Frame]:
        """Decode a chunk now, and return its frames.

        The iterator raises the `WscodecError` that follows the last frame.
        """
        handle = self._self
        with codec.lock:
            at = self._decode(handle, *codec.copy_in(data))
            _, payloads, rows = codec.batch(at, _ERROR_AT)
            codec.refresh()
            error = _ERROR.load(codec, at + _ERROR_AT)
            if self._post is not None:
                self._post(at)
        return _frames(payloads, rows, error)

    def end(self) -> None:
        """Say that the stream ended. Raises `UNEXPECTED_EOF` inside a frame or a fragmented message."""
        self._end(self._self)

    @property
    def offset(self) -> int:
        """The number of bytes decoded, with those in front of the stream."""
        return int(self._offset(self._self))

    @property
    def needed(self) -> int:
        """The least number of bytes until there is something new to report."""
        return int(self._needed(self._self))


def _frames(payloads: bytes, rows: array[int], error: WscodecError | None) -> Iterator[Frame]:
    it = iter(rows)
    for head, start, length, offset, offset_high, size, size_high, key in zip(*[it] * 8):
        header = FrameHeader(
            bool(head & _FIN),
            head >> _RSV & 7,
            head & 15,
            key.to_bytes(4, "little") if head & _MASKED else None,
            size | size_high << 32,
        )
        yield Frame(
            header,
            payloads[start : start + length],
            offset | offset_high << 32,
            bool(head & _FIRST),
            bool(head & _LAST),
        )
    if error is not None:
        raise error


_encode = Function(_INTERFACE, "encode", [_HEADER, BYTES], fallible(BYTES))
_mask = Function(_INTERFACE, "mask", [MASK_KEY, U64, BYTES], BYTES)


def encode(
    opcode: int,
    payload: Bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = None,
) -> bytes:
    """The bytes of one frame. With a mask key of four bytes, the payload is masked.

    >>> encode(9, b"now?")
    b'\\x89\\x04now?'
    """
    header = FrameHeader(fin, rsv, opcode, mask, 0)
    frame: bytes = _encode(header, payload)
    return frame


def mask(key: bytes, data: Bytes, offset: int = 0) -> bytes:
    """Mask or unmask bytes; `offset` is the place of the first one in its payload.

    >>> mask(b"key!", mask(b"key!", b"Hello"))
    b'Hello'
    """
    masked: bytes = _mask(key, offset, data)
    return masked
