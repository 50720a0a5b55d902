# SPDX-License-Identifier: GPL-2.0-only
"""Real servers under real clients: what each says it did is what rqscope says, in both roles."""
import os
import statistics
import time

from lib import servers
from lib.child import Child
from lib.clients import CLIENTS, curl_times, exe_of
from lib.report import case, equal
from lib.roles import await_books, did, find
from lib.wire import LIMIT_S, Peer, fresh_listener, port_of

MS = 1000000


def numbers(said, own, drops, answers, asks):
    """Whether the client's count, the server's own and those of both roles agree; what is wrong where they don't."""
    least, most = said['completed'], said['completed'] + said['open_most']
    # What a server has read and never looked at is none to itself: behind a request whose client left, or while it closes.
    unseen = answers.aborted if said['ahead'] or drops else 0
    if answers.in_flight or asks.in_flight:
        return 'in flight'
    if not own <= answers.requests <= own + unseen:
        return 'requests that the server read'
    if not answers.requests <= asks.requests <= answers.requests + said['open_most']:
        return 'requests that the client sent'
    if not answers.responses <= own or not least <= asks.responses <= answers.responses:
        return 'responses'
    if asks.responses > most or (not said['open_most'] and asks.requests != least):
        return 'the client itself'
    if any(books.status != {200: books.responses} for books in (answers, asks)):
        return 'status'
    return None


def one_client(bench, server, client, before):
    """Runs one client and waits until all agree. Returns the snapshot after."""
    first = server.count()
    said = client(server.port)

    def agree(after):
        own = server.count() - first
        answers = did(after, before, 'server', server.port, server.exe)
        asks = did(after, before, 'client', server.port, exe_of(client))
        wrong = numbers(said, own, server.drops, answers, asks)
        line = (f'{client.__name__} {said["completed"]}, {server.exe} {own}; server role {answers.requests} requests, {answers.responses} '
                f'responses, {answers.aborted} aborted; client role {asks.requests}, {asks.responses}, {asks.aborted}')
        if wrong:
            raise AssertionError(f'{wrong}: {line}; {answers.line()}; {asks.line()}')
        return line
    line, after = await_books(bench.rq, agree, f'{client.__name__} and {server.exe} agree')
    bench.say(line)
    return after


def all_clients(bench, server):
    with server:
        before = bench.rq.settled()
        for client in CLIENTS:
            before = one_client(bench, server, client, before)


@case(limit_s=120)
def real_nginx(bench):
    all_clients(bench, servers.nginx())


@case(limit_s=120)
def real_apache_prefork(bench):
    all_clients(bench, servers.apache('prefork'))


@case(limit_s=120)
def real_apache_event(bench):
    all_clients(bench, servers.apache('event'))


@case(limit_s=120)
def real_node(bench):
    all_clients(bench, servers.node())


@case(limit_s=120)
def real_python(bench):
    all_clients(bench, servers.PythonServer())


@case(limit_s=120)
def real_gunicorn(bench):
    all_clients(bench, servers.gunicorn())


def late_server(tell):
    """Reads late, answers late, and gives its body in three parts."""
    with fresh_listener() as listener:
        tell(port_of(listener))
        while True:
            peer = Peer(listener.accept()[0])
            peer.sock.settimeout(LIMIT_S)
            time.sleep(0.003)
            peer.head()
            time.sleep(0.02)
            peer.send(b'HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n' + b'x' * 10)
            for _ in range(2):
                time.sleep(0.01)
                peer.send(b'y' * 10)
            peer.gone()
            peer.close()


def sums(document, port):
    """Of curl as a client of a port: the count, the sum of durations, and that of the times until it had the first byte."""
    found = find(document, 'client', port, 'curl')
    if not found:
        return 0, 0, 0
    duration, ttfb, queue = (found[0][metric] for metric in ('duration', 'ttfb', 'queue'))
    return duration['count'], duration['sum_ns'], ttfb['sum_ns'] + queue['sum_ns']


def as_curl_says(bench, what, port, path, *options, runs=5):
    """One request at a time: the median of curl's times and of the client role's, and of their differences."""
    before = sums(bench.rq.settled(), port)
    rows = []
    for _ in range(runs):
        said = curl_times(f'http://t{path}', '--unix-socket', port) if isinstance(port, str) else \
            curl_times(f'http://127.0.0.1:{port}{path}', *options)
        after = sums(await_books(bench.rq, lambda now: sums(now, port)[0] > before[0], 'the request of curl')[1], port)
        equal(after[0] - before[0], 1, 'timed requests of curl')
        rows.append((said[0], after[1] - before[1], said[1], after[2] - before[2]))
        before = after
    for name, own, got in (('duration', 0, 1), ('ttfb and queue', 2, 3)):
        curl = statistics.median(row[own] for row in rows)
        ours = statistics.median(row[got] for row in rows)
        apart = statistics.median(row[got] - row[own] for row in rows)
        bench.say(f'{what}: {name} {ours / MS:.3f} ms, curl says {curl / MS:.3f} (apart {apart / MS:+.3f})')
        if abs(apart) > max(MS, curl / 10):
            raise AssertionError(f'{what}: {name} is {ours / MS:.3f} ms, curl says {curl / MS:.3f}: {apart / MS:+.3f} ms apart in the median')


@case(limit_s=120)
def times_of_curl(bench):
    """time_total - time_pretransfer is the client role's duration; time_starttransfer - time_pretransfer its ttfb
    (first byte readable) and queue (until curl had it)."""
    with Child(late_server) as child:
        as_curl_says(bench, 'late server', child.hear(), '/late')
    with servers.nginx() as nginx:
        nginx.write('files/big', os.urandom(30 << 20))
        as_curl_says(bench, 'small file', nginx.port, '/hello')
        as_curl_says(bench, '30 MB', nginx.port, '/big', runs=3)
        as_curl_says(bench, '5 MB at 50 MB/s', nginx.port, '/big', '-r', '0-4999999', '--limit-rate', '50M', runs=3)
