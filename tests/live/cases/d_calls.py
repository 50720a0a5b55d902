# SPDX-License-Identifier: GPL-2.0-only
"""Every way to read and to write that a server may use."""
import os
import socket

from cases.d_framing import asks, counted, exchange
from lib.report import case
from lib.wire import answer, ask


@case(unix=True)
def peek_before_reading(bench):
    """MSG_PEEK copies the same bytes again and again; they are one request."""
    def script(peer):
        for _ in range(3):
            for _ in range(4):
                if not peer.sock.recv(4096, socket.MSG_PEEK):
                    raise AssertionError('no request')
            peer.sock.recv(3, socket.MSG_PEEK)
            peer.head()
            peer.send(answer(200, b'peeked'))
    exchange(bench, script, asks(*[(ask('/peek'), b'peeked')] * 3), counted(200, 200, 200))


def read_with_recv(sock, count):
    return sock.recv(count)


def read_with_read(sock, count):
    return os.read(sock.fileno(), count)


def read_with_readv(sock, count):
    first, second = bytearray(7), bytearray(count)
    got = os.readv(sock.fileno(), [first, second])
    return bytes(first + second)[:got] if got > 7 else bytes(first[:got])


def read_with_recvmsg(sock, count):
    return sock.recvmsg(count)[0]


def read_with_recvmsg_into(sock, count):
    first, second = bytearray(20), bytearray(count)
    got = sock.recvmsg_into([first, second])[0]
    return bytes(first + second)[:got] if got > 20 else bytes(first[:got])


def write_with_send(sock, head, body):
    sock.send(head)
    sock.send(body)


def write_with_write(sock, head, body):
    os.write(sock.fileno(), head + body)


def write_with_writev(sock, head, body):
    os.writev(sock.fileno(), [head, body])


def write_with_writev_short(sock, head, body):
    os.writev(sock.fileno(), [head[:5], head[5:10], b'', head[10:], body])


def write_with_sendmsg(sock, head, body):
    sock.sendmsg([head, body])


def write_with_sendmsg_single(sock, head, body):
    sock.sendmsg([head + body])


def write_with_more(sock, head, body):
    sock.send(head, socket.MSG_MORE)
    sock.send(body)


READS = (read_with_recv, read_with_read, read_with_readv, read_with_recvmsg, read_with_recvmsg_into)
WRITES = (write_with_send, write_with_write, write_with_writev, write_with_writev_short, write_with_sendmsg,
          write_with_sendmsg_single, write_with_more)


@case(unix=True)
def every_system_call(bench):
    """Each way to read with each way to write."""
    head, body = b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n', b'called'
    turns = [(read, write) for read in READS for write in WRITES]

    def script(peer):
        peer.sock.setblocking(True)
        for read, write in turns:
            data = b''
            while not data.endswith(b'\r\n\r\n'):
                chunk = read(peer.sock, 4096)
                if not chunk:
                    raise EOFError('no request')
                data += chunk
            write(peer.sock, head, body)
            peer.received += len(data)
            peer.sent += len(head + body)
    exchange(bench, script, asks(*[(ask('/call'), b'called')] * len(turns)), counted(*[200] * len(turns)))
