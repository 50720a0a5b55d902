# SPDX-License-Identifier: GPL-2.0-only
"""Connections that pass from hand to hand: fork, dup, SCM_RIGHTS, thread pools. One service each, with the right counts."""
import os
import queue
import shutil
import socket
import subprocess
import sys
import threading

from lib.child import Child
from lib.report import case, equal
from lib.roles import find
from lib.servers import python_exe
from lib.wait import stop_process
from lib.wire import LIMIT_S, answer, ask, connect, fresh_listener, port_of

RUNS = 10
REPLY = answer(200, b'handed')
REQUEST = ask('/handed')


def exchange(port, runs=RUNS, peers=1):
    """Keep-alive connections with so many requests each, in turns."""
    opened = [connect(port) for _ in range(peers)]
    for _ in range(runs):
        for peer in opened:
            peer.send(REQUEST)
        for peer in opened:
            peer.exactly(len(REPLY))
    for peer in opened:
        peer.close()


def expect(bench, port, total, name=None, **want):
    """All requests on one service, of that name, none aborted, bytes exact. Returns it."""
    bench.rq.expect(port, requests=total, responses=total, aborted=0, in_flight=0, status={200: total}, request_bytes=total * len(REQUEST),
                    response_bytes=total * len(REPLY), **want)
    found = find(bench.rq.settled(), 'server', port)
    equal([item['name'] for item in found], [name or python_exe()], 'services at the port')
    return found[0]


def halves(bench, service, count, unknown):
    """How many requests have a split, and how many changed hands."""
    split = service['split']
    bench.say(f'{split}')
    equal((split['count'], split['unknown']), (count, unknown), 'split: count, unknown')


def serve_one(conn):
    """One request with its answer; False at the end of the connection."""
    data = b''
    while not data.endswith(b'\r\n\r\n'):
        chunk = conn.recv(4096)
        if not chunk:
            return False
        data += chunk
    conn.sendall(REPLY)
    return True


def listen(tell):
    listener = fresh_listener()
    tell(port_of(listener))
    return listener


def accept(listener):
    conn, _ = listener.accept()
    conn.settimeout(LIMIT_S)
    return conn


