"""The opening handshake over HTTP/1.1 (RFC 6455 section 4), both sides."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Literal, NamedTuple, Union

from ._abi import U16, U32, List, Record, Variant
from ._instance import Function
from ._interface import BYTES, DONE, LIMITS, STRING, fallible, option
from .types import Bytes, Limits

__all__ = [
    "ClientRequest",
    "HeaderField",
    "Headers",
    "UpgradeRequest",
    "UpgradeResponse",
    "accept_key",
    "read_request",
    "read_response",
    "reject",
]

_INTERFACE = "handshake"

Headers = Iterable[tuple[str, str]]
"""Header fields to send, as pairs of name and value."""


class HeaderField(NamedTuple):
    """A header field of a head that was read."""

    name: str
    value: bytes


@dataclass(frozen=True)
class UpgradeRequest:
    """The request of a client that keeps the rules of RFC 6455 section 4.2.1."""

    head_len: int
    """The number of bytes of the head. The bytes behind it are frames."""
    target: str
    path: str
    """The path, without its query."""
    query: str | None
    host: str
    origin: bytes | None
    key: str
    protocols: list[str]
    """The subprotocols that the client offers, in its order."""
    extensions: str
    headers: list[HeaderField]
    head: bytes = field(default=b"", repr=False)

    def accept(
        self, *, protocol: str | None = None, extensions: str = "", headers: Headers = ()
    ) -> bytes:
        """The response that accepts this request."""
        options = SimpleNamespace(
            protocol=protocol, extensions=extensions, headers=_to_send(headers)
        )
        response: bytes = _accept(self.head, options)
        return response

    def check_origin(self, allowed: Literal["same-host"] | Sequence[str] = "same-host") -> None:
        """Raise `ORIGIN` unless the origin of this request is allowed (RFC 6455 section 10.2).

        A request without an origin passes.
        """
        _check_origin(self.head, allowed)

    def check_host(self, allowed: Sequence[str]) -> None:
        """Raise `HOST_NOT_ALLOWED` unless this request is for one of these hosts."""
        _check_host(self.head, allowed)


@dataclass(frozen=True)
class UpgradeResponse:
    """The response of a server."""

    head_len: int
    """The number of bytes of the head. After a status of 101, the bytes behind it are frames."""
    status: int
    reason: bytes
    protocol: str | None
    extensions: str
    headers: list[HeaderField]


@dataclass(frozen=True)
class ClientRequest:
    """A request to send.

    >>> ClientRequest("example.com", "/chat", protocols=["chat"]).head[:18]
    b'GET /chat HTTP/1.1'
    """

    host: str
    path: str = "/"
    protocols: Sequence[str] = ()
    extensions: str = ""
    headers: Headers = ()
    nonce: bytes = field(default_factory=lambda: os.urandom(16))
    head: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts = SimpleNamespace(
            host=self.host,
            path=self.path,
            nonce=self.nonce,
            protocols=self.protocols,
            extensions=self.extensions,
            headers=_to_send(self.headers),
        )
        object.__setattr__(self, "head", _request(parts))


def read_request(data: Bytes, *, limits: Limits = Limits()) -> UpgradeRequest | None:
    """Read and check the request at the front of `data`; `None` if its head is not complete."""
    data = bytes(data)
    fields = _read_request(data, limits)
    if fields is None:
        return None
    return UpgradeRequest(**fields, head=data[: fields["head_len"]])


def read_response(
    data: Bytes, *, request: ClientRequest | Bytes | None = None, limits: Limits = Limits()
) -> UpgradeResponse | None:
    """Read the response at the front of `data`; `None` if its head is not complete.

    A response with the status 101 is checked (RFC 6455 section 4.1), against the request if it is given.
    """
    asked = request.head if isinstance(request, ClientRequest) else request
    response: UpgradeResponse | None = _read_response(data, asked, limits)
    return response


def reject(
    status: int, *, reason: str | None = None, headers: Headers = (), body: Bytes = b""
) -> bytes:
    """A response that rejects a request, with a status from 300 to 599."""
    parts = SimpleNamespace(status=status, reason=reason, headers=_to_send(headers), body=body)
    response: bytes = _reject(parts)
    return response


def accept_key(key: str) -> str:
    """The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 section 4.2.2).

    >>> accept_key("dGhlIHNhbXBsZSBub25jZQ==")
    's3pPLMBiTxaQ9kYGzzhZRbK+xOo='
    """
    accept: str = _accept_key(key)
    return accept


def _to_send(headers: Headers) -> list[SimpleNamespace]:
    return [SimpleNamespace(name=name, value=value) for name, value in headers]


def _pick_origin(value: Union[str, Sequence[str]]) -> tuple[int, object]:
    if value == "same-host":
        return 0, None
    if isinstance(value, str):
        raise TypeError("allowed origins are a list, or 'same-host'")
    return 1, value


_FIELDS = List(Record(HeaderField, name=STRING, value=BYTES))
_TO_SEND = List(Record(dict, name=STRING, value=STRING))
_STRINGS = List(STRING)
_REQUEST = Record(
    dict,
    head_len=U32,
    target=STRING,
    path=STRING,
    query=option(STRING),
    host=STRING,
    origin=option(BYTES),
    key=STRING,
    protocols=_STRINGS,
    extensions=STRING,
    headers=_FIELDS,
)
_RESPONSE = Record(
    UpgradeResponse,
    head_len=U32,
    status=U16,
    reason=BYTES,
    protocol=option(STRING),
    extensions=STRING,
    headers=_FIELDS,
)
_ACCEPT = Record(dict, protocol=option(STRING), extensions=STRING, headers=_TO_SEND)
_REJECTION = Record(dict, status=U16, reason=option(STRING), headers=_TO_SEND, body=BYTES)
_CLIENT_REQUEST = Record(
    dict,
    host=STRING,
    path=STRING,
    nonce=BYTES,
    protocols=_STRINGS,
    extensions=STRING,
    headers=_TO_SEND,
)
_ORIGIN = Variant([None, _STRINGS], _pick_origin, lambda case, value: value)

_read_request = Function(_INTERFACE, "read-request", [BYTES, LIMITS], fallible(option(_REQUEST)))
_check_origin = Function(_INTERFACE, "check-origin", [BYTES, _ORIGIN], DONE)
_check_host = Function(_INTERFACE, "check-host", [BYTES, _STRINGS], DONE)
_accept = Function(_INTERFACE, "accept", [BYTES, _ACCEPT], fallible(BYTES))
_reject = Function(_INTERFACE, "reject", [_REJECTION], fallible(BYTES))
_request = Function(_INTERFACE, "request", [_CLIENT_REQUEST], fallible(BYTES))
_read_response = Function(
    _INTERFACE, "read-response", [BYTES, option(BYTES), LIMITS], fallible(option(_RESPONSE))
)
_accept_key = Function(_INTERFACE, "accept-key", [STRING], STRING)
