# SPDX-License-Identifier: GPL-2.0-only
"""Who may ask: the table of refused and accepted requests."""
import gzip
import json

from cases import Skip, case, check, same
from wire import Http, ask, handshake_fields, join, request

SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
                               "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def check_reply(reply, status):
    """The status, and what holds for every reply."""
    same(reply.status, status, "status")
    for name, value in SECURITY.items():
        check((reply.get(name) or "").startswith(value), "%s is %r" % (name, reply.get(name)))
    check(reply.get("Set-Cookie") is None, "a cookie was set")
    check(reply.get("Access-Control-Allow-Origin") is None, "other sites are let in")
    if status >= 400:
        same(reply.get("Cache-Control"), "no-store")
        same(reply.get("Content-Type"), "text/plain; charset=utf-8")
        text = reply.body.decode()
        check(text.endswith(".\n") and text.count("\n") == 1, "not one sentence: %r" % text)
    if status == 401:
        same(reply.get("WWW-Authenticate"), "Bearer")
    if status == 405:
        same(reply.get("Allow"), "GET, HEAD")


def table(name, rows):
    """One test for each row: (what, status, function of the target that makes the request)."""
    for what, status, make in rows:
        def run(target, status=status, make=make):
            if name == "Host" and status == 403 and target.where.unix:
                status = 200  # on a Unix socket any one Host will do
            check_reply(ask(target.where, make(target)), status)
        case("%s: %s -> %d" % (name, what, status))(run)


def host_rows():
    for value in ("localhost", "LOCALHOST:1", "127.0.0.1", "127.255.3.9:80", "[::1]", "[::1]:9", "[0:0:0:0:0:0:0:1]:1"):
        yield value, 200, lambda t, v=value: request(t.where, host=v)
    for value in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "xlocalhost",
                  "localhost.", "10.0.0.1", "0.0.0.0", "2130706433", "0x7f.1", "127.1", "[::2]", "[::ffff:127.0.0.1]"):
        yield value, 403, lambda t, v=value: request(t.where, host=v)
    for value in ("", " ", "localhost:", "localhost:99999", "localhost:8a", "a b", "user@localhost", "localhost/x",
                  "[::1", "[::1]x", "[localhost]", "::1", "localhost,localhost"):
        yield "%r" % value, 400, lambda t, v=value: request(t.where, host=v)
    yield "none", 400, lambda t: request(t.where, host=None)
    yield "none in HTTP/1.0", 400, lambda t: request(t.where, host=None, version="HTTP/1.0")
    yield "twice", 400, lambda t: request(t.where, fields=[("Host", t.where.authority)])
    yield "twice, one bad", 400, lambda t: request(t.where, fields=[("hOST", "evil.example")])


def origin_rows():
    def with_origin(value, **more):
        return lambda t: request(t.where, fields=[("Origin", value(t) if callable(value) else value)], **more)

    yield "own", 200, with_origin(lambda t: "http://" + t.where.authority)
    yield "own, https", 200, with_origin("https://localhost:7", host="localhost:7")
    yield "own, other case", 200, with_origin("http://LocalHost:7", host="localhost:7")
    yield "default port left out", 200, with_origin("http://localhost", host="localhost:80")
    yield "default port of https", 200, with_origin("https://localhost", host="localhost:443")
    yield "another port", 403, with_origin("http://localhost:8", host="localhost:7")
    yield "port against none", 403, with_origin("http://localhost:8", host="localhost")
    yield "another name for this host", 403, with_origin("http://localhost:7", host="127.0.0.1:7")
    yield "another site", 403, with_origin("http://evil.example")
    yield "null", 403, with_origin("null")
    yield "file", 403, with_origin("file://")
    yield "with a path", 403, with_origin("http://localhost/", host="localhost")
    yield "with a user", 403, with_origin("http://x@localhost", host="localhost")
    yield "empty", 403, with_origin("")
    yield "twice", 400, lambda t: request(t.where, fields=[("Origin", "http://" + t.where.authority)] * 2)
    yield "another site's preflight", 403, with_origin("http://evil.example", method="OPTIONS")
    yield "another site for the snapshot, with the token", 403, lambda t: request(
        t.where, path="/api/v1/snapshot", fields=bearer(t) + [("Origin", "http://evil.example")])


def bearer(target, token=None, scheme="Bearer"):
    return [("Authorization", "%s %s" % (scheme, token or target.where.token))]


