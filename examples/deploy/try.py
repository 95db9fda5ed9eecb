"""Three components behind a proxy, one of them killed under load.

try.py COMPONENT haproxy -f examples/deploy/haproxy.cfg

`WASMTIME` names the runner, if it is not on the path. Every client that is not on the component
that was killed must go on without a fault, and every one that was must get a new connection.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

REQUEST = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
CLIENTS = 60
SECONDS = 6
component, *proxy = sys.argv[1:]
serve = str(pathlib.Path(__file__).with_name("serve.sh"))


def connect():
    stream = socket.create_connection(("127.0.0.1", 9100), timeout=5)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream.sendall(REQUEST)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        if not byte:
            raise ConnectionError("no whole answer")
        head += byte
    if not head.startswith(b"HTTP/1.1 101"):
        raise ConnectionError(head.split(b"\r\n")[0].decode())
    return stream


class Client(threading.Thread):
    def __init__(self):
        super().__init__()
        self.stream = connect()
        self.echoed = self.lost = self.refused = 0

    def run(self):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                self.stream.sendall(b"\x81\x85\0\0\0\0hello")
                answer = b""
                while len(answer) < 7:
                    more = self.stream.recv(7 - len(answer))
                    if not more:
                        raise ConnectionError("it ended")
                    answer += more
                assert answer == b"\x81\x05hello", answer
                self.echoed += 1
                time.sleep(0.002)
            except OSError:
                self.lost += 1
                self.again()

    def again(self):
        while True:
            try:
                self.stream = connect()
                return
            except OSError:
                self.refused += 1
                time.sleep(0.05)


def group(command):
    return subprocess.Popen(command, start_new_session=True)


servers = [group([serve, component, "--listen", f"127.0.0.1:{port}"]) for port in (9101, 9102, 9103)]
running = servers + [group(proxy)]
try:
    for port in (9101, 9102, 9103, 9100):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
    time.sleep(1.5)
    clients = [Client() for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(SECONDS / 3)
    os.killpg(servers[0].pid, signal.SIGKILL)
    for client in clients:
        client.join()
    echoed = sum(client.echoed for client in clients)
    lost = sum(client.lost for client in clients)
    refused = sum(client.refused for client in clients)
    unharmed = sum(client.lost == 0 for client in clients)
    print(f"{echoed} echoes; {lost} connections lost with the component, {refused} answers before")
    print(f"they had another; {unharmed} of {CLIENTS} clients noticed nothing")
    # The others stop in good order.
    servers[1].send_signal(signal.SIGTERM)
    print(f"a component that was told to stop ended with {servers[1].wait(20)}")
    sys.exit(not (lost == CLIENTS / 3 and unharmed == CLIENTS - lost and servers[1].returncode == 0))
finally:
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
