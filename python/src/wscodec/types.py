"""Types that several modules use: limits, errors, events and agreements."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NamedTuple, Union

__all__ = [
    "AgreedDeflate",
    "Bytes",
    "Close",
    "DeflateDirection",
    "DeflateOptions",
    "Event",
    "Kind",
    "Limits",
    "Message",
    "Piece",
    "Ping",
    "Pong",
    "Role",
    "WscodecError",
]

Bytes = Union[bytes, bytearray, memoryview]
"""Input: bytes of any kind."""

RoleName = Literal["client", "server"]


class Role(str, Enum):
    """The side of a connection on which the program is. Its value is accepted, too: `"client"`."""

    CLIENT = "client"
    SERVER = "server"


class Kind(str, Enum):
    """The type of a message (RFC 6455 section 5.6)."""

    TEXT = "text"
    BINARY = "binary"


class WscodecError(Exception):
    """A rule that was broken, a limit that was passed, or a call that is not allowed.

    `code` is a stable name such as `UNMASKED_FRAME`, the same in Rust and JavaScript. `close_code` is the
    close code with which the connection must end (RFC 6455 section 7.4), `status` the HTTP status for an
    error of the opening handshake, and `offset` the number of bytes in front of the place of the error. Each
    of them is `None` where it has no meaning.
    """

    def __init__(
        self,
        code: str,
        message: str,
        close_code: int | None = None,
        status: int | None = None,
        offset: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.close_code = close_code
        self.status = status
        self.offset = offset

    def __str__(self) -> str:
        place = "" if self.offset is None else f" (at byte {self.offset})"
        return f"{self.code}: {self.message}{place}"

    def __reduce__(self) -> tuple[type[WscodecError], tuple[object, ...]]:
        return type(self), (self.code, self.message, self.close_code, self.status, self.offset)


@dataclass(frozen=True)
class Limits:
    """How much a peer can make this side hold or do. The defaults are those of the Rust crate."""

    frame: int | None = None
    """Payload bytes of one frame; `None` for as many as a message within the limit can need."""
    message: int = 64 << 20
    """Payload bytes of one message over all its frames, after inflation."""
    fragments: int = 131_072
    """Frames of one message."""
    inflation: int = 0xFFFF_FFFF
    """How many times its compressed length a message of more than 1 MiB may have."""
    head: int = 16 << 10
    """Bytes of the head of a request or a response."""
    headers: int = 100
    """Header fields of such a head, at most 128."""


@dataclass(frozen=True)
class DeflateDirection:
    """How the messages of one direction are compressed."""

    window: int = 15
    """The base-2 logarithm of the window, 8 to 15 (RFC 7692 section 7.1.2)."""
    takeover: bool = True
    """Whether a message may refer back to those before it (RFC 7692 section 7.1.1)."""


@dataclass(frozen=True)
class AgreedDeflate:
    """The parameters that both endpoints keep, as one of them sees them."""

    send: DeflateDirection = field(default_factory=DeflateDirection)
    receive: DeflateDirection = field(default_factory=DeflateDirection)


@dataclass(frozen=True)
class DeflateOptions:
    """How an endpoint compresses, and the parameters that it asks the peer for."""

    send: DeflateDirection = field(default_factory=DeflateDirection)
    receive: DeflateDirection = field(default_factory=DeflateDirection)
    level: int = 6
    """From 1 (quickest) to 9 (smallest); another number counts as the nearest of these."""
    threshold: int = 64
    """Messages of fewer bytes are sent uncompressed."""


class Message(NamedTuple):
    """A whole message. `data` is a `str` for text and `bytes` for binary."""

    data: str | bytes
    opaque: Kind | None = None
    """The type of a message whose payload an extension has coded that the decoder only tolerates. `data` are
    the coded bytes then."""


class Piece(NamedTuple):
    """A part of a message's payload, from a decoder that was created with `pieces`."""

    data: bytes
    kind: Kind
    first: bool
    last: bool
    opaque: bool = False


class Ping(NamedTuple):
    """A ping. A pong with the same payload is due (RFC 6455 section 5.5.2)."""

    payload: bytes = b""


class Pong(NamedTuple):
    """A pong."""

    payload: bytes = b""


class Close(NamedTuple):
    """A close frame. `code` is `None` if it has no code."""

    code: int | None = None
    reason: str = ""


Event = Union[Message, Piece, Ping, Pong, Close]
"""A report of a message decoder or a session."""