def token_rows():
    def snapshot(make, path="/api/v1/snapshot"):
        return lambda t: request(t.where, path=path(t) if callable(path) else path, fields=make(t))

    yield "right", 200, snapshot(bearer)
    yield "scheme in lower case", 200, snapshot(lambda t: bearer(t, scheme="bearer"))
    yield "none", 401, snapshot(lambda t: [])
    yield "empty", 401, snapshot(lambda t: [("Authorization", "Bearer ")])
    yield "wrong", 401, snapshot(lambda t: bearer(t, "0" * 32))
    yield "last letter wrong", 401, snapshot(lambda t: bearer(t, t.where.token[:-1] + ("1" if t.where.token[-1] == "0" else "0")))
    yield "too short", 401, snapshot(lambda t: bearer(t, t.where.token[:-1]))
    yield "too long", 401, snapshot(lambda t: bearer(t, t.where.token + "0"))
    yield "another scheme", 401, snapshot(lambda t: bearer(t, scheme="Basic"))
    yield "twice", 401, snapshot(lambda t: bearer(t) * 2)
    yield "as a cookie", 401, snapshot(lambda t: [("Cookie", "token=" + t.where.token)])
    yield "in the URL", 401, snapshot(lambda t: [], lambda t: "/api/v1/snapshot?token=" + t.where.token)
    yield "as a subprotocol for the snapshot", 401, snapshot(
        lambda t: [("Sec-WebSocket-Protocol", "rqscope.token." + t.where.token)])


def path_rows():
    for path, status in (("/", 200), ("/?x=1", 200), ("/livez", 200), ("/livez?x", 200), ("/readyz", 200), ("/nope", 404),
                         ("//", 404), ("/livez/", 404), ("/LIVEZ", 404), ("/%6civez", 404), ("/etc/passwd", 404),
                         ("/../../../etc/passwd", 404), ("/%2e%2e/%2e%2e/etc/passwd", 404), ("/.", 404), ("/api", 404),
                         ("/api/v1/snapshot/", 404), ("/api/v2/snapshot", 404), ("*", 404),
                         ("http://localhost/", 400), ("livez", 400), ("/a b", 400), ("/\x7f", 400), ("/\xe4", 400)):
        yield repr(path), status, lambda t, p=path: request(t.where, path=p)
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"):
        yield method, 405, lambda t, m=method: request(t.where, method=m)
    yield "OPTIONS *", 405, lambda t: request(t.where, method="OPTIONS", path="*")
    yield "CONNECT to an address", 400, lambda t: request(t.where, method="CONNECT", path="127.0.0.1:22")
    yield "POST to the snapshot with the token", 405, lambda t: request(
        t.where, method="POST", path="/api/v1/snapshot", fields=bearer(t))
    yield "POST with a large body", 405, lambda t: request(
        t.where, method="POST", fields=[("Content-Length", "200000")], body=b"x" * 200000)


def upgrade_rows():
    def stream(token=True, drop=(), path="/api/v1/stream", method="GET", version="HTTP/1.1", extra=(), **change):
        return lambda t: request(t.where, method=method, path=path(t) if callable(path) else path, version=version,
                                 fields=handshake_fields(t.where, token, drop, **change) +
                                 [(name, value(t) if callable(value) else value) for name, value in extra])

    def mozilla(*more):
        return [("User-Agent", "Mozilla/5.0 (X11)")] + list(more)

    own = ("Origin", lambda t: "http://" + t.where.authority)
    yield "as it should be", 101, stream()
    yield "other case", 101, stream(Upgrade="WebSocket", Connection="keep-alive, upgrade")
    yield "a browser with its Origin", 101, stream(extra=mozilla(own))
    yield "a browser without Origin", 403, stream(extra=mozilla())
    yield "Sec-Fetch without Origin", 403, stream(extra=[("Sec-Fetch-Site", "none")])
    yield "a browser on another site", 403, stream(extra=mozilla(("Origin", "http://evil.example")))
    yield "another site, no browser", 403, stream(extra=[("Origin", "http://evil.example")])
    yield "no token", 401, stream(token=False)
    yield "wrong token", 401, stream(token="0" * 32)
    yield "token in the URL", 401, stream(token=False, path=lambda t: "/api/v1/stream?token=" + t.where.token)
    yield "token as Bearer", 401, stream(token=False, extra=[("Authorization", lambda t: "Bearer " + t.where.token)])
    yield "token only", 400, lambda t: request(t.where, path="/api/v1/stream", fields=handshake_fields(
        t.where, Sec_WebSocket_Protocol="rqscope.token." + t.where.token))
    yield "no key", 400, stream(drop=["Sec-WebSocket-Key"])
    yield "short key", 400, stream(Sec_WebSocket_Key="AAAA")
    yield "key of other letters", 400, stream(Sec_WebSocket_Key="!" * 22 + "==")
    yield "two keys", 400, stream(extra=[("Sec-WebSocket-Key", "A" * 22 + "==")])
    yield "version 8", 426, stream(Sec_WebSocket_Version="8")
    yield "no version", 426, stream(drop=["Sec-WebSocket-Version"])
    yield "no Connection", 400, stream(drop=["Connection"])
    yield "HTTP/1.0", 400, stream(version="HTTP/1.0")
    yield "no Upgrade", 426, stream(drop=["Upgrade"])
    yield "h2c", 400, stream(Upgrade="h2c", extra=[("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")])
    yield "websocket or h2c", 400, stream(Upgrade="websocket, h2c")
    yield "websocket and h2c", 400, stream(extra=[("Upgrade", "h2c")])
    yield "h2c and websocket", 400, stream(Upgrade="h2c", extra=[("Upgrade", "websocket")])
    yield "POST", 405, stream(method="POST")
    yield "websocket on /", 400, stream(path="/")
    yield "websocket on the snapshot", 400, stream(path="/api/v1/snapshot")
    yield "h2c on /", 400, lambda t: request(t.where, fields=[
        ("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")])
    yield "TLS on /", 400, lambda t: request(t.where, fields=[("Upgrade", "TLS/1.0"), ("Connection", "Upgrade")])
    yield "a Host that can't be read", 400, lambda t: request(
        t.where, path="/api/v1/stream", host="a b", fields=handshake_fields(t.where))


