# SPDX-License-Identifier: GPL-2.0-only
"""One service in the WebSocket protocol: its windows and its history, against what the server itself counted."""
import http.client
import http.server
import threading
import time

from cases import Skip, case, check, same
from cases_stream import Answers, Follower
from wire import join


class Tee:
    """Writes on, and counts the bytes."""

    def __init__(self, file):
        self.file, self.bytes = file, 0

    def write(self, data):
        self.bytes += len(data)
        return self.file.write(data)

    def flush(self):
        self.file.flush()


class Counted(http.server.ThreadingHTTPServer):
    """A server on a thread of its own that counts what it was asked."""

    daemon_threads = True

    def __init__(self):
        self.asked = self.sent_bytes = 0
        self.lock = threading.Lock()
        owner = self

        class Handler(Answers):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # an answer in one write: none waits for an acknowledgement

            def do_GET(self):
                with owner.lock:
                    owner.asked += 1
                self.wfile, socket_file = Tee(self.wfile), self.wfile
                super().do_GET()
                with owner.lock:
                    owner.sent_bytes += self.wfile.bytes
                self.wfile = socket_file

        super().__init__(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def ask(self, count):
        """That many requests on one connection, each answered before the next."""
        client = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=10)
        for _ in range(count):
            client.request("GET", "/counted")
            client.getresponse().read()
        client.close()

    def __exit__(self, *how):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Sums(Follower):
    """The windows of one service: in sequence without a hole, and their columns added up."""

    def __init__(self, seq, slot):
        super().__init__(seq)
        self.slot, self.columns, self.merged, self.first = slot, {}, 0, seq

    def take(self, message):
        if message["type"] != "service_windows":
            return
        same(message["slot"], self.slot, "slot")
        for name, values in message["columns"].items():
            check(name.startswith("service."), name)
            same(len(values), len(message["seq"]), name)
            self.columns[name] = self.columns.get(name, 0) + sum(value or 0 for value in values)
        self.merged += message["missed"] > 0
        super().take(dict(message, type="windows"))

    def counts(self):
        return self.columns["service.requests"], self.columns["service.responses"], self.columns["service.status_2xx"]


def item_at(message, port):
    if message["type"] != "services":
        return None
    return next((item for item in message["items"] if item["role"] == "server" and item["port"] == port), None)


def service_at(ws, port, requests):
    """The service as it is listed when it has answered that many."""
    def found(message):
        item = item_at(message, port)
        return item and item["responses"] >= requests
    return item_at(ws.until(found, 10), port)


def measured(target):
    ws = join(target.where)
    probe = {probe["name"]: probe for probe in ws.until("status")["coverage"]["probes"]}["http"]
    if probe["state"] != "on":
        ws.close()
        raise Skip("HTTP is not measured: %s" % probe["reason"])
    return ws


