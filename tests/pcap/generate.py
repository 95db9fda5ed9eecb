#!/usr/bin/env python3
"""Writes the captures of this folder that no program has to be recorded for.

    python3 tests/pcap/generate.py FOLDER

Each is one TCP connection over Ethernet and IPv4 with an upgrade and the frames below. The expected
lines beside the captures do not come from here, but from tshark.
"""

import base64
import hashlib
import struct
import sys
from pathlib import Path

KEY = base64.b64encode(bytes(range(16))).decode()
ACCEPT = base64.b64encode(
    hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
).decode()
REQUEST = (
    "GET /made HTTP/1.1\r\nHost: made.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
).encode()
RESPONSE = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
).encode()


def frame(opcode, payload=b"", fin=True, mask=None):
    length = len(payload)
    head = bytes([fin << 7 | opcode])
    bit = 0x80 if mask else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 1 << 16:
        head += bytes([bit | 126]) + struct.pack(">H", length)
    else:
        head += bytes([bit | 127]) + struct.pack(">Q", length)
    if mask:
        payload = bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
        head += mask
    return head + payload


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Capture:
    """A capture file with one connection from port 50000 to port 80."""

    def __init__(self):
        self.file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1)
        self.next = [1000, 5000]
        self.time = 1_800_000_000_000_000
        self.segment(0, b"", 0x02)
        self.segment(1, b"", 0x12)
        self.segment(0, b"", 0x10)
        self.segment(0, REQUEST)
        self.segment(1, RESPONSE)

    def segment(self, side, payload, flags=0x18):
        addresses = [bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])]
        ports = [50000, 80]
        source, target = addresses[side], addresses[1 - side]
        acknowledged = self.next[1 - side] if flags & 0x10 else 0
        head = struct.pack(
            ">HHIIBBHHH", ports[side], ports[1 - side], self.next[side], acknowledged,
            0x50, flags, 65535, 0, 0,
        )
        pseudo = source + target + struct.pack(">BBH", 0, 6, len(head) + len(payload))
        head = head[:16] + struct.pack(">H", checksum(pseudo + head + payload)) + head[18:]
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(head) + len(payload), 0, 0x4000, 64, 6, 0)
        ip = ip[:10] + struct.pack(">H", checksum(ip + source + target)) + source + target
        packet = b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + b"\x08\x00" + ip + head + payload
        self.time += 1500
        self.file += struct.pack(
            "<IIII", self.time // 1_000_000, self.time % 1_000_000, len(packet), len(packet)
        )
        self.file += packet
        self.next[side] += len(payload) + (1 if flags & 3 else 0)

    def end(self):
        self.segment(1, b"", 0x11)
        self.segment(0, b"", 0x11)
        self.segment(1, b"", 0x10)
        return self.file


def unmasked_client():
    """A client that answers a ping and does not mask its text."""
    capture = Capture()
    capture.segment(1, frame(9, b"beat"))
    capture.segment(0, frame(1, b"no mask"))
    capture.segment(0, frame(10, b"beat", mask=b"\x11\x22\x33\x44"))
    return capture.end()


def control_between_fragments():
    """Fragments with a ping and a pong between them, in one segment and in several."""
    capture = Capture()
    mask = [bytes([i, 0x5A, i * 7 & 0xFF, 0xA5]) for i in range(1, 9)]
    capture.segment(
        0,
        frame(1, b"one, ", fin=False, mask=mask[0])
        + frame(9, b"in between", mask=mask[1])
        + frame(0, b"two, ", fin=False, mask=mask[2]),
    )
    capture.segment(1, frame(10, b"in between"))
    capture.segment(0, frame(0, b"three", mask=mask[3]))
    capture.segment(1, frame(2, bytes(range(200)), fin=False))
    capture.segment(1, frame(0, b"", fin=False) + frame(9) + frame(0, b"\0"))
    capture.segment(0, frame(10, mask=mask[4]))
    capture.segment(0, frame(8, struct.pack(">H", 1000) + b"bye", mask=mask[5]))
    capture.segment(1, frame(8, struct.pack(">H", 1000)))
    return capture.end()


def lengths():
    """All three forms of the length, and frames that end within segments."""
    capture = Capture()
    payloads = [b"x" * n for n in (0, 1, 125, 126, 1000, 65535, 65536)]
    sent = b"".join(frame(2, it, mask=bytes([1, 2, 3, 4 + i])) for i, it in enumerate(payloads))
    received = b"".join(frame(1, it) for it in payloads)
    for at in range(0, len(sent), 1400):
        capture.segment(0, sent[at : at + 1400])
        capture.segment(1, received[at : at + 1400])
    capture.segment(1, received[len(sent) // 1400 * 1400 + 1400 :] or frame(9))
    return capture.end()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, make in [
        ("unmasked-client", unmasked_client),
        ("control-between-fragments", control_between_fragments),
        ("lengths", lengths),
    ]:
        (folder / f"{name}.pcap").write_bytes(make())
