# SPDX-License-Identifier: GPL-2.0-only
"""The WebSocket protocol, docs/protocol.md."""
import http.client
import http.server
import json
import select
import threading
import time

from cases import Skip, case, check, same
from wire import Closed, WebSocket, join


class Follower:
    """Checks that windows come in sequence without a hole, lost ones told by `missed`."""

    def __init__(self, seq):
        self.seq, self.frames, self.windows, self.missed, self.span_ms = seq, 0, 0, 0, 0
        self.last_time, self.gap_max = None, 0.0

    def take(self, message):
        if message["type"] != "windows":
            return
        now = time.monotonic()
        if self.last_time is not None:
            self.gap_max = max(self.gap_max, now - self.last_time)
        self.last_time = now
        seq = message["seq"]
        if message["missed"]:
            same(len(seq), 1, "windows in a merged message")
            same(seq[0] - self.seq, message["missed"], "what was missed")
            self.missed += message["missed"]
        else:
            same(seq, list(range(self.seq + 1, self.seq + 1 + len(seq))), "seq after %d" % self.seq)
        check(seq, "no window in a message")
        self.seq = seq[-1]
        self.frames += 1
        self.windows += len(seq)
        self.span_ms += sum(message["span_ms"])


def follow(ws, follower, seconds):
    """Read for that long, and on until no message is left that has come already."""
    end = time.monotonic() + seconds
    while time.monotonic() < end or select.select([ws], [], [], 0)[0]:
        follower.take(ws.message(5))


@case("hello comes first, then services, status and events")
def test_hello(target):
    ws = WebSocket(target.where)
    hello = ws.message()
    same(hello["type"], "hello")
    same(hello["protocol"], 1)
    same(hello["rate_ms"], 250)
    check(hello["seq"] > 0, "no seq")
    same({ws.message()["type"] for _ in range(3)}, {"services", "status", "events"})
    ws.close()


for rate_ms in (100, 250, 500, 1000):
    def run_rate(target, rate_ms=rate_ms):
        ws = join(target.where)
        follower = Follower(ws.hello["seq"])
        ws.say({"type": "subscribe", "rate_ms": rate_ms})
        follow(ws, follower, rate_ms / 1000 + 0.3)
        follower.frames = follower.windows = follower.span_ms = 0
        start = time.monotonic()
        follow(ws, follower, 4)
        took_ms = (time.monotonic() - start) * 1000
        check(abs(follower.span_ms - took_ms) < rate_ms + 300, "%d ms of windows in %d ms" % (follower.span_ms, took_ms))
        # A busy host makes longer windows; there are no more messages than these.
        expected = min(follower.span_ms / rate_ms, follower.windows)
        check(abs(follower.frames - expected) <= 2, "%d messages, expected %.1f" % (follower.frames, expected))
        same(follower.missed, 0, "missed")
        ws.close()
    case("windows at %d ms come in time and without a hole" % rate_ms)(run_rate)


@case("changing the rate back and forth leaves no hole")
def test_rate_changes(target):
    watcher, ws = join(target.where), join(target.where)
    follower, other = Follower(ws.hello["seq"]), Follower(watcher.hello["seq"])
    for i in range(24):
        ws.say({"type": "subscribe", "rate_ms": (100, 1000, 250, 500, 100, 250)[i % 6]})
        follow(ws, follower, 0.25)
        follow(watcher, other, 0.01)  # its own messages wait; reading them late must not matter
    follow(ws, follower, 1)
    follow(watcher, other, 0.5)
    same(follower.missed + other.missed, 0, "missed")
    ws.close()
    watcher.close()


@case("bytes sent to clients are counted")
def test_sent_bytes(target):
    ws = join(target.where)
    ws.say({"type": "subscribe", "rate_ms": 100})
    sent, came = [], []
    while len(sent) < 4:
        message = ws.message(5)
        if message["type"] == "status":
            sent.append(message["self"]["sent_bytes"])
            came.append(0)
        elif came:
            came[-1] += len(json.dumps(message, separators=(",", ":")))
    # What came between two of them went before the third; other clients' is in it too.
    for i in range(2):
        check(came[i] > 1000, "%d bytes came in a second" % came[i])
        check(sent[i + 2] - sent[i] >= 0.8 * came[i], "%d bytes counted, %d came" % (sent[i + 2] - sent[i], came[i]))
    ws.close()


@case("services and status come once a second")
def test_seconds(target):
    ws = join(target.where)
    counts = {"services": 0, "status": 0}
    ws.until("status")
    end = time.monotonic() + 4.5
    while time.monotonic() < end:
        kind = ws.message()["type"]
        if kind in counts:
            counts[kind] += 1
    check(all(4 <= count <= 6 for count in counts.values()), repr(counts))
    ws.close()