def in_child(action):
    """Forks; the child runs action() and ends."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
        finally:
            os._exit(0)
    return pid


@case(unix=True)
def handed_over_by_fork(bench):
    """A process for each connection, as servers did first."""
    def serve(tell):
        listener = listen(tell)
        pids = []
        for _ in range(4):
            conn = accept(listener)
            pids.append(in_child(lambda: all(serve_one(conn) for _ in range(RUNS + 1))))
            conn.close()
        for pid in pids:
            os.waitpid(pid, 0)
    with Child(serve) as child:
        port = child.hear()
        exchange(port, peers=4)
        halves(bench, expect(bench, port, 4 * RUNS), 4 * RUNS, 0)


@case(unix=True)
def forked_in_the_middle_of_a_request(bench):
    """The parent reads each request, a child of its own answers it."""
    def serve(tell):
        conn = accept(listen(tell))
        for _ in range(RUNS):
            if conn.recv(4096) != REQUEST:
                raise AssertionError('no request')
            os.waitpid(in_child(lambda: conn.sendall(REPLY)), 0)
    with Child(serve) as child:
        port = child.hear()
        exchange(port)
        halves(bench, expect(bench, port, RUNS), 0, RUNS)


@case(unix=True)
def handed_over_by_dup(bench):
    """Each request is read through one descriptor and answered through a copy made after it was read."""
    def serve(tell):
        conn = accept(listen(tell))
        for _ in range(RUNS):
            conn.recv(4096)
            copy = conn.dup()
            conn.close()
            copy.sendall(REPLY)
            conn = copy
            conn.settimeout(LIMIT_S)
        conn.recv(1)
    with Child(serve) as child:
        port = child.hear()
        exchange(port)
        halves(bench, expect(bench, port, RUNS), RUNS, 0)


# What a process of another name does with the connections that it is given.
WORKER = '''
import os, socket, sys
control, reply, whole = socket.socket(fileno=3), bytes.fromhex(sys.argv[1]), sys.argv[2] == 'whole'
while True:
    data, fds, _, _ = socket.recv_fds(control, 1, 1)
    if not data:
        break
    conn = socket.socket(fileno=fds[0])
    conn.settimeout(15)
    if not whole:
        conn.sendall(reply)
    while whole and conn.recv(4096):
        conn.sendall(reply)
    conn.close()
    control.send(b'd')
'''


class Worker:
    """The interpreter under another name, with a socket through which it is given connections."""

    def __init__(self, bench, whole):
        self.exe = os.path.join(bench.dir, 'handed-worker')
        if not os.path.exists(self.exe):
            shutil.copy(os.path.realpath('/usr/bin/python3'), self.exe)
        self.control, theirs = socket.socketpair()
        self.control.settimeout(LIMIT_S)
        self.process = subprocess.Popen(
            ['/bin/sh', '-c', f'exec 3<&{theirs.fileno()}; exec "$@"', 'sh', self.exe, '-c', WORKER, REPLY.hex(), 'whole' if whole else 'answer'],
            pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, env=dict(os.environ, PYTHONHOME=sys.base_prefix))
        theirs.close()

    def give(self, conn):
        socket.send_fds(self.control, [b'c'], [conn.fileno()])

    def done(self):
        equal(self.control.recv(1), b'd', 'word of the worker')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.control.close()
        stop_process(self.process)


@case(unix=True)
def accepted_in_one_process_served_in_another(bench):
    """By SCM_RIGHTS, to a process of another name: the service is the one that reads."""
    with Worker(bench, whole=True) as worker:
        def serve(tell):
            listener = listen(tell)
            for _ in range(3):
                conn = accept(listener)
                worker.give(conn)
                conn.close()
                worker.done()
        with Child(serve) as child:
            port = child.hear()
            for _ in range(3):
                exchange(port)
            halves(bench, expect(bench, port, 3 * RUNS, 'handed-worker'), 3 * RUNS, 0)


@case(unix=True)
def read_in_one_process_answered_in_another(bench):
    """By SCM_RIGHTS between the request and its answer: one service, that of the reader, and no split."""
    with Worker(bench, whole=False) as worker:
        def serve(tell):
            conn = accept(listen(tell))
            for _ in range(RUNS):
                conn.recv(4096)
                worker.give(conn)
                worker.done()
            conn.recv(1)
        with Child(serve) as child:
            port = child.hear()
            exchange(port)
            halves(bench, expect(bench, port, RUNS), 0, RUNS)


@case(unix=True)
def thread_pool(bench):
    """One thread reads from all connections, a pool of four answers: all counted, in no part of the split."""
    def serve(tell):
        listener, work = listen(tell), queue.SimpleQueue()

        def answers():
            while True:
                work.get().sendall(REPLY)
        for _ in range(4):
            threading.Thread(target=answers, daemon=True).start()
        conns = [accept(listener) for _ in range(8)]
        for _ in range(RUNS):
            for conn in conns:
                conn.recv(4096)
                work.put(conn)
        for conn in conns:
            conn.recv(1)
    with Child(serve) as child:
        port = child.hear()
        exchange(port, peers=8)
        halves(bench, expect(bench, port, 8 * RUNS), 0, 8 * RUNS)


@case(unix=True)
def each_request_by_another_thread(bench):
    """A connection goes round among threads, each of which reads and answers one request: every split is known."""
    def serve(tell):
        conn = accept(listen(tell))
        for _ in range(RUNS):
            turn = threading.Thread(target=serve_one, args=(conn,))
            turn.start()
            turn.join()
        conn.recv(1)
    with Child(serve) as child:
        port = child.hear()
        exchange(port)
        halves(bench, expect(bench, port, RUNS), RUNS, 0)
