"""The shared vectors of the opening handshake and of permessage-deflate."""

import unittest

from wscodec import (
    ClientRequest,
    Decompressor,
    DeflateDirection,
    DeflateOptions,
    Limits,
    UpgradeRequest,
    WscodecError,
    deflate,
    read_request,
    read_response,
    reject,
)

from . import vectors


def told(error):
    names = {"code": error.code, "status": error.status, "offset": error.offset}
    return {name: value for name, value in names.items() if value is not None}


def request_of(head):
    """A request that was read, or its head alone where it would not be accepted."""
    return read_request(head) or UpgradeRequest(0, "", "", None, "", None, "", [], "", [], head)


def call(vector):
    head = vector.get("head", "").encode("latin-1")
    limits = Limits(**vector.get("limits", {}))
    headers = vector.get("headers", [])
    match vector["call"]:
        case "read-request":
            request = read_request(head, limits=limits)
            return request and {
                "headLen": request.head_len,
                "target": request.target,
                "path": request.path,
                "query": request.query,
                "host": request.host,
                "origin": request.origin and request.origin.decode(),
                "key": request.key,
                "protocols": request.protocols,
                "extensions": request.extensions,
                "headers": len(request.headers),
            }
        case "accept":
            return request_of(head).accept(
                protocol=vector.get("protocol"),
                extensions=vector.get("extensions", ""),
                headers=headers,
            )
        case "check-origin":
            return request_of(head).check_origin(vector["allowed"])
        case "check-host":
            return request_of(head).check_host(vector["allowed"])
        case "reject":
            body = vector.get("body", "").encode()
            reason = vector.get("reason")
            return reject(vector["status"], reason=reason, headers=headers, body=body)
        case "request":
            return ClientRequest(
                vector["host"],
                vector["path"],
                protocols=vector.get("protocols", []),
                extensions=vector.get("extensions", ""),
                headers=headers,
                nonce=bytes.fromhex(vector["nonce"]),
            ).head
    request = vector["request"].encode("latin-1") if "request" in vector else None
    response = read_response(head, request=request, limits=limits)
    return response and {
        "headLen": response.head_len,
        "status": response.status,
        "reason": response.reason.decode(),
        "protocol": response.protocol,
        "extensions": response.extensions,
        "headers": len(response.headers),
    }


def options(vector):
    wished = vector.get("options", {})
    return DeflateOptions(**{name: DeflateDirection(**value) for name, value in wished.items()})


def plain(agreed):
    return agreed and {"send": vars(agreed.send), "receive": vars(agreed.receive)}


def negotiate(vector):
    match vector["call"]:
        case "offer":
            return {"extensions": deflate.offer(options(vector))}
        case "accept":
            accepted = deflate.accept(vector["value"], options(vector))
            if accepted is None:
                return {"accepted": None}
            agreed = plain(accepted.agreed)
            return {"accepted": {"extensions": accepted.extensions, "agreed": agreed}}
        case "check":
            return {"agreed": plain(deflate.check(vector["value"], options(vector)))}
    return {"agreed": plain(deflate.observe(vector["value"]))}


class Handshake(unittest.TestCase):
    def test_handshakes(self):
        handshakes = vectors.read("handshake")["vectors"]
        self.assertGreater(len(handshakes), 40)
        for vector in handshakes:
            with self.subTest(vector["name"]):
                result = error = None
                try:
                    result = call(vector)
                except WscodecError as failed:
                    error = told(failed)
                self.assertEqual(error, vector.get("error"))
                if isinstance(result, bytes):
                    self.assertEqual(result, vector["bytes"].encode("latin-1"))
                else:
                    self.assertEqual(result, vector.get("result"))

    def test_negotiations(self):
        for vector in vectors.read("deflate")["negotiations"]:
            with self.subTest(vector["name"]):
                try:
                    result = negotiate(vector)
                except WscodecError as failed:
                    result = {"error": told(failed)}
                expected = {name: vector[name] for name in result}
                self.assertEqual(result, expected)

    def test_payloads(self):
        for vector in vectors.read("deflate")["payloads"]:
            with self.subTest(vector["name"]):
                direction = DeflateDirection(**vector.get("direction", {}))
                decompressor = Decompressor(direction, limits=Limits(**vector.get("limits", {})))
                inflated, error = [], None
                try:
                    for coded in vector["coded"]:
                        inflated.append(decompressor.decompress(bytes.fromhex(coded)).hex())
                except WscodecError as failed:
                    error = told(failed)
                self.assertEqual((inflated, error), (vector["plain"], vector.get("error")))


if __name__ == "__main__":
    unittest.main()
