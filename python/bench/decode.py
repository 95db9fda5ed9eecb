"""Decoding beside websockets and wsproto, in turns: CPU time for each message, medians.

A server reads masked messages that arrive in chunks of 64 KiB, or each in a chunk of its own. Each library
returns one object for each message, with a `str` for text and `bytes` for binary. Run it with
`cargo xtask component bench`.
"""

from __future__ import annotations

import statistics
import sys
import time

from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from wscodec import MessageDecoder, MessageEncoder
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, TextMessage


ROUNDS = 9
CHUNK = 64 << 10


def with_wscodec():
    decoder = MessageDecoder("server")

    def decode(chunk):
        return sum(len(event.data) for event in decoder.decode(chunk))

    return decode


def with_websockets():
    protocol = ServerProtocol(state=OPEN, max_size=None)

    def decode(chunk):
        protocol.receive_data(chunk)
        total = 0
        for frame in protocol.events_received():
            # The library leaves text to its layers above, which decode it in this way.
            total += len(frame.data.decode() if frame.opcode == 1 else bytes(frame.data))
        return total

    return decode


def with_wsproto():
    connection = Connection(ConnectionType.SERVER)

    def decode(chunk):
        connection.receive_data(chunk)
        total = 0
        for event in connection.events():
            if isinstance(event, (TextMessage, BytesMessage)):
                total += len(event.data)
        return total

    return decode


LIBRARIES = {"wscodec": with_wscodec, "websockets": with_websockets, "wsproto": with_wsproto}


def frames(kind, size, count):
    encoder = MessageEncoder("client")
    payload = "x" * size if kind == "text" else bytes(size)
    send = encoder.text if kind == "text" else encoder.binary
    return [send(payload) for _ in range(count)]


def chunks(wire):
    return [wire[i : i + CHUNK] for i in range(0, len(wire), CHUNK)]


def measure(decode, parts, count, size):
    start = time.process_time_ns()
    total = 0
    for part in parts:
        total += decode(part)
    took = time.process_time_ns() - start
    assert total == count * size, (total, count * size)
    return took / count


def case(kind, size, count, batched):
    wire = frames(kind, size, count)
    parts = chunks(b"".join(wire)) if batched else wire
    times = {name: [] for name in LIBRARIES}
    for round_number in range(ROUNDS + 1):
        for name, make in LIBRARIES.items():
            took = measure(make(), parts, count, size)
            # The first round warms up.
            if round_number:
                times[name].append(took)
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    how = {True: "in chunks of 64 KiB", False: "each in a chunk"}
    print(f"Python {sys.version.split()[0]}, {ROUNDS} rounds in turns, ns of CPU time a message")
    print("| case | " + " | ".join(LIBRARIES) + " |")
    for batched in (True, False):
        for kind in ("text", "binary"):
            for size, count in ((64, 10_000), (1024, 4_000), (16_384, 400)):
                medians = case(kind, size, count, batched)
                ours = medians["wscodec"]
                cells = [f"{ours:.0f}"]
                cells += [f"{medians[name]:.0f} ({medians[name] / ours:.1f}×)" for name in list(LIBRARIES)[1:]]
                print(f"| {kind} of {size} bytes, {how[batched]} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
