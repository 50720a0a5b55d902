# SPDX-License-Identifier: GPL-2.0-only
"""wire - plain TCP or a Unix stream socket, byte for byte: one end of a connection, and a server that runs a script on each.

A port is a number, or the path of a Unix socket; within over_unix() whoever asks for the usual gets the latter.
"""
import contextlib
import os
import select
import socket
import shutil
import struct
import tempfile
import threading

LIMIT_S = 15


class Peer:
    """One end of a connection. Counts what it handed over and what it took."""

    def __init__(self, sock):
        self.sock = sock
        self.sent = self.received = 0
        self.ahead = b''
        sock.settimeout(LIMIT_S)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, *parts):
        """Each part is a send of its own."""
        for part in parts:
            self.sock.sendall(part)
            self.sent += len(part)

    def send_bytes(self, data):
        """One byte a send."""
        for i in range(len(data)):
            self.send(data[i:i + 1])

    def take(self, limit=65536):
        """What recv() gives; b'' at the end."""
        if self.ahead:
            data, self.ahead = self.ahead[:limit], self.ahead[limit:]
            return data
        data = self.sock.recv(limit)
        self.received += len(data)
        return data

    def until(self, mark, step=65536):
        """All up to and with mark; EOFError when the other end leaves before."""
        data = b''
        while mark not in data:
            chunk = self.take(step)
            if not chunk:
                raise EOFError(f'end after {data[-80:]!r}')
            data += chunk
        cut = data.index(mark) + len(mark)
        self.ahead = data[cut:] + self.ahead
        return data[:cut]

    def head(self, step=65536):
        return self.until(b'\r\n\r\n', step)

    def exactly(self, count):
        data = b''
        while len(data) < count:
            chunk = self.take(min(65536, count - len(data)))
            if not chunk:
                raise EOFError(f'end after {len(data)} of {count} bytes')
            data += chunk
        return data

    def rest(self):
        """All until the other end closes in order."""
        data = b''
        while True:
            chunk = self.take()
            if not chunk:
                return data
            data += chunk

    def gone(self):
        """Waits until the other end has left, in whatever way; drops what it still sends."""
        try:
            self.rest()
        except OSError:
            pass

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Leaves with a RST; a Unix socket has none."""
        if self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def connect(port, host='127.0.0.1', family=socket.AF_INET):
    unix = isinstance(port, str)
    sock = socket.socket(socket.AF_UNIX if unix else family, socket.SOCK_STREAM)
    sock.settimeout(LIMIT_S)
    sock.connect(port if unix else (host, port))
    return Peer(sock)


_ports = set()
_unix_dir = None  # where Unix sockets are made; None: TCP is the usual


@contextlib.contextmanager
def over_unix():
    """Within it servers listen on Unix sockets."""
    global _unix_dir
    _unix_dir = tempfile.mkdtemp(prefix='rqscope-unix-')
    try:
        yield
    finally:
        shutil.rmtree(_unix_dir, ignore_errors=True)
        _unix_dir = None


def unix_listener(path, backlog=128):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(backlog)
    return listener


def port_of(listener):
    """A number, or the path of a Unix socket."""
    name = listener.getsockname()
    return name if listener.family == socket.AF_UNIX else name[1]


def fresh_listener(host='127.0.0.1', family=socket.AF_INET, backlog=128):
    """On a port that no server of this process had before: a service is known by its port, and what it counts stays."""
    if _unix_dir and family == socket.AF_INET:
        return unix_listener(f'{_unix_dir}/{os.urandom(4).hex()}.sock', backlog)
    for _ in range(1000):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.bind((host, 0))
        port = listener.getsockname()[1]
        if port not in _ports:
            _ports.add(port)
            listener.listen(backlog)
            return listener
        listener.close()
    raise AssertionError('no port is left that no server had before')


class Server:
    """Runs script(peer) on a thread for each connection; close() waits for all and raises what went wrong in one."""

    def __init__(self, script, host='127.0.0.1', family=socket.AF_INET, backlog=128):
        self.script = script
        self.errors = []
        self.threads = []
        self.sent = self.received = 0
        self.lock = threading.Lock()
        self.listener = fresh_listener(host, family, backlog)
        self.listener.setblocking(False)
        self.port = port_of(self.listener)
        self.last, self.last_told = os.pipe()
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def _accept(self):
        """Until close(), and then those that are still in the queue: closing the listener would reset them."""
        while True:
            ready, _, _ = select.select([self.listener, self.last], [], [])
            try:
                sock, _ = self.listener.accept()
            except BlockingIOError:
                if self.last in ready:
                    return
                continue
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, sock):
        peer = Peer(sock)
        try:
            self.script(peer)
        except Exception as error:  # told by close(), on the thread of the case
            self.errors.append(error)
        finally:
            peer.close()
            with self.lock:
                self.sent += peer.sent
                self.received += peer.received

    def close(self):
        if self.listener.fileno() >= 0:
            os.write(self.last_told, b'!')
            self.acceptor.join(LIMIT_S)
            self.listener.close()
            os.close(self.last)
            os.close(self.last_told)
        for thread in self.threads:
            thread.join(LIMIT_S)
            if thread.is_alive():
                raise AssertionError('a server script does not end')
        if self.errors:
            raise AssertionError(f'server script: {type(self.errors[0]).__name__}: {self.errors[0]}')

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            self.close()
        except AssertionError:
            if kind is None:
                raise


def answer(status=200, body=b'', reason='X', extra=''):
    """A whole response with Content-Length."""
    return (f'HTTP/1.1 {status} {reason}\r\nContent-Length: {len(body)}\r\n{extra}\r\n').encode() + body


def ask(path='/', method='GET', extra='', body=b''):
    """A whole request, with Content-Length where it has a body."""
    length = f'Content-Length: {len(body)}\r\n' if body else ''
    return f'{method} {path} HTTP/1.1\r\nHost: t\r\n{length}{extra}\r\n'.encode() + body


def echo(peer, read=None, go=None, limit_s=LIMIT_S):
    """A server's script: answers each head with 200; /wait only once it is told to, after it has told that it was read."""
    peer.sock.settimeout(limit_s)
    while True:
        try:
            path = peer.head().split()[1]
        except (EOFError, OSError):
            return
        if path == b'/wait':
            read.set()
            go.wait(limit_s)
        peer.send(answer(200, b'echo'))
