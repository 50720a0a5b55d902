# SPDX-License-Identifier: GPL-2.0-only
"""What goes past the buffers of the process: sendfile, splice, MSG_ZEROCOPY; and what is held back, MSG_MORE."""
import os
import socket
import tempfile
import threading

from cases.d_framing import asks, counted, exchange
from lib.report import case, equal, within
from lib.roles import await_books, find
from lib.snapshot import lost
from lib.wire import LIMIT_S, Server, answer, ask, connect

SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000
BODY = b'without copies ' * 4000
HEAD = f'HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n'.encode()
LONG_ANSWER = answer(200, b'l' * 50000)
RUNS = 5
TURNS = [(ask('/body'), HEAD + BODY)] * RUNS


def file_of(data):
    file = tempfile.TemporaryFile()
    file.write(data)
    file.flush()
    return file


def sent_by_file(peer, file, size, count=1 << 20):
    """count: at most so many bytes a call."""
    at = 0
    while at < size:
        peer.sock.settimeout(None)
        done = os.sendfile(peer.sock.fileno(), file.fileno(), at, min(count, size - at))
        if not done:
            raise AssertionError('the file ended early')
        at += done
    peer.sent += size


def spliced_out(peer, data):
    """Through a pipe into the socket."""
    read_end, write_end = os.pipe()
    try:
        peer.sock.settimeout(None)
        for at in range(0, len(data), 4096):
            left = os.write(write_end, data[at:at + 4096])
            while left:
                left -= os.splice(read_end, peer.sock.fileno(), left)
        peer.sent += len(data)
    finally:
        os.close(read_end)
        os.close(write_end)


def spliced_in(peer, count):
    """Out of the socket into a pipe; returns the bytes."""
    read_end, write_end = os.pipe()
    try:
        peer.sock.settimeout(None)
        data = b''
        while len(data) < count:
            done = os.splice(peer.sock.fileno(), write_end, min(4096, count - len(data)))
            if not done:
                raise EOFError('the client left')
            data += os.read(read_end, done)
        peer.received += count
        return data
    finally:
        os.close(read_end)
        os.close(write_end)


def each(action):
    """A server that runs action(peer) after each head."""
    def script(peer):
        for _ in range(RUNS):
            peer.head()
            action(peer)
        peer.gone()
    return script


@case(unix=True)
def body_by_sendfile(bench):
    with file_of(BODY) as file:
        exchange(bench, each(lambda peer: (peer.send(HEAD), sent_by_file(peer, file, len(BODY)))), asks(*TURNS), counted(*[200] * RUNS))


@case(unix=True)
def body_by_sendfile_in_pieces(bench):
    """Behind a head held back by MSG_MORE."""
    def action(peer, file):
        peer.sock.send(HEAD, socket.MSG_MORE)
        peer.sent += len(HEAD)
        sent_by_file(peer, file, len(BODY), 7001)
    with file_of(BODY) as file:
        exchange(bench, each(lambda peer: action(peer, file)), asks(*TURNS), counted(*[200] * RUNS))


@case(unix=True)
def body_by_splice(bench):
    exchange(bench, each(lambda peer: (peer.send(HEAD), spliced_out(peer, BODY))), asks(*TURNS), counted(*[200] * RUNS))


@case(unix=True)
def request_body_by_splice(bench):
    """The head is read alone, the body of the request spliced away."""
    request, reply = ask('/up', 'POST', body=BODY), answer(200, b'took it')
    head_bytes = len(request) - len(BODY)
    handed_over = threading.Semaphore(0)

    def server(peer):
        for _ in range(RUNS):
            peer.exactly(head_bytes)
            # Over a Unix socket, what is spliced away sooner than its sender's call has ended can't be placed.
            if peer.sock.family == socket.AF_UNIX:
                equal(handed_over.acquire(timeout=LIMIT_S), True, 'the whole body came')
            equal(spliced_in(peer, len(BODY)) == BODY, True, 'the body is the one sent')
            peer.send(reply)
        peer.head()
        peer.send(reply)

    def client(peer):
        for _ in range(RUNS):
            peer.send(request)
            handed_over.release()
            peer.until(b'took it')
        asks((ask('/last'), b'took it'))(peer)
    exchange(bench, server, client, counted(*[200] * (RUNS + 1)))


def await_client(bench, port, **want):
    """The books of the client role at this port."""
    def met(document):
        for item in find(document, 'client', port):
            equal({name: item[name] for name in want}, want, 'the client')
            return item
        return None
    return await_books(bench.rq, met, 'the books of the client')[0]


@case()
def answer_by_splice_then_close(bench):
    """A client takes the body without a copy, or throws it away, and leaves: it has its answer if that was all of the body."""
    def script(peer):
        peer.head()
        peer.send(HEAD + BODY)
        peer.gone()
        go.wait(LIMIT_S)

    def thrown_away(peer, count):
        while count:
            count -= len(peer.sock.recv(count, socket.MSG_TRUNC))
    go = threading.Event()
    with Server(script) as server:
        for take in (spliced_in, thrown_away):
            for left in (0, 0, 1):
                peer = connect(server.port)
                peer.send(ask())
                peer.exactly(len(HEAD))
                take(peer, len(BODY) - left)
                peer.close()
        await_client(bench, server.port, requests=6, responses=4, aborted=2, in_flight=0, status={'200': 4})
        go.set()


