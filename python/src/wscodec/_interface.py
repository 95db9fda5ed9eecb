"""The types of the WIT package `wscodec:codec`, for `_abi.py`. The names are those of `wit/*.wit`."""

from __future__ import annotations

from typing import Any

from . import types
from ._abi import (
    BOOL,
    U8,
    U16,
    U32,
    U64,
    Bytes,
    List,
    MaskKey,
    Record,
    String,
    Variant,
    enum,
    option,
    result,
)

BYTES = Bytes()
STRING = String()
ROLE = enum("client", "server")
KIND = enum("text", "binary")

ERROR = Record(
    types.WscodecError,
    code=STRING,
    message=STRING,
    close_code=option(U16),
    status=option(U16),
    offset=option(U64),
)

LIMITS = Record(
    types.Limits,
    frame=option(U64),
    message=U64,
    fragments=U32,
    inflation=U32,
    head=U32,
    headers=U32,
)


def fallible(ok: Any) -> Variant:
    """`result` whose error is raised."""
    return result(ok, ERROR, lambda error: error)


DONE = fallible(None)

DIRECTION = Record(types.DeflateDirection, window=U8, takeover=BOOL)
AGREED = Record(types.AgreedDeflate, send=DIRECTION, receive=DIRECTION)
DEFLATE_OPTIONS = Record(
    types.DeflateOptions, send=DIRECTION, receive=DIRECTION, level=U8, threshold=U32
)
OUTBOUND_DEFLATE = Record(dict, agreed=AGREED, options=DEFLATE_OPTIONS)

MASK_KEY = MaskKey()


def _pick_mask(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, None
    return (1, value) if isinstance(value, bytes) else (2, value)


MASK_SOURCE = Variant([None, BYTES, List(MASK_KEY)], _pick_mask, lambda case, value: value)


def _pick_extension(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, None
    return (2, value) if isinstance(value, int) else (1, value)


EXTENSION = Variant([None, AGREED, U8], _pick_extension, lambda case, value: value)

CLOSE_FRAME = Record(types.Close, code=U16, reason=STRING)

DECODER_OPTIONS = Record(
    dict,
    role=ROLE,
    limits=LIMITS,
    extension=EXTENSION,
    pieces=BOOL,
    offset=U64,
    dangerously_accept_unmasked=BOOL,
)
ENCODER_OPTIONS = Record(dict, mask=MASK_SOURCE, deflate=option(OUTBOUND_DEFLATE))

SESSION_OPTIONS = Record(
    dict,
    role=ROLE,
    mask=MASK_SOURCE,
    limits=LIMITS,
    deflate=option(OUTBOUND_DEFLATE),
    pieces=BOOL,
    offset=U64,
    auto_pong=BOOL,
    auto_close=BOOL,
    backlog=U32,
    close_timeout=option(U64),
    heartbeat=option(U64),
    pong_timeout=option(U64),
    idle=option(U64),
    dangerously_accept_unmasked=BOOL,
)

FRAME_OPTIONS = Record(
    dict,
    role=ROLE,
    rsv=U8,
    max_frame=option(U64),
    offset=U64,
    dangerously_accept_unmasked=BOOL,
)
