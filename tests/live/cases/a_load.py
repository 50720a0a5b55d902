# SPDX-License-Identifier: GPL-2.0-only
"""Counts under load are exactly the server's own."""
import os
import socket

from lib.load import Nginx, UringServer, Wrk, connect_client
from lib.report import Skip, case, equal
from lib.snapshot import lost
from lib.wire import connect


def watched(bench, nginx, action):
    """Runs action between two readings of nginx's own counter; returns its result and the service's books."""
    before = bench.rq.settled()
    first = nginx.status()['requests']
    result = action()
    last = nginx.status()['requests']
    own = last - first + 1  # the first reading counted itself before it was given
    service = bench.rq.expect(nginx.port, before, requests=own, in_flight=0)
    equal(service['name'], 'nginx', 'name of the service')
    books = bench.rq.books(nginx.port, before)
    bench.say(f'nginx says {own}; {books.line()}')
    equal(sum(books.status.values()), books.responses, 'sum of status')
    return result, books


@case(limit_s=60)
def nginx_under_wrk(bench):
    with Nginx() as nginx:
        done, books = watched(bench, nginx, lambda: Wrk(nginx.port, connections=64, seconds=10).wait())
        bench.say(f'wrk: {done["completed"]} completed, {done["rate"]:.0f} requests/s, {done["errors"]}')
        equal(list(books.status), [200], 'status codes')
        if not done['completed'] + 2 <= books.responses <= done['completed'] + 2 + 64:
            raise AssertionError(f'{books.responses} responses, wrk completed {done["completed"]}')
        equal(books.requests, books.responses + books.aborted, 'requests')


@case()
def nginx_new_connection_each(bench):
    with Nginx() as nginx:
        done, books = watched(bench, nginx, lambda: connect_client(nginx.port, 16, 500, '/hello'))
        equal(done['completed'], 8000, 'completed by the client')
        equal((books.requests, books.responses, books.aborted), (8002, 8002, 0), 'requests, responses, aborted')


@case()
def nginx_big_file_by_sendfile(bench):
    with Nginx() as nginx:
        with open(os.path.join(nginx.files, 'big'), 'wb') as file:
            file.write(os.urandom(1 << 20))
        before = bench.rq.settled()
        done = connect_client(nginx.port, 8, 25, '/big')
        equal(done['completed'], 200, 'completed by the client')
        bench.rq.expect(nginx.port, before, requests=200, responses=200, aborted=0, status={200: 200},
                        response_bytes=done['bytes'], request_bytes=200 * len('GET /big HTTP/1.1\r\nHost: t\r\n'
                                                                             'Connection: close\r\n\r\n'))
        bench.say(f'{done["bytes"]} bytes in 200 responses')


@case()
def nginx_big_file_slow_reader(bench):
    """A client that reads little by little: the server's socket is full most of the time."""
    with Nginx() as nginx:
        with open(os.path.join(nginx.files, 'big'), 'wb') as file:
            file.write(os.urandom(6 << 20))
        before = bench.rq.settled()
        got = 0
        for _ in range(3):
            peer = connect(nginx.port)
            peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            peer.send(b'GET /big HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n')
            while peer.take(20000):
                pass
            got += peer.received
            peer.close()
        bench.rq.expect(nginx.port, before, requests=3, responses=3, aborted=0, status={200: 3}, response_bytes=got)


@case()
def io_uring_server(bench):
    with UringServer() as server:
        if server.unavailable:
            raise Skip(f'io_uring is not available: {server.unavailable}')
        before = bench.rq.settled()
        done = Wrk(server.port, connections=32, seconds=4).wait()
        own = server.close()
        if bench.tap == 'A':
            bench.rq.expect(server.port, before, requests=own['requests'], in_flight=0,
                            request_bytes=own['request_bytes'])
            books = bench.rq.books(server.port, before)
            bench.say(f'the server says {own}; {books.line()}')
            equal(list(books.status), [200], 'status codes')
            if not own['responses'] <= books.responses <= own['requests']:
                raise AssertionError(f'{books.responses} responses, the server says {own["responses"]}')
            return
        after = bench.rq.settled()
        books = bench.rq.books(server.port, before)
        bench.say(f'the server says {own["requests"]} (wrk {done["completed"]}); tap {bench.tap} can not read them: '
                  f'{lost(after, "unparsed") - lost(before, "unparsed")} unparsed')
        equal((books.requests, books.responses, books.upgrades, books.aborted), (0, 0, 0, 0), 'counts of what can not be read')
