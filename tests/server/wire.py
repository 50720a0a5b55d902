# SPDX-License-Identifier: GPL-2.0-only
"""Raw HTTP/1 and WebSocket over a socket: sends what a test says, however wrong, and reads strictly."""
import base64
import hashlib
import json
import os
import select
import socket
import struct
import time


class Closed(Exception):
    """The server has closed the connection."""


class Where:
    """The server under test: how to connect, its token and what Host to send."""

    def __init__(self, host=None, port=None, unix=None, token=None):
        self.host, self.port, self.unix, self.token = host, port, unix, token
        self.authority = "localhost" if unix else ("[%s]:%d" if ":" in host else "%s:%d") % (host, port)

    def connect(self, timeout=5.0, receive_buffer=None):
        if self.unix:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect(self.unix or (self.host, self.port))
        return sock


class Reply:
    def __init__(self, status, fields, body, closed):
        self.status, self.fields, self.body, self.closed = status, fields, body, closed

    def get(self, name):
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return ", ".join(values) if values else None


class Http:
    """One connection; requests may be pipelined."""

    def __init__(self, where, timeout=5.0):
        self.where, self.sock, self.data = where, where.connect(timeout), b""

    def send(self, data):
        self.sock.sendall(data)

    def more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed()
        self.data += data

    def reply(self, head_only=False):
        while b"\r\n\r\n" not in self.data:
            self.more()
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        version, status = lines[0].split(" ", 2)[:2]
        assert version == "HTTP/1.1", lines[0]
        fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
        reply = Reply(int(status), fields, b"", False)
        length = reply.get("Content-Length")
        if not head_only and reply.status not in (101, 304):
            while len(self.data) < int(length):
                self.more()
            reply.body, self.data = self.data[:int(length)], self.data[int(length):]
        return reply

    def at_end(self, timeout):
        """Whether the server closes within the time, saying nothing more."""
        self.sock.settimeout(timeout)
        try:
            self.more()
            return False
        except Closed:
            return True
        except socket.timeout:
            return False

    def close(self):
        self.sock.close()


def request(where, method="GET", path="/", host=True, fields=(), version="HTTP/1.1", body=b""):
    """The bytes of a request. host: True for the right one, None for none, or its value."""
    lines = ["%s %s %s" % (method, path, version)]
    if host is not None:
        lines.append("Host: " + (where.authority if host is True else host))
    lines += ["%s: %s" % field for field in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def ask(where, data, head_only=False, timeout=5.0):
    """Send bytes on a connection of their own and read one reply."""
    http = Http(where, timeout)
    try:
        http.send(data)
        return http.reply(head_only)
    finally:
        http.close()


def handshake_fields(where, token=True, drop=(), **change):
    """Fields of a right handshake, some left out, some changed (name with _ for -) or added."""
    protocols = "rqscope.v1"
    if token and where.token:
        protocols += ", rqscope.token." + (where.token if token is True else token)
    fields = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Protocol": protocols}
    for name, value in change.items():
        fields[name.replace("_", "-")] = value
    return [(name, value) for name, value in fields.items() if name not in drop]


class WebSocket:
    """A client that reads nothing by itself."""

    def __init__(self, where, timeout=5.0, receive_buffer=None, fields=None, early=b""):
        fields = handshake_fields(where) if fields is None else fields
        self.sock = where.connect(timeout, receive_buffer)
        self.timeout = timeout
        self.data = b""
        self.close_code = None
        self.parts = b""
        self.pongs = []
        self.pings = 0
        self.sock.sendall(request(where, path="/api/v1/stream", fields=fields) + early)
        while b"\r\n\r\n" not in self.data:
            self._more(time.monotonic() + timeout)
        head, self.data = self.data.split(b"\r\n\r\n", 1)
        self.head = head.decode("latin-1")
        assert self.head.startswith("HTTP/1.1 101 "), self.head.split("\r\n")[0]
        key = dict(fields)["Sec-WebSocket-Key"]
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        lower = self.head.lower()
        assert ("sec-websocket-accept: " + base64.b64encode(digest).decode().lower()) in lower, self.head
        assert "sec-websocket-protocol: rqscope.v1" in lower and "rqscope.token" not in lower, self.head
        assert "sec-websocket-extensions" not in lower, self.head

    def fileno(self):
        return self.sock.fileno()

    def _more(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.sock], [], [], left)[0]:
            raise TimeoutError("nothing came")
        try:
            data = self.sock.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed()
        self.data += data

    def frame(self, deadline):
        """The next frame: (fin, opcode, payload)."""
        while True:
            if len(self.data) >= 2:
                first, second = self.data[0], self.data[1]
                assert not first & 0x70 and not second & 0x80, "reserved bits or a mask from the server"
                length, at = second & 0x7F, 2
                if length == 126 and len(self.data) >= 4:
                    length, at = struct.unpack(">H", self.data[2:4])[0], 4
                elif length == 127 and len(self.data) >= 10:
                    length, at = struct.unpack(">Q", self.data[2:10])[0], 10
                elif length > 125:
                    length = None
                if length is not None and len(self.data) >= at + length:
                    payload, self.data = self.data[at:at + length], self.data[at + length:]
                    return bool(first & 0x80), first & 0x0F, payload
            self._more(deadline)

    def message(self, timeout=None):
        """The next message, decoded; pings are answered, a close raises Closed."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            fin, opcode, payload = self.frame(deadline)
            if opcode == 9:
                self.pings += 1
                self.send_frame(payload, opcode=10)
            elif opcode == 10:
                self.pongs.append(payload)
            elif opcode == 8:
                self.close_code = struct.unpack(">H", payload[:2])[0] if len(payload) >= 2 else None
                raise Closed()
            else:
                assert (opcode == 0) == bool(self.parts), "a continuation out of place"
                self.parts += payload
                if fin:
                    text, self.parts = self.parts.decode("utf-8"), b""
                    return json.loads(text)

    def until(self, wanted, timeout=5.0):
        """Read on to a message of that type (or that a function likes)."""
        deadline = time.monotonic() + timeout
        while True:
            message = self.message(max(0.0, deadline - time.monotonic()))
            if message["type"] == wanted if isinstance(wanted, str) else wanted(message):
                return message

    def send_frame(self, payload, opcode=1, fin=True, mask=True, length=None, reserved=0):
        head = bytes([(0x80 if fin else 0) | reserved | opcode])
        size = len(payload) if length is None else length
        bit = 0x80 if mask else 0
        if size < 126:
            head += bytes([bit | size])
        elif size < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", size)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", size)
        if mask:
            key = os.urandom(4)
            payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
            head += key
        self.sock.sendall(head + payload)

    def say(self, message):
        self.send_frame(message if isinstance(message, bytes) else json.dumps(message).encode())

    def reset(self):
        """Leave with a reset instead of a close."""
        if self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def join(where, limit=5.0, **how):
    """A WebSocket that has been greeted; waits for the place of a client that has just left. See its .hello."""
    deadline = time.monotonic() + limit
    while True:
        ws = WebSocket(where, **how)
        ws.hello = ws.message()
        if ws.hello["type"] == "hello":
            return ws
        ws.close()
        if time.monotonic() > deadline:
            raise AssertionError("no place became free: %r" % ws.hello)
        time.sleep(0.02)