@case("windows of a service add up to what its server counted, and to its history")
def test_service_windows(target):
    ws = measured(target)
    with Counted() as server, Counted() as other:
        server.ask(7)
        slot = service_at(ws, server.server_port, 7)["slot"]
        ws.say({"type": "subscribe", "rate_ms": 100})
        host = Follower(ws.until("windows")["seq"][-1])
        ws.say({"type": "watch", "slot": slot})
        asking = [threading.Thread(target=one.ask, args=(count,)) for one, count in ((server, 400), (other, 250), (server, 300))]
        for thread in asking:
            thread.start()
        first = ws.message()
        while first["type"] != "service_windows":
            host.take(first)
            first = ws.message()
        # They go beside those of the host: the first follows the windows that this client had before it watched.
        sums = Sums(first["seq"][0] - 1, slot)
        check(host.seq - 1 <= first["seq"][-1] <= host.seq, "windows of a service to %d, of the host to %d" % (first["seq"][-1], host.seq))
        sums.take(first)
        end = None
        while end is None or sums.seq < end or sums.seq != host.seq:
            message = ws.message(5)
            host.take(message)
            sums.take(message)
            item = item_at(message, server.server_port)
            if end is None and item and item["responses"] == 707:
                listed, end = item, host.seq + 3
        for thread in asking:
            thread.join()
        same(server.asked, 707, "what the server counted")
        same(sums.counts(), (700, 700, 700), "requests, responses, 2xx in windows")
        same((sums.missed, host.missed), (0, 0), "missed")
        same(sums.columns["service.duration.count"], 700, "durations")
        same((listed["requests"], listed["responses"]), (707, 707), "requests and responses of the service")

        now_ms = int(time.time() * 1000) + 1000
        ws.say({"type": "history", "id": 5, "slot": slot, "from_ms": now_ms - 600000, "to_ms": now_ms, "points": 700})
        history = ws.until("history")
        same((history["id"], history["slot"]), (5, slot), "id and slot")
        same(sum(history["columns"]["service.requests"]), 707, "requests in the history")
        same(sum(history["columns"]["service.response_bytes"]), server.sent_bytes, "bytes in the history")
        same(sum(sum(window[1::2]) for window in history["heat"]["service.duration"]), 707, "durations in the heatmap")
        check(not any(name.startswith("http.") for name in history["columns"]), "columns of the host")
        same(ws.hello["service_history"], [{"resolution_ms": 1000, "span_ms": 600000}], "service_history")
    ws.close()


@case("who watches nothing gets no windows of a service; an unknown one has no history")
def test_nobody(target):
    ws, idle = measured(target), join(target.where)
    with Counted() as server:
        server.ask(3)
        slot = service_at(ws, server.server_port, 3)["slot"]
        ws.say({"type": "watch", "slot": slot})
        ws.until("service_windows")
        ws.say({"type": "watch", "slot": None})
        ws.say({"type": "ping"})
        ws.until("pong")
        for stream in (ws, idle):
            for _ in range(4):
                stream.until(lambda m: m["type"] == "windows" or check(m["type"] != "service_windows", "windows for nobody"))
        now_ms = int(time.time() * 1000)
        ws.say({"type": "history", "id": 6, "slot": 127, "from_ms": now_ms - 1000, "to_ms": now_ms, "points": 5})
        same(ws.until(lambda m: m["type"] in ("error", "history"))["code"], "no_service")
    ws.close()
    idle.close()


@case("a slow client gets what it lost of a service in one merged window, and the sum is right", slow=True)
def test_slow(target):
    ws = measured(target)
    with Counted() as server:
        server.ask(1)
        slot = service_at(ws, server.server_port, 1)["slot"]
        ws.close()
        ws = join(target.where, receive_buffer=2048)
        ws.say({"type": "subscribe", "rate_ms": 100})
        ws.say({"type": "watch", "slot": slot})
        first = ws.until("service_windows")
        sums = Sums(first["seq"][0] - 1, slot)
        sums.take(first)
        before = sums.columns.get("service.requests", 0)
        deadline = time.monotonic() + 60
        asked = 1
        while not sums.merged:
            check(time.monotonic() < deadline, "nothing was merged in 60 s")
            # It reads nothing while the server is asked, and has much to read before it goes on.
            now_ms = int(time.time() * 1000)
            for i in range(4):
                ws.say({"type": "history", "id": i, "from_ms": now_ms - 600000, "to_ms": now_ms, "points": 2000})
            stall = time.monotonic() + 6
            while time.monotonic() < stall:
                server.ask(20)
                asked += 20
                time.sleep(0.1)  # reading nothing meanwhile is what is tested
            while sums.columns["service.responses"] < asked - 1 - before:
                sums.take(ws.message(10))
        same(server.asked, asked, "what the server counted")
        same(sums.columns["service.requests"], asked - 1, "requests in all windows, merged or not")
        check(sums.missed > 1, "%d windows merged" % sums.missed)
    ws.close()
