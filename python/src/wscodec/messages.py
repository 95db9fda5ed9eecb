"""Messages (RFC 6455 sections 5.4 to 5.6), without a session."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from ._abi import BOOL, U32, U64
from ._events import Batches
from ._instance import Coder, Function, codec
from ._interface import (
    BYTES,
    CLOSE_FRAME,
    DECODER_OPTIONS,
    DONE,
    ENCODER_OPTIONS,
    KIND,
    STRING,
    fallible,
    option,
)
from .types import (
    AgreedDeflate,
    Bytes,
    Close,
    DeflateOptions,
    Event,
    Kind,
    Limits,
    Message,
    Ping,
    Pong,
    Role,
)

__all__ = ["MessageDecoder", "MessageEncoder"]

_INTERFACE = "messages"


def _method(
    name: str, parameters: list[Any], returns: Any = None, resource: str = "message-decoder"
) -> Function:
    return Function(_INTERFACE, f"[method]{resource}.{name}", [U32, *parameters], returns)


class MessageDecoder(Coder):
    """Turns bytes into messages, pings, pongs and close frames, and checks the rules across frames.

    >>> with MessageDecoder("server") as decoder:
    ...     list(decoder.decode(bytes.fromhex("818537fa213d7f9f4d5158")))
    [Message(data='Hello', opaque=None)]
    """

    _interface, _resource = _INTERFACE, "message-decoder"

    _create = Function(
        _INTERFACE, "[static]message-decoder.create", [DECODER_OPTIONS], fallible(U32)
    )
    _end = _method("end", [], DONE)
    _offset = _method("offset", [], U64)
    _frame_offset = _method("frame-offset", [], U64)
    _in_message = _method("in-message", [], BOOL)
    _memory = _method("memory", [], U64)
    _release = _method("release", [])
    _whole = Batches(_INTERFACE, "[method]message-decoder.decode", False)
    _in_pieces = Batches(_INTERFACE, "[method]message-decoder.decode", True)

    def __init__(
        self,
        role: Role | str,
        *,
        limits: Limits = Limits(),
        deflate: AgreedDeflate | None = None,
        opaque_rsv: int | None = None,
        pieces: bool = False,
        offset: int = 0,
        dangerously_accept_unmasked: bool = False,
    ) -> None:
        """A decoder at the beginning of a stream.

        `role` is the side that reads: a server expects masks. `deflate` is the agreement on
        permessage-deflate. `opaque_rsv` has reserved bits to tolerate (a number, 1 to 7): payloads of such
        messages are returned as they are. With `pieces`, messages are returned as they arrive and never
        stored. `offset` is the number of bytes in front of the stream.
        """
        if deflate is not None and opaque_rsv is not None:
            raise ValueError("deflate and opaque_rsv exclude each other")
        super().__init__(
            self._create(
                SimpleNamespace(
                    role=role,
                    limits=limits,
                    extension=deflate if opaque_rsv is None else opaque_rsv,
                    pieces=pieces,
                    offset=offset,
                    dangerously_accept_unmasked=dangerously_accept_unmasked,
                )
            )
        )
        self._batches = self._in_pieces if pieces else self._whole

    def decode(self, data: Bytes) -> Iterator[Event]:
        """Decode a chunk now, and return its events.

        The iterator raises the `WscodecError` that follows the last event. After an error, every later
        call raises the same error. Take all events before the next call.
        """
        return self._batches.decode(self, data)

    def end(self) -> None:
        """Say that the stream ended. Raises `UNEXPECTED_EOF` inside a frame or a fragmented message."""
        self._end(self._self)

    @property
    def offset(self) -> int:
        """The number of bytes decoded, with those in front of the stream."""
        return int(self._offset(self._self))

    @property
    def frame_offset(self) -> int:
        """The offset of the frame that was decoded last."""
        return int(self._frame_offset(self._self))

    @property
    def in_message(self) -> bool:
        """Whether a message is begun and not at its end."""
        return bool(self._in_message(self._self))


def mask_source(role: Role | str, repeated: Sequence[bytes] | None) -> Any:
    """The mask keys of an encoder or a session: none, a seed, or keys of the caller."""
    if Role(role) is Role.SERVER:
        if repeated is not None:
            raise ValueError("a server has no mask keys")
        return None
    return os.urandom(32) if repeated is None else list(repeated)


def outbound(
    deflate: AgreedDeflate | None, options: DeflateOptions | None
) -> SimpleNamespace | None:
    """The compression of an encoder or a session."""
    if deflate is None:
        return None
    return SimpleNamespace(agreed=deflate, options=options or DeflateOptions())


_encoder = "message-encoder"


class MessageEncoder(Coder):
    """Turns messages and control frames into bytes. Every method returns the bytes to send.

    >>> MessageEncoder("server").text("Hello").hex()
    '810548656c6c6f'
    """

    _interface, _resource = _INTERFACE, _encoder

    _create = Function(
        _INTERFACE, "[static]message-encoder.create", [ENCODER_OPTIONS], fallible(U32)
    )
    _encode = _method("encode", [BYTES, BYTES], DONE, _encoder)
    _text = _method("text", [STRING], DONE, _encoder)
    _send = _method("send", [KIND, BYTES], DONE, _encoder)
    _begin = _method("begin", [KIND, BYTES], DONE, _encoder)
    _more = _method("more", [BYTES], DONE, _encoder)
    _finish = _method("finish", [BYTES], DONE, _encoder)
    _ping = _method("ping", [BYTES], DONE, _encoder)
    _pong = _method("pong", [BYTES], DONE, _encoder)
    _close = _method("close", [option(CLOSE_FRAME)], DONE, _encoder)
    _take_output = _method("take-output", [], BYTES, _encoder)
    _in_message = _method("in-message", [], BOOL, _encoder)
    _memory = _method("memory", [], U64, _encoder)
    _release = _method("release", [], None, _encoder)

    def __init__(
        self,
        role: Role | str,
        *,
        deflate: AgreedDeflate | None = None,
        deflate_options: DeflateOptions | None = None,
        dangerously_repeated_keys: Sequence[bytes] | None = None,
    ) -> None:
        """An encoder for one side.

        A client's mask keys come from a seed of `os.urandom`. `dangerously_repeated_keys` takes their
        place in tests: keys of four bytes, used in turn.
        """
        super().__init__(
            self._create(
                SimpleNamespace(
                    mask=mask_source(role, dangerously_repeated_keys),
                    deflate=outbound(deflate, deflate_options),
                )
            )
        )

    def encode(self, events: Iterable[Event | str | bytes]) -> bytes:
        """Encode many messages and control frames in one call. A `str` is a text, `bytes` are binary.

        If an entry cannot be sent, the call raises its error and drops the frames in front of it. An encoder
        that compresses with takeover must not be used further then, because the peer lacks those frames.
        """
        payloads = bytearray()
        rows = array("I")
        for event in events:
            head, payload = _row(event)
            rows.extend((head, len(payloads), len(payload)))
            payloads += payload
        with codec.lock:
            # `list<u32>`: a list of bytes has its length in bytes.
            handle = self._self
            at, length = codec.copy_in(payloads)
            numbers = codec.allocate(4 * len(rows), 4) if rows else 4
            codec.view[numbers : numbers + 4 * len(rows)] = rows.tobytes()
            try:
                self._encode.raw(handle, at, length, numbers, len(rows))
            finally:
                output: bytes = self._take_output(handle)
            return output

    def text(self, text: str) -> bytes:
        """A text message in one frame."""
        with codec.lock:
            return self._written(self._text(self._self, text))

    def binary(self, payload: Bytes) -> bytes:
        """A binary message in one frame."""
        with codec.lock:
            return self._written(self._send(self._self, Kind.BINARY, payload))

    def begin(self, part: str | Bytes) -> bytes:
        """The first fragment of a message: a `str` begins a text, bytes begin a binary message."""
        kind = Kind.TEXT if isinstance(part, str) else Kind.BINARY
        with codec.lock:
            return self._written(self._begin(self._self, kind, _encoded(part)))

    def more(self, part: str | Bytes) -> bytes:
        """The next fragment of a message, not its last."""
        with codec.lock:
            return self._written(self._more(self._self, _encoded(part)))

    def finish(self, part: str | Bytes = b"") -> bytes:
        """The last fragment of a message."""
        with codec.lock:
            return self._written(self._finish(self._self, _encoded(part)))

    def ping(self, payload: Bytes = b"") -> bytes:
        """A ping of at most 125 bytes."""
        with codec.lock:
            return self._written(self._ping(self._self, payload))

    def pong(self, payload: Bytes = b"") -> bytes:
        """A pong of at most 125 bytes."""
        with codec.lock:
            return self._written(self._pong(self._self, payload))

    def close(self, code: int | None = None, reason: str = "") -> bytes:
        """A close frame. A reason needs a code and has at most 123 bytes."""
        if code is None and reason:
            raise ValueError("a close reason needs a code")
        frame = None if code is None else Close(code, reason)
        with codec.lock:
            return self._written(self._close(self._self, frame))

    def _written(self, _: None) -> bytes:
        output: bytes = self._take_output(self._self)
        return output

    @property
    def in_message(self) -> bool:
        """Whether a message is begun and not finished."""
        return bool(self._in_message(self._self))


def _encoded(part: str | Bytes) -> Bytes:
    return part.encode() if isinstance(part, str) else part


def _row(event: Event | str | bytes) -> tuple[int, Any]:
    if isinstance(event, str):
        return 1, event.encode()
    if isinstance(event, (bytes, bytearray, memoryview)):
        return 2, event
    if isinstance(event, Message):
        return _row(event.data)
    if isinstance(event, Ping):
        return 9, event.payload
    if isinstance(event, Pong):
        return 10, event.payload
    if isinstance(event, Close):
        code = 1005 if event.code is None else event.code
        return 8 | code << 16, event.reason.encode()
    raise TypeError(f"{type(event).__name__} cannot be encoded as a frame")