class Answers(http.server.BaseHTTPRequestHandler):
    """A service for rqscope to see."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def ask_a_service(paths):
    """Its port, when it has answered all of them."""
    with http.server.HTTPServer(("127.0.0.1", 0), Answers) as server:
        port = server.server_port
        thread = threading.Thread(target=lambda: [server.handle_request() for _ in paths])
        thread.start()
        for path in paths:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            client.request("GET", path)
            client.getresponse().read()
            client.close()
        thread.join()
    return port


@case("routes come once a second to who watches a service, and to nobody else")
def test_watch(target):
    ws, idle = join(target.where), join(target.where)
    probe = {probe["name"]: probe for probe in ws.until("status")["coverage"]["probes"]}["http"]
    if probe["state"] != "on":
        raise Skip("HTTP is not measured: %s" % probe["reason"])
    port = ask_a_service(["/watched/%d" % i for i in range(5)] + ["/other"])

    def found(message):
        return message["type"] == "services" and [item for item in message["items"]
                                                  if item["role"] == "server" and item["port"] == port]

    slot = found(ws.until(found))[0]["slot"]
    ws.say({"type": "watch", "slot": 127})
    same(ws.until("error")["code"], "no_service")
    ws.say({"type": "watch", "slot": slot})
    for _ in range(3):
        routes = ws.until("routes")
        same(routes["slot"], slot)
        same([(item["method"], item["path"], item["requests"], item["responses"], item["errors"])
              for item in routes["items"]], [("GET", "/watched/:id", 5, 5, 0), ("GET", "/other", 1, 1, 0)], "routes")
        check("ended" not in routes, repr(routes)[:200])
        services = ws.until("services")  # of the next second
        check(abs(services["t"] - routes["t"] - 1000) < 300, "%r after %r" % (services["t"], routes["t"]))
    ws.say({"type": "watch", "slot": None})
    ws.say({"type": "ping"})
    ws.until("pong")
    for _ in range(2):
        ws.until(lambda m: m["type"] == "status" or check(m["type"] != "routes", "routes for nobody"))
    end = time.monotonic() + 1
    while time.monotonic() < end:
        check(idle.message()["type"] != "routes", "routes for who watches nothing")
    ws.close()
    idle.close()


@case("history is answered, with the id of the request")
def test_history(target):
    ws = join(target.where)
    now_ms = int(time.time() * 1000)
    ws.say({"type": "history", "id": 77, "from_ms": now_ms - 60000, "to_ms": now_ms, "points": 300})
    answer = ws.until("history")
    same(answer["id"], 77)
    same((answer["from_ms"], answer["to_ms"]), (now_ms - 60000, now_ms))
    check(answer["resolution_ms"] >= 100, "resolution")
    check(len(answer["t"]) == len(answer["seq"]) <= 300, "%d points" % len(answer["t"]))
    ws.close()


@case("four requests for history a second are answered, not more")
def test_history_limit(target):
    ws = join(target.where)
    now_ms = int(time.time() * 1000)
    for i in range(7):
        ws.say({"type": "history", "id": i, "from_ms": now_ms - 1000, "to_ms": now_ms, "points": 2})
    kinds = []
    while len(kinds) < 7:
        message = ws.until(lambda m: m["type"] in ("history", "error"))
        kinds.append(message.get("id", message.get("code")))
    same(kinds, [0, 1, 2, 3, "too_fast", "too_fast", "too_fast"])
    time.sleep(1.1)  # the limit is on time itself
    ws.say({"type": "history", "id": 8, "from_ms": now_ms - 1000, "to_ms": now_ms, "points": 2})
    same(ws.until("history")["id"], 8)
    ws.close()


BAD = [b"", b"x", b"null", b"[]", b"{}", b'{"type":1}', b'{"type":"nope"}', b'{"type":"subscribe"}',
       b'{"type":"subscribe","rate_ms":50}', b'{"type":"subscribe","rate_ms":"100"}',
       b'{"type":"history","id":1,"from_ms":0,"to_ms":1,"points":0}', b'{"type":"watch","slot":256}',
       b'{"type":"history","id":1}',
       b'{"type":"history","id":1,"from_ms":0,"to_ms":1,"points":2001}', b"\xff\xfe", b'{"type":"ping"', b"[" * 900,
       b'{"type":"ping","x":"' + b"y" * 1100 + b'"}']


@case("what can't be read is answered by an error")
def test_bad_messages(target):
    for data in BAD:
        ws = join(target.where)
        ws.say(data)
        error = ws.until("error")
        same(error["code"], "bad_request", repr(data[:40]))
        check(error["text"], "no text")
        ws.say({"type": "ping"})
        ws.until("pong")
        ws.close()
    ws = join(target.where)
    ws.send_frame(b'{"type":"ping"}', opcode=2)
    same(ws.until("error")["code"], "bad_request", "binary")
    ws.close()


@case("after ten bad messages the server closes")
def test_ten_bad(target):
    ws = join(target.where)
    errors = 0
    for _ in range(10):
        ws.say(b"nonsense")
    try:
        while True:
            errors += ws.message()["type"] == "error"
    except Closed:
        pass
    same(errors, 10)
    same(ws.close_code, 1008, "the close code")
    ws.close()


@case("a message may be 1,024 bytes, in any number of parts")
def test_message_size(target):
    ws = join(target.where)
    data = b'{"type":"ping"' + b" " * 1009 + b"}"
    same(len(data), 1024)
    ws.say(data)
    ws.until("pong")
    for i in range(len(data)):
        ws.send_frame(data[i:i + 1], opcode=0 if i else 1, fin=i == len(data) - 1)
    ws.until("pong", 10)
    ws.close()


@case("pings are answered, a close is answered")
def test_control(target):
    ws = join(target.where)
    ws.send_frame(b"are you there", opcode=9)
    ws.say({"type": "ping"})
    ws.until("pong")
    while not ws.pongs:
        ws.message()
    same(ws.pongs, [b"are you there"])
    ws.send_frame(b"\x03\xe8", opcode=8)
    try:
        while True:
            ws.message()
    except Closed:
        pass
    same(ws.close_code, 1000)
    ws.close()


@case("frames that break RFC 6455 end that connection only")
def test_broken_frames(target):
    watcher = join(target.where)
    follower = Follower(watcher.hello["seq"])
    ping = b'{"type":"ping"}'
    for what, change in (("no mask", {"mask": False}), ("reserved bit", {"reserved": 0x40}), ("opcode 3", {"opcode": 3}),
                         ("opcode 15", {"opcode": 15}), ("long ping", {"opcode": 9, "length": 300}),
                         ("parted ping", {"opcode": 9, "fin": False}), ("continuation of nothing", {"opcode": 0}),
                         ("huge", {"length": 1 << 40}), ("negative", {"length": (1 << 64) - 1})):
        ws = join(target.where)
        payload = b"x" * 300 if change.get("length") == 300 else ping
        ws.send_frame(payload, **change)
        heard = set()
        try:
            for _ in range(3):
                ws.send_frame(ping)
            end = time.monotonic() + 1
            while time.monotonic() < end:
                message = ws.message(1)
                heard.add(message["type"])
        except (Closed, TimeoutError, ConnectionError, OSError):
            pass
        if what in ("huge", "negative"):
            check("pong" not in heard, what + " was taken for a message")
        ws.close()
        follow(watcher, follower, 0.01)
    follow(watcher, follower, 0.5)
    same(follower.missed, 0, "missed")
    watcher.close()


@case("more than a hundred messages a second end that connection")
def test_flood(target):
    ws = join(target.where)
    code = None
    try:
        for _ in range(150):
            ws.say({"type": "ping"})
        while True:
            message = ws.message()
            code = message.get("code", code)
    except (Closed, ConnectionError):
        pass
    check(code in ("too_fast", None), repr(code))
    ws.close()


@case("one client too many is told so; when one leaves another may come")
def test_too_many(target):
    limit = target.max_clients
    if not limit:
        raise Skip("the limit is not known: RQSCOPE_MAX_CLIENTS")
    streams = []
    try:
        for _ in range(limit):
            streams.append(WebSocket(target.where))
            same(streams[-1].message()["type"], "hello")
        extra = WebSocket(target.where)
        error = extra.message()
        same((error["type"], error["code"]), ("error", "too_many_clients"))
        try:
            extra.message()
            check(False, "not closed")
        except Closed:
            pass
        same(extra.close_code, 1013)
        extra.close()
        streams.pop().close()
        deadline = time.monotonic() + 3
        while True:
            ws = WebSocket(target.where)
            if ws.message()["type"] == "hello":
                break
            ws.close()
            check(time.monotonic() < deadline, "the place of one that left is not free")
        streams.append(ws)
    finally:
        for ws in streams:
            ws.close()


@case("the server pings, and who answers stays", slow=True)
def test_keepalive(target):
    ws = join(target.where)
    end = time.monotonic() + 45
    while time.monotonic() < end and ws.pings < 2:
        ws.message()
    check(ws.pings >= 2, "%d pings in 45 s" % ws.pings)
    ws.say({"type": "ping"})
    ws.until("pong")
    ws.close()
