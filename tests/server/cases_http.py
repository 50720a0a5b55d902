# SPDX-License-Identifier: GPL-2.0-only
"""Heads that are wrong, large, slow or many in one piece."""
import os
import socket
import time

from cases import case, check, same
from cases_trust import check_reply
from wire import Http, ask, request


def raw_rows():
    get = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
    yield "line feeds alone", 400, b"GET /livez HTTP/1.1\nHost: localhost\n\n"
    yield "a line feed alone before the end", 400, get + b"A: b\n\r\n"
    yield "a folded line", 400, get + b"A: b\r\n c\r\n\r\n"
    yield "a space before the colon", 400, get + b"A : b\r\n\r\n"
    yield "no colon", 400, get + b"A\r\n\r\n"
    yield "no name", 400, get + b": b\r\n\r\n"
    yield "a carriage return in a value", 400, get + b"A: b\rc\r\n\r\n"
    yield "a NUL in a value", 400, get + b"A: b\0c\r\n\r\n"
    yield "a NUL in the Host", 400, b"GET /livez HTTP/1.1\r\nHost: localhost\0.evil.example\r\n\r\n"
    yield "bytes over 127 in a value", 200, get + b"A: \xff\xfe\r\n\r\n"
    yield "an empty value", 200, get + b"A:\r\n\r\n"
    yield "empty lines first", 200, b"\r\n\r\n" + get + b"\r\n"
    yield "two spaces", 400, b"GET  /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    yield "no version", 400, b"GET /livez\r\n\r\n"
    yield "HTTP/1.2", 505, b"GET /livez HTTP/1.2\r\nHost: localhost\r\n\r\n"
    yield "HTTP/2.0", 505, b"GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n"
    yield "the preface of HTTP/2", 505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
    yield "version in lower case", 400, b"GET /livez http/1.1\r\nHost: localhost\r\n\r\n"
    yield "a TLS hello", 400, bytes.fromhex("1603010200010001fc0303") + os.urandom(500)
    yield "zeros", 400, bytes(4096)
    yield "random bytes", 400, b"\xf0" + os.urandom(4096)
    yield "64 fields", 200, get + b"".join(b"A%d: b\r\n" % i for i in range(63)) + b"\r\n"
    yield "65 fields", 431, get + b"".join(b"A%d: b\r\n" % i for i in range(64)) + b"\r\n"
    yield "a head of 16,000 bytes", 200, get + b"A: " + b"x" * 15900 + b"\r\n\r\n"
    yield "a head of 16,500 bytes", 431, get + b"A: " + b"x" * 16450 + b"\r\n\r\n"
    yield "a target of 100,000 bytes", 431, b"GET /" + b"x" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    yield "a method of 100,000 bytes", 400, b"G" * 100000 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n"


for what, status, data in raw_rows():
    def run_raw(target, status=status, data=data):
        check_reply(ask(target.where, data), status)
    case("head: %s -> %d" % (what, status))(run_raw)


@case("head: byte by byte")
def test_byte_by_byte(target):
    http = Http(target.where)
    for byte in request(target.where, path="/livez"):
        http.send(bytes([byte]))
    same(http.reply().status, 200)
    http.close()


@case("many requests in one piece are answered in order")
def test_pipelined(target):
    http = Http(target.where)
    paths = ["/livez", "/nope", "/", "/readyz"] * 25
    http.send(b"".join(request(target.where, path=path) for path in paths))
    for path in paths:
        same(http.reply().status, 404 if path == "/nope" else 200, path)
    http.close()


@case("what follows a refused request is not read")
def test_no_smuggling(target):
    for fields in ([("Content-Length", "5")], [("Transfer-Encoding", "chunked")], [("Content-Length", "0, 5")],
                   [("Content-Length", "0")] * 2):
        http = Http(target.where)
        http.send(request(target.where, path="/livez", fields=fields) + request(target.where, path="/livez"))
        reply = http.reply()
        same(reply.status, 200)
        same(reply.get("Connection"), "close", repr(fields))
        check(http.at_end(5), "not closed after %r" % fields)
        http.close()


@case("a connection is kept or closed as was asked for")
def test_keep_alive(target):
    for version, fields, kept in (("HTTP/1.1", [], True), ("HTTP/1.1", [("Connection", "close")], False),
                                  ("HTTP/1.1", [("Connection", "x, Close")], False), ("HTTP/1.0", [], False),
                                  ("HTTP/1.0", [("Connection", "keep-alive")], True)):
        http = Http(target.where)
        http.send(request(target.where, path="/livez", version=version, fields=fields))
        same(http.reply().get("Connection"), "keep-alive" if kept else "close", "%s %r" % (version, fields))
        if kept:
            http.send(request(target.where, path="/livez"))
            same(http.reply().status, 200)
        else:
            check(http.at_end(5), "not closed")
        http.close()


@case("a client that stops sending still gets its answer")
def test_half_close(target):
    http = Http(target.where)
    http.send(request(target.where, path="/livez"))
    http.sock.shutdown(socket.SHUT_WR)
    same(http.reply().status, 200)
    check(http.at_end(5), "not closed")
    http.close()


@case("a head that takes too long is refused", slow=True)
def test_slow_head(target):
    start = time.monotonic()
    silent, trickling = Http(target.where, 15), Http(target.where, 15)
    data = request(target.where, path="/livez", fields=[("A", "x" * 100)])
    sent = 0
    trickling.sock.setblocking(False)
    while time.monotonic() - start < 9:
        trickling.sock.send(data[sent:sent + 1])
        sent += 1
        time.sleep(0.2)
    trickling.sock.settimeout(6)
    check_reply(trickling.reply(), 408)
    took = time.monotonic() - start
    check(9.5 < took < 12.5, "refused after %.1f s" % took)
    check(silent.at_end(3), "a silent connection stays open")


@case("an idle connection is closed, not before half a minute", slow=True)
def test_idle(target):
    http = Http(target.where)
    http.send(request(target.where, path="/livez"))
    http.reply()
    start = time.monotonic()
    check(http.at_end(40), "still open")
    took = time.monotonic() - start
    check(29 < took < 33, "closed after %.1f s" % took)
