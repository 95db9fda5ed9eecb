#!/usr/bin/env python3
"""What the bytes of a recorded WebSocket conversation say, told by other means.

    python3 oracle.py [FOLDER ...]            compare with each FOLDER/expected.json
    python3 oracle.py --write [FOLDER ...]    write FOLDER/expected.json

Without a folder: every one beside this script. It shares no code with wscodec and does
not try to be fast, incremental or safe: it reads two whole files of well-behaved peers
(RFC 6455, RFC 7692) and stops with a message at anything a peer must not send. The
layout of expected.json is in README.md.
"""

import base64
import hashlib
import json
import pathlib
import sys
import zlib

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KNOWN_OPCODES = (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)


def sha1(data):
    return hashlib.sha1(data).hexdigest()


def ensure(truth, what):
    if not truth:
        raise ValueError(what)


# --- the handshake ---------------------------------------------------------------------


def read_head(data):
    """Length of the head, its first line, its fields as {lower-case name: [values]}."""
    end = data.find(b"\r\n\r\n")
    ensure(end >= 0, "the head has no end")
    first, *lines = data[:end].decode("latin-1").split("\r\n")
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.lower(), []).append(value.strip(" \t"))
    return end + 4, first, fields


def check_accept(request, response):
    guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    key = request["sec-websocket-key"][0]
    want = hashlib.sha1((key + guid).encode()).digest()
    ensure(
        response["sec-websocket-accept"] == [base64.b64encode(want).decode()],
        "Sec-WebSocket-Accept does not belong to Sec-WebSocket-Key",
    )


def read_deflate(header):
    """The agreed parameters of permessage-deflate (RFC 7692, 7.1), or None."""
    if header is None:
        return None
    ensure("," not in header, "more than one extension was agreed on")
    name, *params = [part.strip() for part in header.split(";")]
    ensure(name == "permessage-deflate", f"unknown extension {name}")
    agreed = {
        "serverNoContextTakeover": False,
        "clientNoContextTakeover": False,
        "serverMaxWindowBits": 15,
        "clientMaxWindowBits": 15,
    }
    for param in params:
        key, _, value = param.partition("=")
        words = key.strip().split("_")
        camel = words[0] + "".join(word.capitalize() for word in words[1:])
        ensure(camel in agreed, f"unknown parameter {key}")
        if camel.endswith("Bits"):
            agreed[camel] = int(value.strip().strip('"'))
        else:
            agreed[camel] = True
    return agreed


# --- frames (RFC 6455, 5.2) ------------------------------------------------------------


def read_frame(data, at):
    """The frame at `at`: (fin, rsv, opcode, masked, payload, end); None if it is cut."""
    if len(data) < at + 2:
        return None
    first, second = data[at], data[at + 1]
    length = second & 0x7F
    pos = at + 2
    if length >= 126:
        width = 2 if length == 126 else 8
        if len(data) < pos + width:
            return None
        form, length = length, int.from_bytes(data[pos : pos + width], "big")
        ensure(length >= (126 if form == 126 else 65536), f"long length form at {at}")
        pos += width
    masked = second >= 0x80
    if masked:
        key = data[pos : pos + 4]
        pos += 4
    end = pos + length
    if len(data) < end:
        return None
    payload = data[pos:end]
    if masked:
        payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
    return first >= 0x80, first >> 4 & 7, first & 0x0F, masked, payload, end


# --- permessage-deflate (RFC 7692, 7.2.2) ----------------------------------------------


class Inflater:
    """Inflates the messages of one direction, with exactly the window agreed on."""

    def __init__(self, window_bits, no_context_takeover):
        self.window_bits = window_bits
        self.no_context_takeover = no_context_takeover
        self.stream = zlib.decompressobj(-window_bits)
        self.history = b""

    def inflate(self, payload):
        if self.no_context_takeover:
            self.history = b""
            self.stream = zlib.decompressobj(-self.window_bits)
        rest = payload + b"\x00\x00\xff\xff"
        out = b""
        while True:
            out += self.stream.decompress(rest)
            if not self.stream.eof:
                break
            # A final block ends zlib's stream, but not the message: 7.2.3.4. The
            # next block still sees what came before it.
            rest = self.stream.unused_data
            seen = (self.history + out)[-(1 << self.window_bits) :]
            self.stream = zlib.decompressobj(-self.window_bits, zdict=seen)
        ensure(not self.stream.unconsumed_tail, "zlib left bytes over")
        self.history = (self.history + out)[-(1 << self.window_bits) :]
        return out


# --- one direction ---------------------------------------------------------------------


