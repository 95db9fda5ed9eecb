"""Reads `tests/vectors/*.json` of the checkout."""

import json
from pathlib import Path

from wscodec import Close, Kind, Limits, Message, Piece, Ping, Pong

ROOT = Path(__file__).parents[2]
FILES = ("frames", "messages", "text", "close", "limits")


def read(name):
    """A file of vectors."""
    return json.loads((ROOT / "tests/vectors" / f"{name}.json").read_text())


def octets(value):
    """Hex, in which `00*5` is five zeros and `#` begins a comment."""
    lines = [value] if isinstance(value, str) else value
    out = b""
    for line in lines:
        for word in line.split("#")[0].split():
            digits, _, times = word.partition("*")
            out += bytes.fromhex(digits) * int(times or 1)
    return out


def text(value):
    """A text: a string, or a string and how many times."""
    return value if isinstance(value, str) else value[0] * value[1]


def setup(vector):
    """The options of a message decoder for a vector."""
    return {
        "limits": Limits(**vector.get("limits", {})),
        "opaque_rsv": vector.get("rsv") or None,
    }


def events(vector):
    """The events of a vector."""
    return [_event(*next(iter(event.items()))) for event in vector["events"]]


def _event(what, payload):
    if what == "text":
        return Message(text(payload))
    if what == "close":
        return Close(payload[0], text(payload[1]) if len(payload) > 1 else "") if payload else Close()
    data = octets(payload)
    if what.startswith("opaque"):
        return Message(data, Kind(what[len("opaque") :].lower()))
    return {"binary": Message, "ping": Ping, "pong": Pong}[what](data)


def cuts(length):
    """Ways to cut so many bytes: whole, in two, and byte by byte."""
    yield []
    places = range(1, length) if length <= 40 else {1, 2, 3, 5, 9, 14, length // 2, length - 1}
    for place in places:
        if 0 < place < length:
            yield [place]
    if length <= 2000:
        yield list(range(1, length))


def chunks(data, places):
    """The parts between the places."""
    edges = [0, *places, len(data)]
    return [data[a:b] for a, b in zip(edges, edges[1:])]


def joined(seen):
    """Pieces joined to messages."""
    out, open_message = [], None
    for event in seen:
        if not isinstance(event, Piece):
            out.append(event)
            continue
        assert event.first == (open_message is None), event
        open_message = (open_message or b"") + event.data
        if event.last:
            data = open_message
            if event.opaque:
                out.append(Message(data, event.kind))
            else:
                out.append(Message(data.decode() if event.kind is Kind.TEXT else data))
            open_message = None
    return out
