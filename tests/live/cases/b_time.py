# SPDX-License-Identifier: GPL-2.0-only
"""queue, ttfb and duration are what a scripted server and its client measured with their own clocks."""
import select
import statistics
import threading
import time

from lib.child import Child
from lib.report import case, equal, within
from lib.snapshot import service_at
from lib.wire import LIMIT_S, Server, answer, ask, connect, fresh_listener, port_of

MS = 1000000
SLACK_NS = 1 * MS
RUNS = 30
PARTS = 3


def pause(ms):
    time.sleep(ms / 1000)


def slow_server(tell, first_only):
    """Late to read by 5 ms, 20 ms to answer, a body in three parts 10 ms apart. Tells its own clock readings."""
    listener = fresh_listener()
    tell(port_of(listener))
    marks = []
    conn = None
    for _ in range(RUNS):
        if conn is None:
            conn, _ = listener.accept()
            conn.settimeout(LIMIT_S)
        select.select([conn], [], [], LIMIT_S)
        ready = time.monotonic_ns()
        pause(5)
        before_read = time.monotonic_ns()
        while not conn.recv(4096).endswith(b'\r\n\r\n'):
            pass
        after_read = time.monotonic_ns()
        pause(20)
        before_first = time.monotonic_ns()
        conn.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n' + b'x' * 10)
        after_first = time.monotonic_ns()
        pause(10)
        conn.sendall(b'y' * 10)
        pause(10)
        before_last = time.monotonic_ns()
        conn.sendall(b'z' * 10)
        after_last = time.monotonic_ns()
        marks.append({'ready': ready, 'read': (before_read, after_read), 'first': (before_first, after_first),
                      'last': (before_last, after_last)})
        if first_only:
            conn.recv(1)
            conn.close()
            conn = None
    tell(marks)


def truth(marks, sent, mark):
    """For each run the shortest and the longest time that it can have been since the request was readable."""
    return [(run[mark][0] - run['ready'], run[mark][1] - at) for run, at in zip(marks, sent)]


def compare(bench, what, got, bounds):
    lows, highs = [low for low, _ in bounds], [high for _, high in bounds]
    low, high = statistics.mean(lows), statistics.mean(highs)
    mean = got['sum_ns'] / got['count']
    bench.say(f'{what}: mean {mean / MS:.3f} ms, median {got["p50_ns"] / MS:.3f}; the script says {low / MS:.3f} to '
              f'{high / MS:.3f}')
    within(mean / MS, (low - SLACK_NS) / MS, (high + SLACK_NS) / MS, f'{what}, mean', ' ms')
    within(got['p50_ns'] / MS, (statistics.median(lows) * 0.984 - SLACK_NS) / MS,
           (statistics.median(highs) * 1.016 + SLACK_NS) / MS, f'{what}, median', ' ms')
    within(got['min_ns'] / MS, (min(lows) - SLACK_NS) / MS, (min(highs) + SLACK_NS) / MS, f'{what}, minimum', ' ms')
    within(got['max_ns'] / MS, (max(lows) - SLACK_NS) / MS, (max(highs) + SLACK_NS) / MS, f'{what}, maximum', ' ms')


def run(bench, first_only):
    bench.rq.settled()
    with Child(lambda tell: slow_server(tell, first_only)) as child:
        port = child.hear()
        sent = []
        peer = None
        for _ in range(RUNS):
            peer = peer or connect(port)
            sent.append(time.monotonic_ns())
            peer.send(b'GET /slow HTTP/1.1\r\nHost: t\r\n\r\n')
            peer.exactly(len('HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n') + 10 * PARTS)
            if first_only:
                peer.close()
                peer = None
        marks = child.hear()
        if peer:
            peer.close()
        service = bench.rq.expect(port, requests=RUNS, responses=RUNS, aborted=0, untimed=0, status={200: RUNS})
    for what, mark in (('queue', 'read'), ('ttfb', 'first'), ('duration', 'last')):
        equal(service[what]['count'], RUNS, f'count of {what}')
        compare(bench, what, service[what], truth(marks, sent, mark))
    split = service['split']
    equal((split['count'], split['unknown'], split['shared']), (RUNS, 0, 0), 'split: count, unknown, shared')


