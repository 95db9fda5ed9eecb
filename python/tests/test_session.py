"""The shared scripts of sessions (`tests/vectors/session.json`), whose head says how they are written."""

import re
import unittest

from wscodec import (
    AgreedDeflate,
    Close,
    Limits,
    Message,
    Piece,
    Ping,
    Pong,
    Session,
    WscodecError,
    error_table,
    frames,
)

from . import vectors

KEY = bytes([1, 2, 3, 4])
SENTENCES = {error.code: error.message for error in error_table()}


def payload(word):
    if word.startswith("'"):
        return word[1:-1].encode()
    digits, _, times = word.partition("*")
    return bytes.fromhex(digits) * int(times or 1)


def frame(first, data, masked):
    made = frames.encode(2, data, mask=KEY if masked else None)
    return bytes([first]) + made[1:]


def octets(script, masked):
    out = b""
    for part in re.findall(r"<[^>]*>|\S+", script):
        if not part.startswith("<"):
            out += payload(part)
            continue
        first, *words = re.findall(r"'[^']*'|\S+", part[1:-1])
        if first == "fail":
            code, name = words
            out += frame(0x88, int(code).to_bytes(2, "big") + SENTENCES[name].encode(), masked)
        else:
            out += frame(int(first, 16), b"".join(map(payload, words)), masked)
    return out


def text(value):
    part, _, times = value.partition("*")
    return part * int(times or 1)


def event(value):
    if isinstance(value, Message):
        return {"text": value.data} if isinstance(value.data, str) else {"binary": value.data.hex()}
    if isinstance(value, Close):
        return {"close": [] if value.code is None else [value.code, value.reason]}
    if isinstance(value, Piece):
        return {"piece": value.data.hex(), "type": value.kind.value, "last": value.last}
    return {{Ping: "ping", Pong: "pong"}[type(value)]: value.payload.hex()}


def expected(value):
    value = dict(value)
    for name in ("binary", "ping", "pong", "piece"):
        if name in value:
            value[name] = payload(value[name]).hex()
    if len(value.get("close", [])) == 1:
        value["close"] = [*value["close"], ""]
    return value


class Run:
    def __init__(self, script):
        options = dict(script.get("options", {}))
        limits = Limits(
            frame=options.pop("maxFrame", None),
            message=options.pop("maxMessage", Limits.message),
            fragments=options.pop("maxFragments", Limits.fragments),
        )
        self.client = script["role"] == "client"
        times = {
            name: options.pop(key) / 1000
            for key, name in (("heartbeat", "heartbeat"), ("pongTimeout", "pong_timeout"), ("idle", "idle"))
            if key in options
        }
        self.session = Session(
            script["role"],
            limits=limits,
            deflate=AgreedDeflate() if options.pop("deflate", False) else None,
            pieces=options.pop("pieces", False),
            auto_pong=options.pop("autoPong", True),
            auto_close=options.pop("autoClose", True),
            backlog=options.pop("backlog", 16 << 10),
            dangerously_accept_unmasked=options.pop("dangerouslyAcceptUnmasked", False),
            dangerously_repeated_keys=[KEY] if self.client else None,
            **times,
        )
        assert not options, options

    def act(self, step, bytewise, seen):
        session = self.session
        if "receive" in step:
            data = octets(step["receive"], not self.client)
            for part in [data[i : i + 1] for i in range(len(data))] if bytewise and data else [data]:
                seen.extend(map(event, session.receive(part)))
        elif "text" in step:
            session.text(text(step["text"]))
        elif "binary" in step:
            session.binary(payload(step["binary"]))
        elif "begin" in step:
            data = text(step["begin"]["data"])
            session.begin(data if step["begin"]["type"] == "text" else data.encode())
        elif "more" in step:
            session.more(text(step["more"]))
        elif "finish" in step:
            session.finish(text(step["finish"]))
        elif "ping" in step:
            session.ping(text(step["ping"]).encode())
        elif "pong" in step:
            session.pong(text(step["pong"]).encode())
        elif "close" in step:
            close = step["close"]
            session.close(close[0] if close else None, text(close[1]) if len(close) > 1 else "")
        elif "tick" in step:
            session.tick(step["tick"] / 1000, step.get("unsent", 0))
        elif "reading" in step:
            session.set_reading(step["reading"])
        else:
            assert step["end"], step
            session.end()


class Sessions(unittest.TestCase):
    def run_script(self, script, bytewise):
        run = Run(script)
        for number, step in enumerate(script["steps"], 1):
            seen, code = [], None
            try:
                run.act(step, bytewise, seen)
            except WscodecError as error:
                code = error.code
            with self.subTest(script["name"], bytewise=bytewise, step=number):
                self.assertEqual(code, step.get("error"))
                self.assertEqual(self.joined(seen), self.joined(map(expected, step.get("events", []))))
                if "state" in step:
                    self.assertEqual(run.session.state, step["state"])
                if "deadline" in step:
                    deadline = run.session.deadline
                    self.assertEqual(deadline and round(deadline * 1000), step["deadline"])
                if not step.get("keep"):
                    out = octets(step.get("out", ""), run.client)
                    self.assertEqual(run.session.take_output().hex(), out.hex())
        if "outcome" in script:
            wanted, outcome = script["outcome"], run.session.outcome
            with self.subTest(script["name"], bytewise=bytewise):
                self.assertEqual(outcome.code, wanted["code"])
                self.assertEqual(outcome.reason, wanted.get("reason", ""))
                self.assertEqual(outcome.sent, wanted.get("sent"))
                self.assertEqual(outcome.clean, wanted.get("clean", False))
                self.assertEqual(outcome.error and outcome.error.code, wanted.get("error"))

    @staticmethod
    def joined(events):
        """The end of a message in pieces is told with its last piece, or by an empty one after that."""
        out = []
        for value in events:
            if value.get("piece") == "" and out and out[-1].get("last") is False:
                out[-1] = {**out[-1], "last": value["last"]}
            else:
                out.append(value)
        return out

    def test_scripts(self):
        scripts = vectors.read("session")["sessions"]
        self.assertGreaterEqual(len(scripts), 150)
        for script in scripts:
            self.run_script(script, False)
            if script.get("split") is not False:
                self.run_script(script, True)

    def test_messages_in_front_of_a_close_frame_are_answered_first(self):
        server = Session("server")
        for received in server.receive(octets("<81 'one'> <82 02> <88 03e8>", True)):
            if isinstance(received, Message):
                server.text("answer")
        self.assertEqual(
            server.take_output(), octets("<81 'answer'> <81 'answer'> <88 03e8>", False)
        )
        self.assertEqual(server.state, "closed")

    def test_messages_in_front_of_an_error_are_answered_first(self):
        server = Session("server")
        with self.assertRaises(WscodecError) as failed:
            for _ in server.receive(octets("<81 'one'> <83>", True)):
                server.text("answer")
        self.assertEqual((failed.exception.code, failed.exception.close_code), ("RESERVED_OPCODE", 1002))
        expected_out = octets("<81 'answer'> <fail 1002 RESERVED_OPCODE>", False)
        self.assertEqual(server.take_output(), expected_out)


if __name__ == "__main__":
    unittest.main()
