# SPDX-License-Identifier: GPL-2.0-only
"""Where the time of a request went: a server that spins, sleeps, reads late or is starved says so itself."""
import os
import select
import threading
import time

from lib.child import Child
from lib.load import Spinners
from lib.report import case, equal, within
from lib.tasks import run_delay_of
from lib.wire import LIMIT_S, connect, fresh_listener, port_of

MS = 1000000
RUNS = 20
REPLY = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'


def spin(cpu_ms):
    end = time.thread_time_ns() + cpu_ms * MS
    while time.thread_time_ns() < end:
        pass


def serve(tell, late_ms=0, work=lambda: None, cpu=None):
    """Tells its port; then for each request what its own thread did between reading and answering."""
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    listener = fresh_listener()
    tell(port_of(listener))
    conn, _ = listener.accept()
    conn.settimeout(LIMIT_S)
    tid = threading.get_native_id()
    told = []
    for _ in range(RUNS):
        select.select([conn], [], [], LIMIT_S)
        ready = time.monotonic_ns()
        if late_ms:
            time.sleep(late_ms / 1000)
        conn.recv(4096)
        start, cpu_start, waited = time.monotonic_ns(), time.thread_time_ns(), run_delay_of(tid)
        work()
        cpu_used, waited = time.thread_time_ns() - cpu_start, run_delay_of(tid) - waited
        wall = time.monotonic_ns() - start
        conn.sendall(REPLY)
        told.append({'queued_ns': start - ready, 'on_cpu_ns': cpu_used, 'cpu_wait_ns': waited,
                     'blocked_ns': max(0, wall - cpu_used - waited), 'read': start})
    tell(told)


def measure(bench, **how):
    """Runs such a server; compares each part's mean with what the server says of itself. Returns the service."""
    with Child(lambda tell: serve(tell, **how)) as child:
        port = child.hear()
        peer, sent = connect(port), 0
        for _ in range(RUNS):
            sent += time.monotonic_ns()
            peer.send(b'GET /split HTTP/1.1\r\nHost: t\r\n\r\n')
            peer.exactly(len(REPLY))
        told = child.hear()
        peer.close()
        service = bench.rq.expect(port, requests=RUNS, responses=RUNS, aborted=0, untimed=0)
    split = service['split']
    equal((split['count'], split['unknown'], split['shared']), (RUNS, 0, 0), 'split: count, unknown, shared')
    total_ms = service['duration']['sum_ns'] / RUNS / MS
    parts = {}
    for part in ('queued_ns', 'cpu_wait_ns', 'on_cpu_ns', 'blocked_ns'):
        got, want = split[part] / RUNS, sum(run[part] for run in told) / RUNS
        parts[part] = (got / MS, want / MS)
    bench.say(', '.join(f'{part[:-3]} {got:.2f} ms (the server says {want:.2f})' for part, (got, want) in parts.items()))
    for part, (got, want) in parts.items():
        slack = max(1, want / 10, total_ms / 20)
        most = want
        if part == 'queued_ns':  # a starved server is late to see that it has something to read
            most = (sum(run['read'] for run in told) - sent) / RUNS / MS
        within(got, want - slack, most + slack, f'{part[:-3]}, mean', ' ms')
    total = sum(split[part] for part in parts)
    within(total, service['duration']['sum_ns'] - RUNS * 1000, service['duration']['sum_ns'] + RUNS * 1000,
           'sum of the parts', ' ns')
    return parts


@case(unix=True)
def split_of_nothing(bench):
    measure(bench)


@case(unix=True)
def split_on_cpu(bench):
    within(measure(bench, work=lambda: spin(20))['on_cpu_ns'][0], 19, 25, 'on CPU', ' ms')


@case(unix=True)
def split_blocked(bench):
    within(measure(bench, work=lambda: time.sleep(0.02))['blocked_ns'][0], 18, 1000, 'blocked', ' ms')


@case(unix=True)
def split_queued(bench):
    within(measure(bench, late_ms=20)['queued_ns'][0], 19, 1000, 'queued', ' ms')


@case(unix=True)
def split_waiting_for_cpu(bench):
    """Three spinners on the server's CPU."""
    with Spinners([0, 0, 0]) as spinners:
        spinners.spin(6000)
        got, _ = measure(bench, work=lambda: spin(20), cpu=0)['cpu_wait_ns']
        within(got, 5, 1000, 'waiting for CPU', ' ms')


@case(unix=True)
def split_of_an_event_loop(bench):
    """One thread, two requests open at once: both are counted as shared."""
    def loop(tell):
        listener = fresh_listener()
        tell(port_of(listener))
        conns = [listener.accept()[0] for _ in range(2)]
        for conn in conns:
            conn.settimeout(LIMIT_S)
        for _ in range(RUNS):
            for conn in conns:
                conn.recv(4096)
            for conn in conns:
                conn.sendall(REPLY)
    with Child(loop) as child:
        port = child.hear()
        peers = [connect(port), connect(port)]
        for _ in range(RUNS):
            for peer in peers:
                peer.send(b'GET /loop HTTP/1.1\r\nHost: t\r\n\r\n')
            for peer in peers:
                peer.exactly(len(REPLY))
        for peer in peers:
            peer.close()
        service = bench.rq.expect(port, requests=2 * RUNS, responses=2 * RUNS, aborted=0)
    split = service['split']
    bench.say(f'{split}')
    equal(split['count'] + split['unknown'], 2 * RUNS, 'requests with a split')
    within(split['shared'], RUNS, 2 * RUNS, 'shared')


@case(unix=True)
def split_unknown_when_it_changed_hands(bench):
    """One thread reads, another one answers."""
    def hands(tell):
        listener = fresh_listener()
        tell(port_of(listener))
        conn, _ = listener.accept()
        conn.settimeout(LIMIT_S)
        for _ in range(RUNS):
            conn.recv(4096)
            other = threading.Thread(target=conn.sendall, args=(REPLY,))
            other.start()
            other.join()
    with Child(hands) as child:
        port = child.hear()
        peer = connect(port)
        for _ in range(RUNS):
            peer.send(b'GET /hands HTTP/1.1\r\nHost: t\r\n\r\n')
            peer.exactly(len(REPLY))
        peer.close()
        service = bench.rq.expect(port, requests=RUNS, responses=RUNS, aborted=0)
    equal(service['split']['unknown'], RUNS, 'unknown')
    equal(service['duration']['count'], RUNS, 'durations')