table("Host", host_rows())
table("Origin", origin_rows())
table("token", token_rows())
table("path", path_rows())
for row in upgrade_rows():
    def run_upgrade(target, status=row[1], make=row[2]):
        reply = ask(target.where, make(target))
        if status == 101:
            same(reply.status, 101, "status")
        else:
            check_reply(reply, status)
    case("upgrade: %s -> %d" % row[:2])(run_upgrade)


@case("upgrade: another Host")
def test_upgrade_host(target):
    asked = request(target.where, path="/api/v1/stream", host="evil.example", fields=handshake_fields(target.where))
    same(ask(target.where, asked).status, 101 if target.where.unix else 403, "status")


@case("Host: an allowed name")
def test_allowed_host(target):
    if not target.allowed_host:
        raise Skip("not started by this test")
    check_reply(ask(target.where, request(target.where, host=target.allowed_host)), 200)
    check_reply(ask(target.where, request(target.where, host=target.allowed_host.upper() + ":443")), 200)


@case("HEAD gives the fields of GET and no body")
def test_head(target):
    for path in ("/", "/livez", "/api/v1/snapshot", "/nope"):
        got = ask(target.where, request(target.where, path=path, fields=bearer(target)))
        http = Http(target.where)
        http.send(request(target.where, "HEAD", path, fields=bearer(target)) + request(target.where, path="/livez"))
        head = http.reply(head_only=True)
        same(head.status, got.status)
        check(int(head.get("Content-Length")) > 0, "no length")
        if path != "/api/v1/snapshot":
            same(head.get("Content-Length"), got.get("Content-Length"))
        same(http.reply().status, 200, "the next answer's status")
        http.close()


@case("the page comes compressed or plain, and is not sent again")
def test_page(target):
    plain = ask(target.where, request(target.where))
    same(plain.get("Content-Type"), "text/html; charset=utf-8")
    same(plain.get("Content-Encoding"), None)
    packed = ask(target.where, request(target.where, fields=[("Accept-Encoding", "br, gzip;q=0.5")]))
    same(packed.get("Content-Encoding"), "gzip")
    same(gzip.decompress(packed.body), plain.body, "the content")
    for encoding in ("gzip;q=0", "br", "identity", "gzip;q=0.000, deflate"):
        same(ask(target.where, request(target.where, fields=[("Accept-Encoding", encoding)])).body, plain.body, encoding)
    for reply, fields in ((plain, []), (packed, [("Accept-Encoding", "gzip")])):
        tag = reply.get("ETag")
        again = ask(target.where, request(target.where, fields=fields + [("If-None-Match", '"x", W/' + tag)]))
        check_reply(again, 304)
        same(again.get("ETag"), tag)
    check(plain.get("ETag") != packed.get("ETag"), "both have one ETag")
    other = ask(target.where, request(target.where, fields=[("If-None-Match", '"x"')]))
    same(other.status, 200)


@case("the snapshot is JSON and not kept")
def test_snapshot(target):
    reply = ask(target.where, request(target.where, path="/api/v1/snapshot", fields=bearer(target)))
    same(reply.get("Content-Type"), "application/json")
    same(reply.get("Cache-Control"), "no-store")
    same(json.loads(reply.body)["schema"], "rqscope/snapshot/1")


@case("a handshake may be followed by a message at once")
def test_early_message(target):
    mask = b"\x81\x8f\x00\x00\x00\x00" + b'{"type":"ping"}'
    ws = join(target.where, early=mask)
    ws.until("pong")
    ws.close()