def read_direction(dir, data, head, inflater):
    frames, messages = [], []
    offset, closed, parts = head, False, None
    while offset < len(data):
        ensure(not closed, f"{dir}: bytes behind the Close frame at {offset}")
        frame = read_frame(data, offset)
        if frame is None:
            break
        fin, rsv, opcode, masked, payload, end = frame
        ensure(masked == (dir == "c2s"), f"{dir}: masking at {offset}")
        ensure(opcode in KNOWN_OPCODES, f"{dir}: opcode {opcode} at {offset}")
        frames.append(
            {
                "dir": dir,
                "offset": offset,
                "opcode": opcode,
                "fin": fin,
                "rsv": rsv,
                "masked": masked,
                "length": len(payload),
                "sha1": sha1(payload),
            }
        )
        if opcode >= CLOSE:
            ensure(fin and rsv == 0 and len(payload) <= 125, f"{dir}: control at {offset}")
            closed = opcode == CLOSE
            if opcode == CLOSE and payload:
                frames[-1]["closeCode"] = int.from_bytes(payload[:2], "big")
                frames[-1]["closeReason"] = payload[2:].decode("utf-8")
        else:
            if opcode == CONTINUATION:
                ensure(parts is not None and rsv == 0, f"{dir}: continuation at {offset}")
            else:
                ensure(parts is None, f"{dir}: message inside a message at {offset}")
                ensure(rsv in ((0, 4) if inflater else (0,)), f"{dir}: RSV at {offset}")
                parts, start, kind, compressed = [], offset, opcode, rsv == 4
            parts.append(payload)
            if fin:
                framed = b"".join(parts)
                messages.append(
                    {
                        "dir": dir,
                        "offset": start,
                        "kind": "text" if kind == TEXT else "binary",
                        "compressed": compressed,
                        "fragments": len(parts),
                        "length": len(framed),
                        "sha1": sha1(framed),
                    }
                )
                content = framed
                if compressed:
                    content = inflater.inflate(framed)
                    messages[-1]["inflatedLength"] = len(content)
                    messages[-1]["inflatedSha1"] = sha1(content)
                if kind == TEXT:
                    content.decode("utf-8")
                parts = None
        offset = end
    told = {"frames": frames, "messages": messages}
    if not closed:
        told["end"] = {"offset": offset, "what": "cut" if offset < len(data) else "eof"}
        if parts is not None:
            told["end"]["message"] = start
    return told


# --- the conversation ------------------------------------------------------------------


def read_conversation(folder):
    c2s = (folder / "c2s.bin").read_bytes()
    s2c = (folder / "s2c.bin").read_bytes()
    request_head, request_line, request = read_head(c2s)
    response_head, status_line, response = read_head(s2c)
    status = int(status_line.split(" ")[1])
    told = {
        "requestLine": request_line,
        "status": status,
        "protocol": None,
        "extensions": None,
        "deflate": None,
        "c2s": {"bytes": len(c2s), "head": request_head, "frames": [], "messages": []},
        "s2c": {"bytes": len(s2c), "head": response_head, "frames": [], "messages": []},
    }
    if status != 101:
        ensure(len(c2s) == request_head, "the client went on after a refusal")
        told["body"] = {"length": len(s2c) - response_head, "sha1": sha1(s2c[response_head:])}
        return told

    check_accept(request, response)
    told["protocol"] = response.get("sec-websocket-protocol", [None])[0]
    told["extensions"] = ", ".join(response.get("sec-websocket-extensions", [])) or None
    deflate = told["deflate"] = read_deflate(told["extensions"])
    inflaters = {"c2s": None, "s2c": None}
    if deflate:
        inflaters["c2s"] = Inflater(
            deflate["clientMaxWindowBits"], deflate["clientNoContextTakeover"]
        )
        inflaters["s2c"] = Inflater(
            deflate["serverMaxWindowBits"], deflate["serverNoContextTakeover"]
        )
    told["c2s"].update(read_direction("c2s", c2s, request_head, inflaters["c2s"]))
    told["s2c"].update(read_direction("s2c", s2c, response_head, inflaters["s2c"]))
    return told


def to_json(value, depth=0):
    """JSON with one frame or message a line, so that differences can be read."""
    line, last = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    plain = json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and value:
        items = [line + json.dumps(item, ensure_ascii=False) for item in value]
        return "[" + ",".join(items) + last + "]"
    if isinstance(value, dict) and (depth == 0 or "frames" in value):
        items = [f'{line}"{key}": {to_json(item, depth + 1)}' for key, item in value.items()]
        return "{" + ",".join(items) + last + "}"
    return plain


def main(arguments):
    write = "--write" in arguments
    names = [name for name in arguments if name != "--write"]
    here = pathlib.Path(__file__).resolve().parent
    folders = [pathlib.Path(name) for name in names] or sorted(
        path.parent for path in here.glob("*/c2s.bin")
    )
    faults = 0
    for folder in folders:
        try:
            told = read_conversation(folder)
        except (ValueError, KeyError, OSError, zlib.error) as fault:
            print(f"{folder.name}: {fault}", file=sys.stderr)
            faults += 1
            continue
        file = folder / "expected.json"
        if write:
            file.write_text(to_json(told) + "\n", encoding="utf-8")
        elif not file.exists() or json.loads(file.read_text(encoding="utf-8")) != told:
            print(f"{folder.name}: expected.json says something else", file=sys.stderr)
            faults += 1
    if not write:
        print(f"{len(folders)} conversations, {faults} with a fault")
    return 1 if faults or not folders else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
