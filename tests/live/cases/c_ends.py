# SPDX-License-Identifier: GPL-2.0-only
"""Clients that leave before, during and after the answer, resets, half-close, a killed server: exact numbers."""
import signal
import socket
import threading
import time

from lib.child import Child
from lib.report import case, equal, within
from lib.roles import await_books, find
from lib.snapshot import lost
from lib.wait import wait_until
from lib.wire import LIMIT_S, Peer, Server, answer, ask, connect, fresh_listener, port_of

BIG = 8 << 20


def serve(bench, script, client, **want):
    """One script for the server, one for the client; then the numbers."""
    with Server(script) as server:
        client(server.port)
        server.close()
        return bench.rq.expect(server.port, **want)


def send_all(peer, *parts):
    """Whether all could be handed over."""
    try:
        peer.send(*parts)
        return True
    except OSError:
        return False


@case(unix=True)
def leave_inside_a_head(bench):
    before = bench.rq.settled()

    def script(peer):
        peer.gone()

    def client(port):
        for data in (b'GET /half HTTP/1.1\r\nHost: t\r\n', b'POST /half HTTP/1.1\r\nContent-Le'):
            peer = connect(port)
            peer.send(data)
            peer.half_close()
            peer.gone()
            peer.close()
    serve(bench, script, client, requests=0, responses=0, aborted=0, in_flight=0)
    after = bench.rq.settled()
    within(lost(after, 'partial_heads') - lost(before, 'partial_heads'), 2, 1e9, 'partial heads')


@case(unix=True)
def leave_before_the_answer(bench):
    """The server sees that its client has left and closes without a word: by FIN, then by RST."""
    read = threading.Semaphore(0)

    def script(peer):
        peer.head()
        read.release()
        peer.gone()

    def client(port):
        for leave in (Peer.close, Peer.reset):
            for _ in range(3):
                peer = connect(port)
                peer.send(ask('/leave'))
                read.acquire(timeout=LIMIT_S)
                leave(peer)
    serve(bench, script, client, requests=6, responses=0, aborted=6, in_flight=0, status={})


@case(unix=True)
def leave_before_the_request_is_read(bench):
    """By FIN: the server reads it, sees the end and closes: aborted."""
    left = threading.Semaphore(0)

    def script(peer):
        left.acquire(timeout=LIMIT_S)
        peer.head()
        peer.gone()

    def client(port):
        for _ in range(3):
            peer = connect(port)
            peer.send(ask('/early'))
            peer.close()
            left.release()
    serve(bench, script, client, requests=3, responses=0, aborted=3, in_flight=0, status={})


@case()
def reset_before_the_request_is_read(bench):
    """The kernel still gives the request to the process, on a connection that has ended: counted as aborted or not at all."""
    def script(peer):
        wait_until(lambda: peer.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), LIMIT_S, 'the reset')
        peer.gone()

    with Server(script) as server:
        for _ in range(3):
            peer = connect(server.port)
            peer.send(ask('/early'))
            peer.reset()
        server.close()
        bench.rq.expect(server.port, responses=0, in_flight=0, status={})
        books = bench.rq.books(server.port)
        bench.say(books.line())
        equal(books.requests, books.aborted, 'requests')


@case()
def leave_before_the_answer_unseen(bench):
    """The client has closed; the server doesn't look and its kernel takes the whole answer: completed."""
    def script(peer):
        peer.head()
        wait_until(lambda: peer.sock.recv(1, socket.MSG_PEEK) == b'', LIMIT_S, 'the client to leave')
        if not send_all(peer, answer(200, b'late')):
            raise AssertionError('the answer was refused')

    def client(port):
        for _ in range(3):
            peer = connect(port)
            peer.send(ask('/unseen'))
            peer.close()
    serve(bench, script, client, requests=3, responses=3, aborted=0, in_flight=0, status={200: 3})