@case()
def answer_by_splice_then_half_close(bench):
    """A client that only says that it has no more to ask goes on."""
    read = threading.Event()

    def script(peer):
        peer.head()
        peer.send(HEAD + BODY)
        peer.head()
        peer.gone()
        peer.send(answer(201, b'behind'))
        read.wait(LIMIT_S)
    with Server(script) as server:
        peer = connect(server.port)
        peer.send(ask())
        peer.exactly(len(HEAD))
        spliced_in(peer, len(BODY))
        peer.send(ask('/behind'))
        peer.half_close()
        peer.until(b'behind')
        read.set()
        peer.close()
        await_client(bench, server.port, requests=2, responses=2, aborted=0, in_flight=0, status={'200': 1, '201': 1})


@case()
def answer_by_zerocopy(bench):
    def action(peer):
        peer.sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        data = HEAD + BODY
        while data:
            data = data[peer.sock.send(data, MSG_ZEROCOPY):]
        peer.sent += len(HEAD + BODY)
    exchange(bench, each(action), asks(*TURNS), counted(*[200] * RUNS))


@case()
def answer_by_zerocopy_ends_at_once(bench):
    """One turn in the kernel takes more than a copying one could, once the window is wide; the connection stays open behind it."""
    wide = answer(200, b'w' * (4 << 20))

    def script(peer):
        peer.sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        peer.head()
        peer.send(wide)
        peer.head()
        equal(peer.sock.send(LONG_ANSWER, MSG_ZEROCOPY), len(LONG_ANSWER), 'bytes of the call')
        peer.gone()
    with Server(script) as server:
        peer = connect(server.port)
        for reply in (wide, LONG_ANSWER):
            peer.send(ask())
            peer.exactly(len(reply))
        bench.rq.expect(server.port, requests=2, responses=2, aborted=0, in_flight=0)
        peer.close()


@case()
def body_by_zerocopy_in_pieces(bench):
    def action(peer):
        peer.sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        peer.send(HEAD)
        at = 0
        while at < len(BODY):
            at += peer.sock.send(BODY[at:at + 9973], MSG_ZEROCOPY)
        peer.sent += len(BODY)
    exchange(bench, each(action), asks(*TURNS), counted(*[200] * RUNS))


@case(unix=True)
def answer_held_back(bench):
    """MSG_MORE on each piece, the head cut in two, and two answers in one packet."""
    reply = answer(200, b'held back')

    def script(peer):
        for _ in range(RUNS):
            peer.head()
            peer.head()
            for part in (reply[:9], reply[9:], reply[:30], reply[30:-1]):
                peer.sock.send(part, socket.MSG_MORE)
            peer.sock.send(reply[-1:])
            peer.sent += 2 * len(reply)
        peer.gone()
    exchange(bench, script, asks(*[(ask('/more') * 2, reply * 2)] * RUNS), counted(*[200] * 2 * RUNS))


def unseen(bench, script, turns, **want):
    """Scripts whose heads no hook shows: the counts wanted, and how many messages were counted as unparsed."""
    with Server(script) as server:
        before = bench.rq.settled()
        peer = connect(server.port)
        for request, reply in turns:
            peer.send(request)
            peer.until(reply)
        peer.close()
        server.close()
        bench.rq.expect(server.port, aborted=0, upgrades=0, in_flight=0, **want)
        after = bench.rq.settled()
    missed = {name: lost(after, name) - lost(before, name) for name in ('unparsed', 'unmatched')}
    bench.say(f'{missed}')
    within(sum(missed.values()), 1, len(turns) * 2, 'messages counted as not read')
    return missed


@case(unix=True)
def head_by_sendfile(bench):
    """An answer of which not even the head can be read is one of unknown status, and the next one is right again."""
    whole = answer(404, b'from a file')
    with file_of(whole) as file:
        def script(peer):
            for _ in range(RUNS):
                peer.head()
                sent_by_file(peer, file, len(whole))
                peer.head()
                peer.send(answer(200, b'seen'))
            peer.gone()
        unseen(bench, script, [(ask('/file'), whole), (ask('/seen'), b'seen')] * RUNS, requests=2 * RUNS, responses=2 * RUNS,
               status={0: RUNS, 200: RUNS})


@case(unix=True)
def head_of_a_request_by_splice(bench):
    """A request of which nothing can be read is none, nor is its answer; those that can be read count."""
    request, reply = ask('/gone'), answer(200, b'seen')

    def script(peer):
        for _ in range(RUNS):
            peer.head()
            peer.send(reply)
            spliced_in(peer, len(request))
            peer.send(reply)
        peer.head()
        peer.send(reply)
        peer.gone()
    unseen(bench, script, [(ask('/seen'), reply), (request, reply)] * RUNS + [(ask('/seen'), reply)], requests=RUNS + 1, responses=RUNS + 1,
           status={200: RUNS + 1})
