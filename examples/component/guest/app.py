"""A guest in Python that imports the codec: it prints the events of some bytes, and the error behind them."""

from wit_world import WitWorld as World
from wit_world.imports import messages, types


class WitWorld(World):
    def run(self) -> list[str]:
        options = messages.DecoderOptions(
            role=types.Role.SERVER,
            limits=types.default_limits(),
            extension=messages.InboundExtension_None_(),
            pieces=False,
            offset=0,
            dangerously_accept_unmasked=False,
        )
        decoder = messages.MessageDecoder.create(options)
        batch = decoder.decode_events(bytes.fromhex("818537fa213d7f9f4d51588980000000008380"))
        lines = [f"{type(event).__name__}: {event.value!r}" for event in batch.events]
        error = batch.error
        return [*lines, f"{error.code} {error.close_code} at byte {error.offset}"]
