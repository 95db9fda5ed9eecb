"""The examples of the README and of the documentation, and what does not depend on vectors."""

import doctest
import importlib
import pkgutil
import re
import threading
import unittest

import wscodec
from wscodec import (
    AgreedDeflate,
    Compressor,
    Decompressor,
    Limits,
    Message,
    MessageDecoder,
    MessageEncoder,
    Session,
    WscodecError,
    memory_size,
    set_max_memory,
)

from . import vectors


class Package(unittest.TestCase):
    def test_readme(self):
        text = (vectors.ROOT / "python/README.md").read_text()
        examples = re.findall(r"```python\n(.*?)```", text, re.S)
        self.assertGreaterEqual(len(examples), 6)
        for example in examples:
            with self.subTest(example[:60]):
                exec(compile(example, "README.md", "exec"), {"print": lambda *_: None})

    def test_documentation(self):
        attempted = 0
        for module in pkgutil.iter_modules(wscodec.__path__, "wscodec."):
            failed, tried = doctest.testmod(importlib.import_module(module.name))
            self.assertEqual(failed, 0, module.name)
            attempted += tried
        self.assertGreater(attempted, 10)

    def test_arguments(self):
        for wrong in (
            lambda: MessageDecoder("nobody"),
            lambda: MessageDecoder("client", offset=-1),
            lambda: MessageDecoder("client", limits=Limits(message=1 << 64)),
            lambda: MessageDecoder("client", opaque_rsv=1, deflate=AgreedDeflate()),
            lambda: MessageEncoder("server", dangerously_repeated_keys=[bytes(4)]),
            lambda: MessageEncoder("client", dangerously_repeated_keys=[bytes(3)]),
        ):
            with self.assertRaises(ValueError):
                wrong()
        for options in (
            lambda: MessageDecoder("client", opaque_rsv=8),
            lambda: MessageDecoder("client", opaque_rsv=0),
            lambda: MessageEncoder("client", dangerously_repeated_keys=[]),
        ):
            with self.assertRaises(WscodecError) as failed:
                options()
            self.assertEqual(failed.exception.code, "INVALID_OPTION")
        with self.assertRaises(TypeError):
            MessageDecoder("client").decode("text")
        with self.assertRaises(TypeError):
            MessageEncoder("client").text(b"bytes")

    def test_freed(self):
        with MessageDecoder("client") as decoder:
            pass
        with self.assertRaises(ValueError):
            decoder.decode(b"")
        decoder.free()

    def test_memory_is_limited_and_other_objects_live_on(self):
        """A peer can fill the memory of the instance. Its own connection ends, and no call traps."""
        before = memory_size()
        set_max_memory(before + (8 << 20))
        self.addCleanup(set_max_memory, 256 << 20)
        header = b"\x82\x7f" + (60 << 20).to_bytes(8, "big")
        other = MessageDecoder("client")
        greedy = [MessageDecoder("client") for _ in range(4)]
        failed = set()
        for decoder in greedy:
            list(decoder.decode(header))
        chunk = bytes(1 << 20)
        for _ in range(40):
            for decoder in greedy:
                if decoder in failed:
                    continue
                try:
                    list(decoder.decode(chunk))
                except WscodecError as error:
                    self.assertEqual((error.code, error.close_code), ("OUT_OF_MEMORY", 1013))
                    failed.add(decoder)
        self.assertTrue(failed)
        self.assertLessEqual(memory_size(), before + (8 << 20) + (4 << 20))
        self.assertEqual(list(other.decode(b"\x81\x02Hi")), [Message("Hi")])

    def test_a_bomb_is_inflated_in_steps(self):
        """A chunk of many compressed messages is returned in several batches."""
        payload = bytes(1 << 20)
        encoder = MessageEncoder("server", deflate=AgreedDeflate())
        wire = b"".join(encoder.binary(payload) for _ in range(20))
        self.assertLess(len(wire), 64 << 10)
        decoder = MessageDecoder("client", deflate=AgreedDeflate())
        self.assertEqual(sum(len(event.data) for event in decoder.decode(wire)), 20 << 20)
        limited = MessageDecoder("client", deflate=AgreedDeflate(), limits=Limits(message=1000))
        with self.assertRaises(WscodecError) as failed:
            list(limited.decode(wire))
        self.assertEqual(failed.exception.code, "MESSAGE_TOO_LARGE")

    def test_payloads_by_themselves(self):
        compressor, decompressor = Compressor(), Decompressor()
        first, second = compressor.compress(b"Hello, hello"), compressor.compress(b"Hello, hello")
        self.assertLess(len(second), len(first))
        self.assertEqual(decompressor.decompress(first), b"Hello, hello")
        self.assertEqual(decompressor.decompress(second), b"Hello, hello")
        with self.assertRaises(WscodecError) as failed:
            decompressor.decompress(b"\xff\xff\xff")
        self.assertEqual(failed.exception.code, "INVALID_COMPRESSED_DATA")
        with self.assertRaises(WscodecError):
            decompressor.decompress(first)

    def test_threads(self):
        errors = []

        def work(number):
            try:
                session = Session("server")
                wire = MessageEncoder("client").encode([f"{number} {i}" for i in range(200)])
                seen = [event.data for event in session.receive(wire)]
                assert seen == [f"{number} {i}" for i in range(200)]
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])


if __name__ == "__main__":
    unittest.main()
