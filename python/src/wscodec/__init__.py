"""WebSocket frames, messages, handshakes, compression and sessions without I/O (RFC 6455, RFC 7692).

The protocol is implemented in Rust. This package drives its WebAssembly module through `wasmtime`.

>>> from wscodec import MessageDecoder, MessageEncoder
>>> data = MessageEncoder("client").text("Hello")
>>> [message.data for message in MessageDecoder("server").decode(data)]
['Hello']
"""

from . import deflate, frames, handshake
from .deflate import Compressor, Decompressor
from .frames import Frame, FrameDecoder, FrameHeader
from .handshake import (
    ClientRequest,
    UpgradeRequest,
    UpgradeResponse,
    accept_key,
    read_request,
    read_response,
    reject,
)
from .errors import error_table
from .memory import memory_size, set_max_memory
from .messages import MessageDecoder, MessageEncoder
from .session import Outcome, Session
from .types import (
    AgreedDeflate,
    Close,
    DeflateDirection,
    DeflateOptions,
    Event,
    Kind,
    Limits,
    Message,
    Piece,
    Ping,
    Pong,
    Role,
    WscodecError,
)

__version__ = "0.1.0"

__all__ = [
    "AgreedDeflate",
    "ClientRequest",
    "Close",
    "Compressor",
    "Decompressor",
    "DeflateDirection",
    "DeflateOptions",
    "Event",
    "Frame",
    "FrameDecoder",
    "FrameHeader",
    "Kind",
    "Limits",
    "Message",
    "MessageDecoder",
    "MessageEncoder",
    "Outcome",
    "Piece",
    "Ping",
    "Pong",
    "Role",
    "Session",
    "UpgradeRequest",
    "UpgradeResponse",
    "WscodecError",
    "accept_key",
    "deflate",
    "error_table",
    "frames",
    "handshake",
    "memory_size",
    "read_request",
    "read_response",
    "reject",
    "set_max_memory",
]
