# SPDX-License-Identifier: GPL-2.0-only
"""Clients that stall, leave in the middle, or come by the thousand: nobody else notices."""
import resource
import select
import socket
import threading
import time

from cases import Skip, case, check, same, wait_for
from cases_stream import Follower
from wire import Http, ask, join, request


class Witness(threading.Thread):
    """A well-behaved client at 100 ms, on a thread of its own: what it sees is what others notice."""

    def __init__(self, where):
        super().__init__(daemon=True)
        self.ws = join(where)
        self.follower = Follower(self.ws.hello["seq"])
        self.ws.say({"type": "subscribe", "rate_ms": 100})
        self.clients = 0
        self.ending = False
        self.error = None
        self.start()

    def run(self):
        try:
            while not self.ending:
                message = self.ws.message(5)
                if message["type"] == "status":
                    self.clients = message["clients"]
                self.follower.take(message)
        except Exception as why:
            self.error = why

    def end(self, gap_limit=0.6):
        wait_for(lambda: self.error or self.follower.frames >= 3, 5, "windows for a witness")
        self.ending = True
        self.join(6)
        self.ws.close()
        if self.error:
            raise AssertionError("the witness: %r" % self.error)
        same(self.follower.missed, 0, "windows that a witness missed")
        check(self.follower.gap_max < gap_limit, "a witness waited %.2f s for windows" % self.follower.gap_max)


@case("a thousand connections at once")
def test_thousand(target):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1200:
        raise Skip("this test may have only %d files open" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    witness = Witness(target.where)
    for first in (b"", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01garbage", request(target.where)):
        socks = []
        try:
            for _ in range(1000):
                sock = target.where.connect(5)
                sock.setblocking(False)
                socks.append(sock)
                try:
                    sock.send(first)
                except OSError:
                    pass
            start = time.monotonic()
            same(ask(target.where, request(target.where, path="/livez")).status, 200)
            join(target.where).close()
            took = time.monotonic() - start
            check(took < 1, "a new client waited %.2f s" % took)
            if target.max_clients:
                poller = select.poll()
                for sock in socks:
                    poller.register(sock, select.POLLRDHUP)
                closed = wait_for(lambda: len(poller.poll(0)) >= 1000 - 2 * target.max_clients - 16 and 1, 5,
                                  "closing what is too many")
                check(closed, "")
        finally:
            for sock in socks:
                sock.close()
    witness.end()


@case("clients that leave in the middle")
def test_leave(target):
    witness = Witness(target.where)
    for i in range(60):
        ws = join(target.where, receive_buffer=2048)
        ws.say({"type": "subscribe", "rate_ms": 100})
        now_ms = int(time.time() * 1000)
        ws.say({"type": "history", "id": 1, "from_ms": now_ms - 600000, "to_ms": now_ms, "points": 2000})
        if i % 3 == 0:
            ws.send_frame(b'{"type":', length=900)
        elif i % 3 == 1:
            ws.message()
        if i % 2:
            ws.reset()
        else:
            ws.close()
    for i in range(60):
        http = Http(target.where)
        http.send(request(target.where, path="/", fields=[("Accept-Encoding", "gzip")])[:20 + i * 3])
        http.close()
    same(ask(target.where, request(target.where, path="/livez")).status, 200)
    wait_for(lambda: witness.clients == 1, 5, "the clients that left to be counted no more")
    witness.end()


@case("a client that reads nothing and says that it sends no more is closed, and nobody else notices")
def test_half_closed(target):
    witness = Witness(target.where)
    ws = join(target.where, receive_buffer=2048)
    # More than the kernel takes for it: then there is a rest that waits.
    for i in range(20):
        now_ms = int(time.time() * 1000)
        ws.say({"type": "history", "id": i, "from_ms": now_ms - 600000, "to_ms": now_ms, "points": 2000})
        time.sleep(0.26)  # four a second are answered
    wait_for(lambda: witness.clients == 2, 5, "it to be counted")
    ws.sock.shutdown(socket.SHUT_WR)
    same(ask(target.where, request(target.where, path="/livez"), timeout=2).status, 200)
    wait_for(lambda: witness.clients == 1, 10, "it to be counted no more")
    ws.close()
    witness.end()


@case("a client that stops reading and goes on gets what it lost in one merged window", slow=True)
def test_stall(target):
    witness = Witness(target.where)
    ws = join(target.where, receive_buffer=2048)
    follower = Follower(ws.hello["seq"])
    ws.say({"type": "subscribe", "rate_ms": 100})
    now_ms = int(time.time() * 1000)
    ws.say({"type": "history", "id": 1, "from_ms": now_ms - 600000, "to_ms": now_ms, "points": 2000})
    deadline = time.monotonic() + 60
    while not follower.missed:
        check(time.monotonic() < deadline, "nothing was merged in 60 s")
        stall = time.monotonic() + 8
        while time.monotonic() < stall:
            time.sleep(0.1)  # doing nothing is what is tested
        caught_up = witness.follower.seq
        while follower.seq < caught_up:
            follower.take(ws.message(5))
    for _ in range(20):
        follower.take(ws.message(5))
    ws.close()
    witness.end()


@case("a client that never reads is closed", slow=True)
def test_stuck(target):
    witness = Witness(target.where)
    ws = join(target.where, receive_buffer=2048)
    ws.say({"type": "subscribe", "rate_ms": 100})
    gone = select.poll()
    gone.register(ws, select.POLLHUP | select.POLLERR)
    start = time.monotonic()
    deadline = start + 120
    refused = False
    while time.monotonic() < deadline and not refused:
        now_ms = int(time.time() * 1000)
        try:
            ws.say({"type": "history", "id": 1, "from_ms": now_ms - 600000, "to_ms": now_ms, "points": 2000})
            refused = bool(gone.poll(500))
        except OSError:
            refused = True
    took = time.monotonic() - start
    check(refused, "still open after %.0f s" % took)
    check(took > 10, "closed after %.1f s" % took)
    ws.close()
    witness.end()
