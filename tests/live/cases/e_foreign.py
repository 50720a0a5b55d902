# SPDX-License-Identifier: GPL-2.0-only
"""Traffic that isn't HTTP never counts as anything."""
import os

from lib.report import case, equal, within
from lib.snapshot import services_at
from lib.wire import Server, answer, ask, connect

CLIENT_HELLO = bytes.fromhex('160301007b010000770303') + bytes(range(32)) + bytes.fromhex('00') + \
    bytes.fromhex('0008130113021303c02f0100') + bytes.fromhex('0046') + b'\0' * 70
SERVER_HELLO = bytes.fromhex('160303004a020000460303') + bytes(range(32)) + b'\0' * 38
TLS_DATA = bytes.fromhex('1703030040') + b'\x5a' * 64


def talk(bench, turns, first='client'):
    """Both ends say these things in turn. Returns the snapshots before and after and the port."""
    before = bench.rq.settled()
    mine = {'client': 0, 'server': 1}[first]

    def side(peer, parity):
        for i, data in enumerate(turns):
            if i % 2 == parity:
                peer.send(data)
            else:
                peer.exactly(len(data))
    with Server(lambda peer: side(peer, 1 - mine)) as server:
        peer = connect(server.port)
        side(peer, mine)
        peer.close()
        server.close()
        return before, bench.rq.settled(), server.port


def nothing(bench, turns, first='client'):
    _, after, port = talk(bench, turns, first)
    for service in services_at(after, port):
        equal((service['requests'], service['responses'], service['upgrades'], service['aborted'], service['in_flight']),
              (0, 0, 0, 0, 0), f'counts of traffic that is not HTTP ({turns[0][:12]!r})')


@case(unix=True)
def foreign_protocols(bench):
    nothing(bench, [b'SSH-2.0-OpenSSH_9.2p1\r\n', b'SSH-2.0-OpenSSH_9.6\r\n', b'\0\0\5\xdc\x06\x14' + os.urandom(300)],
            first='server')
    nothing(bench, [b'*1\r\n$4\r\nPING\r\n', b'+PONG\r\n'] * 5)
    nothing(bench, [b'PING\r\n', b'+PONG\r\n'] * 5)
    nothing(bench, [b'\0\0\0\x08\x04\xd2\x16\x2f', b'N', b'\0\0\0\x2b\0\3\0\0user\0me\0database\0me\0\0', b'R\0\0\0\x08\0\0\0\0'])
    nothing(bench, [b'get foo\r\n', b'END\r\n', b'set k 0 0 5\r\nhello\r\n', b'STORED\r\n'])
    nothing(bench, [b'220 mail ESMTP\r\n', b'EHLO t\r\n', b'250 OK\r\n', b'QUIT\r\n'], first='server')
    nothing(bench, [b'\0', b'\0'] * 20)


@case(unix=True)
def foreign_that_begins_like_http(bench):
    """The first bytes look like a head, the rest is garbage."""
    for start in (b'GET ', b'POST ', b'HTTP/', b'HTTP/1.1 200 OK\r\n', b'GET / HTTP/9.9\r\n\r\n', b'GET / FTP/1.1\r\n\r\n', b'G'):
        nothing(bench, [start + b'\0\xff\x80' + os.urandom(400), b'HTTP/' + b'\xfe' + os.urandom(300)] * 3)
    nothing(bench, [b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'])


@case(unix=True)
def http_behind_foreign_bytes(bench):
    """A connection that began with something else stays what it is, even if a head comes along."""
    nothing(bench, [b'\x01\x02\x03\x04', b'\x05\x06', ask('/hidden'), answer(200, b'hidden'), ask('/hidden'),
                    answer(500, b'hidden')])


@case(unix=True)
def endless_head(bench):
    """A head that never ends, far beyond any limit, is not a request."""
    nothing(bench, [b'GET / HTTP/1.1\r\n' + b'X: ' + b'y' * 300000, b'bye'])


@case(unix=True)
def tls_is_recognised(bench):
    def count(document):
        return document['coverage']['connections']['tls']
    deltas = 0
    for _ in range(3):
        before, after, port = talk(bench, [CLIENT_HELLO, SERVER_HELLO, TLS_DATA, TLS_DATA])
        for service in services_at(after, port):
            equal(service['requests'], 0, 'requests in TLS')
        deltas += count(after) - count(before)
    bench.say(f'3 TLS connections, counted: {deltas}')
    within(deltas, 3, 1e6, 'TLS connections')
