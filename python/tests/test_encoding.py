"""The shared vectors of encoders."""

import unittest

from wscodec import (
    Close,
    Message,
    MessageDecoder,
    MessageEncoder,
    Ping,
    Pong,
    WscodecError,
    frames,
)

from . import vectors


def send(encoder, key, what):
    kind, payload = next(iter(what.items()))
    if kind == "text":
        return encoder.text(vectors.text(payload))
    if kind == "close":
        code = payload[0] if payload else None
        return encoder.close(code, vectors.text(payload[1]) if len(payload) > 1 else "")
    if kind == "frame":
        return frames.encode(
            payload["opcode"],
            vectors.octets(what["payload"]),
            fin=payload.get("fin", True),
            rsv=payload.get("rsv", 0),
            mask=key,
        )
    return getattr(encoder, kind)(vectors.octets(payload))


class Encoding(unittest.TestCase):
    def test_vectors(self):
        for vector in vectors.read("encode")["vectors"]:
            with self.subTest(vector["name"]):
                keys = [vectors.octets(key) for key in vector.get("maskKey", [])]
                client = vector["role"] == "client"
                encoder = MessageEncoder(
                    vector["role"], dangerously_repeated_keys=(keys or [bytes(4)]) if client else None
                )
                out = b""
                for i, what in enumerate(vector["frames"]):
                    key = keys[i] if i < len(keys) else None
                    if "error" not in what:
                        out += send(encoder, key, what)
                        continue
                    with self.assertRaises((WscodecError, ValueError)) as failed:
                        send(encoder, key, what["of"])
                    if isinstance(failed.exception, WscodecError):
                        self.assertEqual(failed.exception.code, what["error"])
                        self.assertIsNone(failed.exception.close_code)
                self.assertEqual(out, vectors.octets(vector["bytes"]))

    def test_many_in_one_call(self):
        sent = ["text", b"binary", Ping(b"1"), Pong(b""), Message("last"), Close(1000, "done")]
        for role, peer in (("client", "server"), ("server", "client")):
            out = MessageEncoder(role).encode(sent)
            seen = list(MessageDecoder(peer).decode(out))
            self.assertEqual(
                seen,
                [Message("text"), Message(b"binary"), Ping(b"1"), Pong(), Message("last"), Close(1000, "done")],
            )
        encoder = MessageEncoder("server")
        with self.assertRaises(WscodecError) as failed:
            encoder.encode(["a", Ping(bytes(126))])
        self.assertEqual(failed.exception.code, "CONTROL_PAYLOAD_TOO_LONG")
        self.assertEqual(encoder.text("b"), b"\x81\x01b")

    def test_fragments(self):
        encoder = MessageEncoder("server")
        out = encoder.begin("Hel") + encoder.ping(b"?") + encoder.more("l") + encoder.finish("o")
        self.assertEqual(list(MessageDecoder("client").decode(out)), [Ping(b"?"), Message("Hello")])

    def test_keys_of_a_client_differ(self):
        encoder = MessageEncoder("client")
        keys = {encoder.text("")[2:6] for _ in range(1000)}
        self.assertGreater(len(keys), 990)
        other = MessageEncoder("client")
        self.assertNotEqual([encoder.ping() for _ in range(8)], [other.ping() for _ in range(8)])


if __name__ == "__main__":
    unittest.main()