@case(unix=True)
def times_of_first_requests(bench):
    run(bench, first_only=True)


@case(unix=True)
def times_of_keepalive_requests(bench):
    run(bench, first_only=False)


@case(unix=True)
def quick_requests_are_timed_by_their_arrival(bench):
    """Answers at once: the sum of durations can't exceed the time that the client waited in all."""
    def serve(tell):
        listener = fresh_listener()
        tell(port_of(listener))
        conn, _ = listener.accept()
        conn.settimeout(LIMIT_S)
        while conn.recv(4096):
            conn.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    with Child(serve) as child:
        port = child.hear()
        peer, waited = connect(port), 0
        for _ in range(500):
            start = time.monotonic_ns()
            peer.send(b'GET / HTTP/1.1\r\nHost: t\r\n\r\n')
            peer.exactly(40)
            waited += time.monotonic_ns() - start
        peer.close()
        service = bench.rq.expect(port, requests=500, responses=500, aborted=0, status={200: 500})
    total = service['duration']['sum_ns']
    bench.say(f'mean {total / 500000:.1f} us, the client waited {waited / 500000:.1f} us')
    within(total, 1, waited, 'sum of durations', ' ns')
    if service_at(bench.rq.snapshot(), port)['duration']['count'] != 500:
        raise AssertionError('not every request was timed')


@case()
def request_behind_a_body_of_gigabytes(bench):
    """Half a turn of TCP's numbers behind the last byte whose arrival was of interest: the next request is still timed by its own."""
    megabyte, count = bytes(1 << 20), 2500

    def script(peer):
        room = bytearray(1 << 20)
        peer.head()
        left = count * len(megabyte)
        left -= len(peer.take())
        while left:
            left -= peer.sock.recv_into(room, min(left, len(room)))
        peer.send(answer(200, b'took it'))
        peer.head()
        peer.send(answer(200, b'and this'))
    with Server(script) as server:
        peer = connect(server.port)
        began = time.monotonic_ns()
        peer.send(f'POST / HTTP/1.1\r\nHost: t\r\nContent-Length: {count * len(megabyte)}\r\n\r\n'.encode())
        for _ in range(count):
            peer.sock.sendall(megabyte)
        peer.until(b'took it')
        took_ns = time.monotonic_ns() - began
        peer.send(ask())
        peer.until(b'and this')
        service = bench.rq.expect(server.port, requests=2, responses=2, aborted=0, in_flight=0, untimed=0)
        within(service['queue']['max_ns'] / MS, 0, took_ns / 2 / MS, f'the longest queue, of {took_ns / MS:.0f} ms in all,', ' ms')
        within(service['duration']['min_ns'] / MS, 0, took_ns / 2 / MS, 'the shorter duration', ' ms')
        peer.close()


@case()
def more_packets_than_are_kept(bench):
    """Ten wait to be read, the last of them since just now: the others waited for long, or it isn't known how long."""
    go, more = threading.Event(), threading.Event()
    one = ask('/x')

    def script(peer):
        go.wait(LIMIT_S)
        peer.exactly(len(one))
        peer.send(answer(200, b'ok'))
        more.set()
        pause(50)
        for _ in range(9):
            peer.exactly(len(one))
            peer.send(answer(200, b'ok'))
        peer.gone()
    with Server(script) as server:
        peer = connect(server.port)
        for _ in range(9):
            peer.send(one)
            pause(1)
        pause(1000)
        go.set()
        more.wait(LIMIT_S)
        peer.send(one)
        service = bench.rq.expect(server.port, requests=10, responses=10, aborted=0, in_flight=0)
        peer.close()
    queue = service['queue']
    bench.say(f'{service["untimed"]} untimed')
    within(service['untimed'], 0, 3, 'untimed')
    within(queue['sum_ns'] / MS, (queue['count'] - 1) * 1000, 12000, f'queue of {queue["count"]} requests', ' ms')
