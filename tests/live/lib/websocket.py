# SPDX-License-Identifier: GPL-2.0-only
"""websocket - a minimal client of docs/protocol.md: text messages in, small ones out."""
import base64
import hashlib
import json
import os
import socket
import struct

MAGIC = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Stream:
    """Connected to /api/v1/stream; receive() gives one message after the other as a dictionary."""

    def __init__(self, port, token, limit_s=10):
        self.sock = socket.create_connection(('127.0.0.1', port), limit_s)
        self.buffer = b''
        key = base64.b64encode(os.urandom(16))
        self.sock.sendall(b'\r\n'.join((
            b'GET /api/v1/stream HTTP/1.1', b'Host: 127.0.0.1:%d' % port, b'Origin: http://127.0.0.1:%d' % port,
            b'Upgrade: websocket', b'Connection: Upgrade', b'Sec-WebSocket-Version: 13', b'Sec-WebSocket-Key: ' + key,
            b'Sec-WebSocket-Protocol: rqscope.v1, rqscope.token.' + token.encode(), b'', b'')))
        while b'\r\n\r\n' not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b'\r\n\r\n', 1)
        accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
        if b' 101 ' not in head.split(b'\r\n')[0] or accept not in head:
            raise AssertionError(f'WebSocket refused: {head[:200]!r}')

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise AssertionError('WebSocket: the server closed')
        self.buffer += data

    def _exactly(self, count):
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _frame(self):
        first, second = self._exactly(2)
        length = second & 127
        if length == 126:
            length, = struct.unpack('!H', self._exactly(2))
        elif length == 127:
            length, = struct.unpack('!Q', self._exactly(8))
        return first & 128, first & 15, self._exactly(length)

    def _write(self, opcode, data):
        mask = os.urandom(4)
        size = struct.pack('!BB', 128 | opcode, 128 | len(data)) if len(data) < 126 else \
            struct.pack('!BBH', 128 | opcode, 128 | 126, len(data))
        self.sock.sendall(size + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data)))

    def send(self, message):
        self._write(TEXT, json.dumps(message).encode())

    def receive(self):
        """The next message."""
        text = b''
        while True:
            final, opcode, data = self._frame()
            if opcode == CLOSE:
                raise AssertionError(f'WebSocket: the server said good-bye: {data[:100]!r}')
            if opcode == PING:
                self._write(PONG, data)
            elif opcode < 3:
                text += data
                if final:
                    return json.loads(text)

    def receive_type(self, kind):
        """The next message of a type; others are dropped."""
        while True:
            message = self.receive()
            if message['type'] == kind:
                return message

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