@case()
def answer_after_a_reset(bench):
    """The client has reset; the server tries to answer all the same, and its kernel refuses: aborted."""
    results = []
    read = threading.Semaphore(0)

    def script(peer):
        peer.head()
        read.release()
        wait_until(lambda: peer.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), LIMIT_S, 'the reset')
        results.append(send_all(peer, answer(200, b'late')))

    def client(port):
        for _ in range(3):
            peer = connect(port)
            peer.send(ask('/reset'))
            read.acquire(timeout=LIMIT_S)
            peer.reset()
    serve(bench, script, client, requests=3, responses=0, aborted=3, in_flight=0, status={})
    if any(results):
        raise AssertionError('the script is wrong: an answer was taken')


@case(unix=True)
def leave_during_the_answer(bench):
    """A body that can't fit in any buffer, and a client that goes away in the middle of it."""
    results = []

    def script(peer):
        peer.head()
        results.append(send_all(peer, answer(200, b'x' * BIG)))

    def client(port):
        for leave in (Peer.close, Peer.reset):
            for _ in range(3):
                peer = connect(port)
                peer.send(ask('/big'))
                peer.exactly(100000)
                leave(peer)
    serve(bench, script, client, requests=6, responses=0, aborted=6, in_flight=0, status={})
    if any(results):
        raise AssertionError('the script is wrong: a whole answer was taken')


@case(unix=True)
def leave_between_parts(bench):
    """The client leaves after the first part; the parts after the reset are refused."""
    results = []

    def script(peer):
        peer.head()
        peer.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
        peer.gone()
        results.append(send_all(peer, b'6\r\nsecond\r\n') and send_all(peer, b'0\r\n\r\n'))

    def client(port):
        for _ in range(3):
            peer = connect(port)
            peer.send(ask('/parts'))
            peer.until(b'first')
            peer.reset()
    serve(bench, script, client, requests=3, responses=0, aborted=3, in_flight=0, status={})
    if any(results):
        raise AssertionError('the script is wrong: the rest was taken')


@case(unix=True)
def leave_after_the_answer(bench):
    def script(peer):
        while True:
            try:
                peer.head()
            except (EOFError, OSError):
                return
            peer.send(answer(200, b'done'))

    def client(port):
        for leave in (Peer.close, Peer.reset):
            for _ in range(3):
                peer = connect(port)
                peer.send(ask())
                peer.until(b'done')
                leave(peer)
    serve(bench, script, client, requests=6, responses=6, aborted=0, in_flight=0, status={200: 6})


@case(unix=True)
def half_close_then_read(bench):
    """A client that says at once that it has no more to ask still wants its answer."""
    def script(peer):
        peer.head()
        if peer.take():
            raise AssertionError('more than a request')
        peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', b'half')
        time.sleep(0.02)
        peer.send(b' open')

    def client(port):
        for _ in range(3):
            peer = connect(port)
            peer.send(ask())
            peer.half_close()
            if not peer.rest().endswith(b'half open'):
                raise AssertionError('the answer is not whole')
            peer.close()
    serve(bench, script, client, requests=3, responses=3, aborted=0, in_flight=0, status={200: 3})


@case()
def until_close(bench):
    """A body without length ends in order when the server closes, and is aborted when it resets."""
    def script(peer):
        path = peer.head().split()[1]
        peer.send(b'HTTP/1.0 200 OK\r\n\r\n', b'some', b'more')
        if path == b'/reset':
            peer.reset()

    def client(port):
        for path in ('/close', '/close', '/reset'):
            peer = connect(port)
            peer.send(f'GET {path} HTTP/1.0\r\n\r\n'.encode())
            peer.gone()
            peer.close()
    serve(bench, script, client, requests=3, responses=2, aborted=1, in_flight=0, status={200: 2})


@case()
def client_leaves_inside_a_body_without_length(bench):
    """Only its sender can say that it is over: in neither role is there a response."""
    def script(peer):
        peer.head()
        peer.send(b'HTTP/1.0 200 OK\r\n\r\n', b'some')
        peer.gone()
        peer.reset()

    with Server(script) as server:
        for _ in range(2):
            peer = connect(server.port)
            peer.send(b'GET / HTTP/1.0\r\n\r\n')
            peer.until(b'some')
            peer.close()
        server.close()

        def met(document):
            for role in ('server', 'client'):
                found = find(document, role, server.port)
                equal([(item['requests'], item['responses'], item['aborted'], item['in_flight']) for item in found], [(2, 0, 2, 0)],
                      f'requests, responses, aborted, in flight of the {role}')
            return True
        await_books(bench.rq, met, 'both roles agree')


