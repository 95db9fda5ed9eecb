"""Python's websockets as an echo server; the same as ws-server.mjs."""

import asyncio
import json
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

OPTIONS = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}


async def handle(socket):
    pongs = 0
    pong = await socket.ping("here?")
    try:
        async for message in socket:
            if message == "close":
                await socket.close(4001, "genug 👋")
            elif len(message) > 10_000:
                half = len(message) // 2
                await socket.send(pieces(message[:half], message[half:]))
            else:
                await socket.send(message)
    except ConnectionClosed:
        pass
    pongs += pong.done() and not pong.cancelled() and pong.exception() is None
    seen = {
        "code": socket.close_code,
        "reason": socket.close_reason,
        "protocol": socket.subprotocol or "",
        "extensions": ", ".join(extension.name for extension in socket.protocol.extensions),
        "pongs": pongs,
    }
    print("ended", json.dumps(seen), flush=True)


async def pieces(*parts):
    for part in parts:
        yield part


async def main():
    settings = dict(compression=None, subprotocols=["chat"], max_size=None)
    if OPTIONS is not None:
        settings["extensions"] = [ServerPerMessageDeflateFactory(**OPTIONS)]
    async with serve(handle, "127.0.0.1", 0, **settings) as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


asyncio.run(main())
