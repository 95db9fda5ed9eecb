"""Decodes streams by websockets or wsproto, without I/O: see src/peer.rs for the protocol.

The argument names the package.
"""

import json
import struct
import sys


class Messages:
    """Puts frames together, as the connections of websockets do above its sans-I/O layer."""

    def __init__(self):
        self.events = []
        self.kind = None
        self.parts = b""

    def part(self, kind, data, last):
        if kind is not None:
            self.kind, self.parts = kind, b""
        self.parts += data
        if last:
            if self.kind == "text":
                self.parts.decode()
            self.events.append(f"{self.kind} {self.parts.hex()}")
            self.kind = None


def websockets(server, data):
    from websockets.frames import Opcode
    from websockets.protocol import CLIENT, OPEN, SERVER, Protocol

    protocol = Protocol(SERVER if server else CLIENT, state=OPEN, max_size=64 << 20)
    protocol.receive_data(data)
    seen = Messages()
    kinds = {Opcode.TEXT: "text", Opcode.BINARY: "binary", Opcode.CONT: None}
    for frame in protocol.events_received():
        if frame.opcode in kinds:
            try:
                seen.part(kinds[frame.opcode], bytes(frame.data), frame.fin)
            except UnicodeDecodeError:
                return seen.events, "1007"
        elif frame.opcode == Opcode.CLOSE:
            close = protocol.close_rcvd
            code = 1005 if close is None else int(close.code)
            seen.events.append(f"close {code} {close.reason if close else ''}")
            return seen.events, "ok"
        else:
            seen.events.append(f"{frame.opcode.name.lower()} {bytes(frame.data).hex()}")
    if protocol.parser_exc is not None:
        return seen.events, str(int(protocol.close_sent.code))
    return seen.events, "ok"


def wsproto(server, data):
    from wsproto.connection import Connection, ConnectionState, ConnectionType
    from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

    connection = Connection(ConnectionType.SERVER if server else ConnectionType.CLIENT)
    connection.receive_data(data)
    seen = Messages()
    for event in connection.events():
        if isinstance(event, (TextMessage, BytesMessage)):
            text = isinstance(event, TextMessage)
            part = event.data.encode() if text else bytes(event.data)
            kind = ("text" if text else "binary") if seen.kind is None else None
            seen.part(kind, part, event.message_finished)
        elif isinstance(event, Ping):
            seen.events.append(f"ping {bytes(event.payload).hex()}")
        elif isinstance(event, Pong):
            seen.events.append(f"pong {bytes(event.payload).hex()}")
        elif isinstance(event, CloseConnection):
            # The same event reports an error; then the state does not change.
            if connection.state is ConnectionState.OPEN:
                return seen.events, str(int(event.code))
            seen.events.append(f"close {int(event.code)} {event.reason or ''}")
            return seen.events, "ok"
    return seen.events, "ok"


def main():
    decode = {"websockets": websockets, "wsproto": wsproto}[sys.argv[1]]
    source = sys.stdin.buffer
    while head := source.read(5):
        server, length = struct.unpack(">BI", head)
        events, end = decode(bool(server), source.read(length))
        sys.stdout.write(json.dumps({"events": events, "end": end}) + "\n")
        sys.stdout.flush()


main()
