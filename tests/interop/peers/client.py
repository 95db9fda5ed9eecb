"""Python's websockets as the client of an echo server."""

import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.exceptions import ConnectionClosed

URL = sys.argv[1]
OPTIONS = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
LINE = "größer – 世界 👍 and the same again, number {}\n"
LONG = "".join(LINE.format(i % 1000) for i in range(18_000))


def noise(length):
    state, out = 7, bytearray()
    for _ in range(length):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out.append(state >> 24)
    return bytes(out)


MESSAGES = [
    "hello", "größer – 世界 👍", "", b"", noise(125), noise(126), "x" * 65536, LONG, noise(1 << 20),
]


def client():
    """A connection; `None` as options is none of compression."""
    settings = dict(subprotocols=["other", "chat"], max_size=None)
    if OPTIONS is None:
        return connect(URL, compression=None, **settings)
    factory = ClientPerMessageDeflateFactory(**OPTIONS)
    return connect(URL, compression=None, extensions=[factory], **settings)


def check(left, right):
    if left != right:
        raise AssertionError(f"{left!r:.80} is not {right!r:.80}")


async def main():
    async with client() as socket:
        check(socket.subprotocol, "chat")
        reading = asyncio.create_task(read(socket, len(MESSAGES)))
        for message in MESSAGES:
            await socket.send(message)
        check(await reading, MESSAGES)
        # Fragments with a ping in between.
        async def pieces():
            for at in range(0, len(LONG), 99_999):
                yield LONG[at : at + 99_999]
        pong = await socket.ping("here?")
        await socket.send(pieces())
        check(await socket.recv(), LONG)
        await asyncio.wait_for(pong, 10)
        extensions = ", ".join(extension.name for extension in socket.protocol.extensions)
        await socket.close(4000, "tschüß 👋")
        check((socket.close_code, socket.close_reason), (4000, "tschüß 👋"))
    print("talked", json.dumps({"extensions": extensions, "did": ["fragments", "ping"]}), flush=True)
    async with client() as socket:
        print("ready", flush=True)
        try:
            await socket.recv()
        except ConnectionClosed as end:
            check((end.rcvd.code, end.rcvd.reason), (1001, "the server stops"))
            return
        raise AssertionError("a message came")


async def read(socket, count):
    return [await socket.recv() for _ in range(count)]


asyncio.run(main())
