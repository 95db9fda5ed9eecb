"""The shared vectors of decoders, through the module: whole, cut in two, and byte by byte."""

import unittest

from wscodec import Close, FrameDecoder, Kind, Message, MessageDecoder, Ping, Pong, WscodecError

from . import vectors


def told(error):
    return error and {"code": error.code, "closeCode": error.close_code, "offset": error.offset}


class Decoding(unittest.TestCase):
    def each(self):
        count = 0
        for name in vectors.FILES:
            for vector in vectors.read(name)["vectors"]:
                count += 1
                data = vectors.octets(vector["bytes"])
                for places in vectors.cuts(len(data)):
                    with self.subTest(f"{name}: {vector['name']}", places=places[:3]):
                        yield vector, data, vectors.chunks(data, places)
        self.assertGreater(count, 150)

    def run_messages(self, vector, parts, pieces):
        seen, error, early = [], None, False
        with MessageDecoder(vector["role"], pieces=pieces, **vectors.setup(vector)) as decoder:
            try:
                for part in parts:
                    for event in decoder.decode(part):
                        seen.append(event)
                early = True
                decoder.end()
                early = False
            except WscodecError as failed:
                error = failed
                if not early:
                    with self.assertRaises(WscodecError) as again:
                        list(decoder.decode(b"\x00"))
                    self.assertEqual(told(again.exception), told(error))
        return seen, error, early

    def check(self, pieces):
        for vector, data, parts in self.each():
            seen, error, at_end = self.run_messages(vector, parts, pieces)
            expected = vectors.events(vector)
            self.assertEqual(self.comparable(seen, pieces, expected), expected)
            if vector.get("end") is False:
                self.assertTrue(at_end)
                self.assertEqual((error.code, error.offset), ("UNEXPECTED_EOF", len(data)))
            else:
                self.assertFalse(at_end)
                self.assertEqual(told(error), vector.get("error"))

    @staticmethod
    def comparable(seen, pieces, expected):
        # A message in pieces that is not complete is no event of a vector.
        return vectors.joined(seen)[: len(expected)] if pieces else seen

    def test_messages(self):
        self.check(False)

    def test_pieces(self):
        self.check(True)

    def test_frames(self):
        """Frames are joined to messages here, because the vectors have messages."""
        for vector, _, parts in self.each():
            max_frame = vectors.setup(vector)["limits"].frame
            decoder = FrameDecoder(vector["role"], rsv=vector.get("rsv", 0), max_frame=max_frame)
            payload, opened, seen = b"", None, []
            control = b""
            try:
                for part in parts:
                    for frame in decoder.decode(part):
                        header = frame.header
                        if header.opcode & 8:
                            control = frame.payload if frame.first else control + frame.payload
                            if frame.last:
                                self.assertEqual(len(control), header.len)
                                seen.append((header.opcode, control))
                            continue
                        if frame.first and header.opcode:
                            payload, opened = b"", header.opcode
                        payload += frame.payload
                        if frame.last and header.fin:
                            seen.append((opened, payload))
            except WscodecError as error:
                if vector.get("error", {}).get("offset") == error.offset:
                    # A frame that is too long for any message is too long for this decoder by itself.
                    code = vector["error"]["code"].replace("MESSAGE_TOO_LARGE", "FRAME_TOO_LARGE")
                    self.assertEqual((error.code, error.close_code), (code, vector["error"]["closeCode"]))
                else:
                    # A header behind a close frame.
                    self.assertTrue(any(opcode == 8 for opcode, _ in seen), error)
            expected = [self.wire(event) for event in vectors.events(vector)]
            self.assertEqual(seen[: len(expected)], expected)

    @staticmethod
    def wire(event):
        if isinstance(event, Message):
            kind = event.opaque or (Kind.TEXT if isinstance(event.data, str) else Kind.BINARY)
            data = event.data.encode() if isinstance(event.data, str) else event.data
            return (1 if kind is Kind.TEXT else 2, data)
        if isinstance(event, Close):
            code = b"" if event.code is None else event.code.to_bytes(2, "big")
            return (8, code + event.reason.encode())
        return ({Ping: 9, Pong: 10}[type(event)], event.payload)


if __name__ == "__main__":
    unittest.main()
