"""One endpoint: messages, answers to pings and close frames, and timers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ._abi import BOOL, U16, U32, U64, Record, enum
from ._events import Batches
from ._instance import Coder, Function
from ._interface import BYTES, DONE, ERROR, KIND, SESSION_OPTIONS, STRING, fallible, option
from .messages import _encoded, mask_source, outbound
from .types import (
    AgreedDeflate,
    Bytes,
    DeflateOptions,
    Event,
    Kind,
    Limits,
    Role,
    WscodecError,
)

__all__ = ["Outcome", "Session"]

_INTERFACE = "session"
_STATE = enum("open", "closing", "peer-closed", "closed")


@dataclass(frozen=True)
class Outcome:
    """How a session ended."""

    code: int
    """The code that the peer sent: 1005 if its close frame had none, 1006 if it sent no close frame."""
    reason: str
    sent: int | None
    """The code that this side sent, if it sent a close frame."""
    clean: bool
    """Whether both close frames were exchanged (RFC 6455 section 7.1.4)."""
    error: WscodecError | None


_OUTCOME = Record(
    Outcome, code=U16, reason=STRING, sent=option(U16), clean=BOOL, error=option(ERROR)
)


def _method(name: str, parameters: list[Any], returns: Any = None) -> Function:
    return Function(_INTERFACE, f"[method]session.{name}", [U32, *parameters], returns)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


class Session(Coder):
    """One endpoint from the end of the opening handshake to the end of the transport.

    Hand in the bytes that arrive, and send the output after each call.

    >>> server = Session("server")
    >>> for event in server.receive(bytes.fromhex("818537fa213d7f9f4d5158")):
    ...     server.text(event.data)
    >>> server.take_output()
    b'\\x81\\x05Hello'
    """

    _interface, _resource = _INTERFACE, "session"

    _create = Function(_INTERFACE, "[static]session.create", [SESSION_OPTIONS], fallible(U32))
    _text = _method("text", [STRING], DONE)
    _send = _method("send", [KIND, BYTES], DONE)
    _begin = _method("begin", [KIND, BYTES], DONE)
    _more = _method("more", [BYTES], DONE)
    _finish = _method("finish", [BYTES], DONE)
    _ping = _method("ping", [BYTES], DONE)
    _pong = _method("pong", [BYTES], DONE)
    _close = _method("close", [option(U16), STRING], DONE)
    _take_output = _method("take-output", [], BYTES)
    _tick = _method("tick", [U64, U64], DONE)
    _deadline = _method("deadline", [], option(U64))
    _set_reading = _method("set-reading", [BOOL])
    _end = _method("end", [], DONE)
    _state = _method("state", [], _STATE)
    _outcome = _method("outcome", [], option(_OUTCOME))
    _offset = _method("offset", [], U64)
    _memory = _method("memory", [], U64)
    _release = _method("release", [])
    _whole = Batches(_INTERFACE, "[method]session.receive", False)
    _in_pieces = Batches(_INTERFACE, "[method]session.receive", True)

    def __init__(
        self,
        role: Role | str,
        *,
        limits: Limits = Limits(),
        deflate: AgreedDeflate | None = None,
        deflate_options: DeflateOptions | None = None,
        pieces: bool = False,
        offset: int = 0,
        auto_pong: bool = True,
        auto_close: bool = True,
        backlog: int = 16 << 10,
        close_timeout: float | None = 10.0,
        heartbeat: float | None = None,
        pong_timeout: float | None = 20.0,
        idle: float | None = None,
        dangerously_accept_unmasked: bool = False,
        dangerously_repeated_keys: Sequence[bytes] | None = None,
    ) -> None:
        """A session whose opening handshake is done.

        Times are in seconds, `None` for never. `heartbeat` is after how much time without a sign of life the
        session pings the peer, `pong_timeout` how long the peer may then take, `idle` after how much time
        without a message the session closes with 1001, and `close_timeout` how long the peer may take to
        answer a close frame. They act in `tick`. With `backlog` bytes of output, no further pong is added.
        """
        super().__init__(
            self._create(
                SimpleNamespace(
                    role=role,
                    mask=mask_source(role, dangerously_repeated_keys),
                    limits=limits,
                    deflate=outbound(deflate, deflate_options),
                    pieces=pieces,
                    offset=offset,
                    auto_pong=auto_pong,
                    auto_close=auto_close,
                    backlog=backlog,
                    close_timeout=_milliseconds(close_timeout),
                    heartbeat=_milliseconds(heartbeat),
                    pong_timeout=_milliseconds(pong_timeout),
                    idle=_milliseconds(idle),
                    dangerously_accept_unmasked=dangerously_accept_unmasked,
                )
            )
        )
        self._batches = self._in_pieces if pieces else self._whole

    def receive(self, data: Bytes) -> Iterator[Event]:
        """Decode a chunk now, answer its pings, and return its events.

        A close frame is answered when the iterator reaches it, so that each message before it can be answered
        first. The iterator raises the `WscodecError` that ends the session. Take all events before the next
        call.
        """
        return self._batches.decode(self, data)

    def text(self, text: str) -> None:
        """Send a text message in one frame."""
        self._text(self._self, text)

    def binary(self, payload: Bytes) -> None:
        """Send a binary message in one frame."""
        self._send(self._self, Kind.BINARY, payload)

    def begin(self, part: str | Bytes) -> None:
        """Send the first fragment of a message: a `str` begins a text, bytes begin a binary message."""
        kind = Kind.TEXT if isinstance(part, str) else Kind.BINARY
        self._begin(self._self, kind, _encoded(part))

    def more(self, part: str | Bytes) -> None:
        """Send the next fragment of a message, not its last."""
        self._more(self._self, _encoded(part))

    def finish(self, part: str | Bytes = b"") -> None:
        """Send the last fragment of a message."""
        self._finish(self._self, _encoded(part))

    def ping(self, payload: Bytes = b"") -> None:
        """Send a ping of at most 125 bytes."""
        self._ping(self._self, payload)

    def pong(self, payload: Bytes = b"") -> None:
        """Send a pong of at most 125 bytes."""
        self._pong(self._self, payload)

    def close(self, code: int | None = None, reason: str = "") -> None:
        """Begin the closing handshake, or answer the peer's close frame."""
        self._close(self._self, code, reason)

    def take_output(self) -> bytes:
        """The bytes to send; they are taken by this call."""
        output: bytes = self._take_output(self._self)
        return output

    def tick(self, now: float, unsent: int = 0) -> None:
        """Tell the session the time, in seconds, and how many bytes that were taken have not left yet.

        Timers act here. Raises the error with which a timer ends the session.
        """
        self._tick(self._self, round(now * 1000), unsent)

    @property
    def deadline(self) -> float | None:
        """The time in seconds at which the next `tick` is due."""
        deadline = self._deadline(self._self)
        return None if deadline is None else deadline / 1000

    def set_reading(self, reading: bool) -> None:
        """Say whether the program reads from the transport. While it does not, no timeout holds."""
        self._set_reading(self._self, reading)

    def end(self) -> None:
        """Say that the transport ended. Raises `UNEXPECTED_EOF` if the session was not closed."""
        self._end(self._self)

    @property
    def state(self) -> str:
        """`open`, `closing`, `peer-closed` or `closed`."""
        return str(self._state(self._self))

    @property
    def outcome(self) -> Outcome | None:
        """How the session ended; `None` while it has not."""
        outcome: Outcome | None = self._outcome(self._self)
        return outcome

    @property
    def offset(self) -> int:
        """The number of bytes received, with those in front of the stream."""
        return int(self._offset(self._self))