@case(unix=True)
def answer_before_the_request_is_all_sent(bench):
    """A client that still sends while another of its threads reads the answer; what follows is not taken for it."""
    read = threading.Event()

    def script(peer):
        peer.head(step=20)
        peer.send(answer(413, b'too much'))
        read.wait(LIMIT_S)
        peer.exactly(8 << 20)
        peer.head()
        peer.send(answer(200, b'next'))
        peer.gone()
    with Server(script) as server:
        peer = connect(server.port)
        peer.sock.settimeout(None)
        request = ask('/big', 'POST', body=b'x' * (8 << 20))
        sender = threading.Thread(target=lambda: peer.sock.sendall(request))
        sender.start()
        peer.until(b'too much')
        read.set()
        sender.join(LIMIT_S)
        peer.send(ask('/next'))
        peer.until(b'next')

        def met(document):
            for role in ('server', 'client'):
                found = find(document, role, server.port)
                equal([(item['requests'], item['responses'], item['aborted'], item['in_flight']) for item in found], [(2, 2, 0, 0)],
                      f'{role}: requests, responses, aborted, in flight')
            return True
        await_books(bench.rq, met, 'both roles agree')
        peer.close()


@case(unix=True)
def server_closes_without_an_answer(bench):
    def script(peer):
        path = peer.head().split()[1]
        if path == b'/part':
            peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n', b'not all')
        if path == b'/reset':
            peer.reset()

    def client(port):
        for path in ('/nothing', '/part', '/reset'):
            peer = connect(port)
            peer.send(ask(path))
            peer.gone()
            peer.close()
    serve(bench, script, client, requests=3, responses=0, aborted=3, in_flight=0, status={})


@case(unix=True)
def in_flight_while_open(bench):
    """Requests are in flight while they wait, and an answer or an end takes them out."""
    with Server(lambda peer: (peer.head(), peer.take(), peer.send(answer(200, b'ok')))) as server:
        peers = [connect(server.port) for _ in range(4)]
        for peer in peers:
            peer.send(ask('/open'))
        bench.rq.expect(server.port, requests=4, responses=0, aborted=0, in_flight=4)
        for peer in peers:
            peer.half_close()
            peer.rest()
            peer.close()
        bench.rq.expect(server.port, requests=4, responses=4, aborted=0, in_flight=0)


@case(unix=True)
def killed_server(bench):
    """SIGKILL with three requests open and two answered."""
    def serve_two(tell):
        listener = fresh_listener()
        tell(port_of(listener))
        peers = []
        for i in range(5):
            peers.append(Peer(listener.accept()[0]))
            peers[-1].head()
            if i < 2:
                peers[-1].send(answer(200, b'ok'))
        tell('five')
        signal.pause()
    with Child(serve_two) as child:
        port = child.hear()
        peers = []
        for i in range(5):
            peers.append(connect(port))
            peers[-1].send(ask(f'/{i}'))
        child.hear()
        bench.rq.expect(port, requests=5, responses=2, aborted=0, in_flight=3)
        child.kill()
        child.wait()
        for peer in peers:
            peer.gone()
            peer.close()
        bench.rq.expect(port, requests=5, responses=2, aborted=3, in_flight=0, status={200: 2})


@case(unix=True)
def killed_client(bench):
    """A client that is killed while it waits; the server sees the end of the connection."""
    def script(peer):
        peer.head()
        peer.gone()
    with Server(script) as server:
        def ask_and_wait(tell):
            peers = [connect(server.port) for _ in range(3)]
            for peer in peers:
                peer.send(ask('/killed'))
            tell('asked')
            signal.pause()
        with Child(ask_and_wait) as child:
            child.hear()
            bench.rq.expect(server.port, requests=3, in_flight=3)
        server.close()
        bench.rq.expect(server.port, requests=3, responses=0, aborted=3, in_flight=0)
