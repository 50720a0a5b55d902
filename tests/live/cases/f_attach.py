# SPDX-License-Identifier: GPL-2.0-only
"""Connections that were open before rqscope started."""
import threading

from lib.report import case, equal, within
from lib.snapshot import lost, service_at
from lib.wire import LIMIT_S, Server, answer, ask, connect, echo


@case(unix=True)
def joined_at_the_next_request(bench):
    """Idle keep-alive connections: each request after the start counts."""
    with Server(echo) as server:
        peers = [connect(server.port) for _ in range(3)]
        for peer in peers:
            peer.send(ask('/before'))
            peer.until(b'echo')
        rq = bench.start()
        try:
            for peer in peers:
                for _ in range(2):
                    peer.send(ask('/after'))
                    peer.until(b'echo')
            rq.expect(server.port, requests=6, responses=6, aborted=0, in_flight=0, status={200: 6})
            for peer in peers:
                peer.close()
            rq.expect(server.port, requests=6, responses=6, aborted=0, in_flight=0)
        finally:
            rq.stop()


@case(unix=True)
def never_used_connection(bench):
    """Opened before the start, first request after it."""
    with Server(echo) as server:
        peer = connect(server.port)
        rq = bench.start()
        try:
            peer.send(ask('/first'))
            peer.until(b'echo')
            rq.expect(server.port, requests=1, responses=1, aborted=0, in_flight=0, status={200: 1})
            peer.close()
        finally:
            rq.stop()


@case(unix=True)
def answer_to_a_request_from_before(bench):
    """It is unmatched, no request and no response; what follows on the connection counts."""
    read, go = threading.Event(), threading.Event()
    with Server(lambda peer: echo(peer, read, go)) as server:
        peer = connect(server.port)
        peer.send(ask('/wait'))
        if not read.wait(LIMIT_S):
            raise AssertionError('the request was not read')
        rq = bench.start()
        try:
            before = rq.settled()
            go.set()
            peer.until(b'echo')
            after = rq.settled()
            service = service_at(after, server.port)
            if service:
                equal((service['requests'], service['responses'], service['aborted'], service['in_flight']), (0, 0, 0, 0),
                      'counts')
            within(lost(after, 'unmatched') - lost(before, 'unmatched'), 1, 1e6, 'unmatched')
            peer.send(ask('/after'))
            peer.until(b'echo')
            rq.expect(server.port, requests=1, responses=1, aborted=0, in_flight=0, status={200: 1})
            peer.close()
        finally:
            rq.stop()


@case(unix=True)
def start_inside_a_body(bench):
    """rqscope starts in the middle of a request's and of a response's body; both are joined afterwards."""
    attached = threading.Event()

    def script(peer):
        peer.head()
        peer.exactly(2000)
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n', b'r' * 1000)
        attached.wait(LIMIT_S)
        peer.send(b's' * 1000)
        peer.head()
        peer.send(answer(404, b'after'))
    with Server(script) as server:
        down = connect(server.port)
        down.send(b'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2000\r\n\r\n', b'q' * 2000)
        down.until(b'r' * 1000)
        up = connect(server.port)
        up.send(b'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2000\r\n\r\n', b'q' * 1000)
        rq = bench.start()
        try:
            up.send(b'q' * 1000)
            up.until(b'r' * 1000)
            attached.set()
            for peer in (up, down):
                peer.until(b's' * 1000)
                peer.send(ask('/after'))
                peer.until(b'after')
            rq.expect(server.port, requests=2, responses=2, aborted=0, in_flight=0, status={404: 2})
            up.close()
            down.close()
        finally:
            rq.stop()
