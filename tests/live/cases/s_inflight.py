# SPDX-License-Identifier: GPL-2.0-only
"""What is in flight: read from the kernel while somebody looks, and at no other time."""
import math
import os
import resource
import signal
import socket
import threading
import time

from lib import bpfobjects
from lib.child import Child
from lib.report import case, equal, within
from lib.roles import find
from lib.websocket import Stream
from lib.wire import LIMIT_S, Peer, Server, answer, ask, connect, fresh_listener, over_unix

OLD_S = 2  # how old a request is before its age is compared
LISTED = 50


def looking(bench):
    stream = Stream(bench.rq.port, bench.rq.token)
    stream.send({'type': 'look', 'inflight': True})
    return stream


def at_port(message, port):
    """Requests on the connections of one server, at both of their ends."""
    return [item for item in message['items'] if (item['service'] or '').endswith(f' :{port}') or item['peer'] == f'127.0.0.1:{port}']


def await_message(stream, wanted, limit_s=10):
    """The first message that is as wanted."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        message = stream.receive_type('inflight')
        if wanted(message):
            return message
    raise AssertionError(f'what is in flight is not as wanted within {limit_s} s: {message}')


class Held:
    """A connection with a request on it that stays as it is until it is told to go on."""

    def __init__(self, port):
        self.peer = connect(port)
        self.name = '127.0.0.1:%d' % self.peer.sock.getsockname()[1]
        self.sent = None

    def send(self, data):
        self.sent = time.monotonic()
        self.peer.send(data)
        return self


class Holder:
    """A server's script: /half is answered in two pieces, /body has a body that is late, all wait for go."""

    def __init__(self):
        self.go = threading.Event()
        self.threads = {}  # path: the thread that read it
        self.held = threading.Semaphore(0)

    def __call__(self, peer):
        while True:
            start = peer.take()
            if not start:
                return
            path = start.split()[1].decode().split('?')[0]
            self.threads[path] = threading.get_native_id()
            if b'\r\n\r\n' not in start:  # it stays half for now
                self.held.release()
                peer.head()
            if path == '/half':
                peer.send(answer(200, b'half')[:-2])
            if path not in ('/', '/head'):
                self.held.release()
                self.go.wait(2 * LIMIT_S)
            if path == '/body':
                peer.exactly(4)
            peer.send(b'lf' if path == '/half' else answer(200, b'done'))


def expect_item(item, role, stage, method, path, held, now):
    what = f'{role} of {path}'
    equal(item['role'], role, f'{what}: role')
    equal(item['stage'], stage, f'{what}: stage')
    equal((item['method'], item['path']), (method, path), what)
    age_s = now - held.sent
    within(item['age_ns'] / 1e9, 0.8 * age_s, 1.2 * age_s, f'{what}: age', ' s')


@case()
def in_flight_stage_by_stage(bench):
    """Both ends of requests that were sent by half, not read, are served, are answered by half, and whose body is late."""
    holder = Holder()
    with Server(holder) as server, looking(bench) as stream:
        known = connect(server.port)
        known.send(ask('/'))
        known.until(b'done')
        held = {path: Held(server.port) for path in ('/served', '/half', '/body', '/head', '/kept', '/behind')}
        held['/served'].send(ask('/served?secret=1'))
        held['/half'].send(ask('/half'))
        held['/body'].send(ask('/body', 'POST', 'Content-Length: 4\r\n'))
        held['/head'].send(b'HEAD /head HTTP/1.1\r\nHo')
        held['/kept'].send(ask('/kept'))
        for _ in range(5):
            if not holder.held.acquire(timeout=LIMIT_S):
                raise AssertionError('the server did not read what it should')
        held['/half'].peer.until(b'ha')
        held['/behind'].send(ask('/behind'))
        want = {'/served': ('serving', 'serving'), '/half': ('sending', 'reading'), '/body': ('reading', 'sending'),
                '/head': ('reading', 'sending'), '/kept': ('serving', 'serving'), '/behind': ('serving', 'serving')}
        methods = {'/body': 'POST', '/head': 'HEAD'}
        message = await_message(stream, lambda found: all(
            item['age_ns'] > OLD_S * 1e9 for item in at_port(found, server.port)) and len(at_port(found, server.port)) >= 12)
        now = time.monotonic()
        items = at_port(message, server.port)
        equal(len(items), 12, 'both ends of 6 requests')
        servers = {item['peer']: item for item in items if item['role'] == 'server'}
        for path, (at_server, at_client) in want.items():
            item = servers[held[path].name]
            method = methods.get(path, 'GET')
            expect_item(item, 'server', at_server, method, path, held[path], now)
            equal((item['pid'], item['tid']), (os.getpid(), holder.threads[path]), f'{path}: thread')
            # It waits for go, or for bytes.
            equal(item['thread']['state'], 'sleeping', f'{path}: what its thread does')
            clients = [one for one in items if one['role'] == 'client' and one['path'] == path]
            equal(len(clients), 1, f'clients of {path}')
            expect_item(clients[0], 'client', at_client, method, path, held[path], now)
            equal(clients[0]['tid'], threading.get_native_id(), f'{path}: thread of the client')
        ages = [item['age_ns'] for item in message['items'] if item['age_ns'] is not None]
        equal(ages, sorted(ages, reverse=True), 'the oldest first')
        books = bench.rq.snapshot()
        whole = [item for item in items if item['role'] == 'server' and item['path'] != '/head']
        equal(find(books, 'server', server.port)[0]['in_flight'], len(whole), 'requests in flight in the books')
        held['/body'].peer.send(b'body')
        held['/head'].peer.send(b'st: t\r\n\r\n')
        holder.go.set()
        for path in ('/served', '/kept', '/behind', '/body'):
            held[path].peer.until(b'done')
        held['/half'].peer.until(b'lf')
        held['/head'].peer.head()
        await_message(stream, lambda found: not at_port(found, server.port))
        for one in held.values():
            one.peer.close()
        known.close()


@case()
def in_flight_before_it_is_read(bench):
    """On a connection that was accepted and one that wasn't: no thread, no path; of a server known by what it did before."""
    listener = fresh_listener('127.0.0.1', socket.AF_INET, 8)
    port = listener.getsockname()[1]
    with looking(bench) as stream:
        first = connect(port)
        taken = Peer(listener.accept()[0])
        first.send(ask('/'))
        taken.head()
        taken.send(answer(200, b'done'))
        first.until(b'done')
        accepted, waits = Held(port), Held(port)
        unread = Peer(listener.accept()[0])
        accepted.send(ask('/accepted'))
        waits.send(ask('/waits'))

        def queued(message):
            return [item for item in at_port(message, port) if item['role'] == 'server']
        message = await_message(stream, lambda found: len(queued(found)) == 2 and queued(found)[1]['age_ns'] > OLD_S * 1e9)
        now = time.monotonic()
        for item, held in zip(queued(message), (accepted, waits)):
            expect_item(item, 'server', 'queued', None, None, held, now)
            equal(item['peer'], held.name, 'peer')
            equal((item['pid'], item['tid'], item['thread']), (None, None, None), 'thread')
        # A connection that has nothing to say, or said that it is over, is not waited for by anybody.
        first.half_close()
        unread.head()
        unread.send(answer(200, b'done')[:-4])
        accepted.peer.head()
        message = await_message(stream, lambda found: len(queued(found)) == 2 and queued(found)[0]['stage'] == 'sending')
        equal([(item['stage'], item['path']) for item in queued(message)], [('sending', '/accepted'), ('queued', None)],
              'when one of them was read')
        unread.send(b'done')
        last = Peer(listener.accept()[0])
        last.head()
        last.send(answer(200, b'done'))
        await_message(stream, lambda found: not queued(found))
        for peer in (first, taken, unread, last, accepted.peer, waits.peer):
            peer.close()
    listener.close()


@case()
def in_flight_of_which_route(bench):
    """Requests that wait behind each other: each has its route, the newest its path too, and one whose head is not whole no route."""
    rq = bench.start()
    listener = fresh_listener('127.0.0.1', socket.AF_INET, 8)
    port = listener.getsockname()[1]
    try:
        with Stream(rq.port, rq.token) as stream:
            stream.send({'type': 'look', 'inflight': True})
            client = connect(port)
            client.send(ask('/users/7') + ask('/users/8?secret=1') + ask('/orders/9/lines', 'POST', 'Content-Length: 0\r\n'))
            served = Peer(listener.accept()[0])
            for _ in range(3):
                served.head()

            def routes(items, role):
                return [(item['route'] and (item['route']['method'], item['route']['path']), item['path'])
                        for item in items if item['role'] == role]
            user = (('GET', '/users/:id'), None)
            want = [user, user, (('POST', '/orders/:id/lines'), '/orders/9/lines')]
            for role in ('server', 'client'):
                await_message(stream, lambda found, at=role: routes(at_port(found, port), at) == want)
            client.send(b'GET /users/10 HTTP/1.1\r\nHo')
            served.exactly(20)
            message = await_message(stream, lambda found: len(at_port(found, port)) == 8)
            for role in ('server', 'client'):
                equal(routes(at_port(message, port), role), [user, user, (want[2][0], None), (None, '/users/10')], f'routes, {role}')
            client.close()
            served.close()
    finally:
        listener.close()
        rq.stop()


@case()
def in_flight_over_a_unix_socket(bench):
    holder = Holder()
    with over_unix(), Server(holder) as server, looking(bench) as stream:
        known = connect(server.port)
        known.send(ask('/'))
        known.until(b'done')
        served, half = connect(server.port), connect(server.port)
        sent = time.monotonic()
        served.send(ask('/served'))
        half.send(ask('/half'))
        for _ in range(2):
            if not holder.held.acquire(timeout=LIMIT_S):
                raise AssertionError('the server did not read what it should')
        half.until(b'ha')

        def own(message):
            return [item for item in message['items'] if (item['service'] or '').endswith(f' {server.port}')]
        message = await_message(stream, lambda found: len(own(found)) == 4 and own(found)[3]['age_ns'] > OLD_S * 1e9)
        age_s = time.monotonic() - sent
        for item in own(message):
            within(item['age_ns'] / 1e9, 0.8 * age_s, 1.2 * age_s, 'age', ' s')
            equal((item['peer'], item['pid']), (None, os.getpid()), 'peer and process')
        equal(sorted((item['path'], item['role'], item['stage']) for item in own(message)),
              [('/half', 'client', 'reading'), ('/half', 'server', 'sending'), ('/served', 'client', 'serving'),
               ('/served', 'server', 'serving')], 'what is in flight')
        holder.go.set()
        served.until(b'done')
        half.until(b'lf')
        await_message(stream, lambda found: not own(found))
        for peer in (known, served, half):
            peer.close()


def serve_badly(listener, tell, stops):
    """Reads a request and then spins, or is stopped."""
    peer = Peer(listener.accept()[0])
    peer.head()
    tell(os.getpid())
    if stops:
        os.kill(os.getpid(), signal.SIGSTOP)
    while True:
        pass


@case()
def in_flight_what_its_thread_does(bench):
    for stops, states in ((False, ('running', 'runnable')), (True, ('stopped',))):
        listener = fresh_listener('127.0.0.1', socket.AF_INET, 8)
        port = listener.getsockname()[1]
        child = Child(lambda tell, sock=listener, stop=stops: serve_badly(sock, tell, stop))
        try:
            with looking(bench) as stream:
                peer = connect(port)
                peer.send(ask('/stuck'))
                pid = child.hear()

                def server_items(message, at=port):
                    return [item for item in at_port(message, at) if item['role'] == 'server']
                message = await_message(stream, lambda found: server_items(found) and
                                        server_items(found)[0]['thread']['state'] in states)
                item = server_items(message)[0]
                equal((item['pid'], item['tid'], item['path']), (pid, pid, '/stuck'), 'process, thread and path')
                with open(f'/proc/{pid}/comm', encoding='ascii') as file:
                    equal(item['thread']['comm'], file.read().strip(), 'name of the thread')
                child.kill()
                child.wait()
                await_message(stream, lambda found: not server_items(found))
                peer.close()
                await_message(stream, lambda found: not at_port(found, port))
        finally:
            child.kill()
            listener.close()


@case()
def in_flight_is_read_only_while_somebody_looks(bench):
    def runs():
        return bpfobjects.runs_of(bench.rq.pid, ['http_on_look'])['http_on_look'][0]

    def seconds(stream, count):
        for _ in range(count):
            stream.receive_type('status')
    with bpfobjects.statistics(), Stream(bench.rq.port, bench.rq.token) as idle:
        seconds(idle, 1)
        before = runs()
        seconds(idle, 3)
        equal(runs(), before, 'runs while nobody looks')
        with Stream(bench.rq.port, bench.rq.token) as stream:
            stream.send({'type': 'look', 'inflight': True})
            for _ in range(2):
                stream.receive_type('inflight')
            looked = runs()
            within(looked - before, 2, 1e9, 'runs while somebody looks')
            stream.send({'type': 'look', 'inflight': False})
            seconds(stream, 1)
            seconds(idle, 2)
            before = runs()
            seconds(idle, 3)
            equal(runs(), before, 'runs after the look')
            stream.send({'type': 'look', 'inflight': True})
            stream.receive_type('inflight')
        seconds(idle, 2)
        before = runs()
        seconds(idle, 3)
        equal(runs(), before, 'runs after who looked has gone')


@case()
def in_flight_of_many_the_oldest(bench):
    """Thousands of connections, more than one read() of the iterator takes: all counted, and the oldest listed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(5000, (hard - 500) // 2)
    listener = fresh_listener('127.0.0.1', socket.AF_INET, 128)
    port = listener.getsockname()[1]
    pairs = []
    try:
        with looking(bench) as stream:
            sent = []
            for i in range(count):
                pairs.append((connect(port), Peer(listener.accept()[0])))
                sent.append(time.monotonic())
                pairs[-1][0].send(ask(f'/{i}'))
                pairs[-1][1].head()
            done, done_ms = time.monotonic(), time.time() * 1e3
            message = await_message(stream, lambda found: found['t'] > done_ms)
            within(message['requests'], 2 * count, math.inf, 'requests')
            within(message['connections']['http'], 2 * count, message['connections']['open'], 'HTTP connections')
            equal(len(message['items']), LISTED, 'items')
            items = at_port(message, port)
            listed = sorted((int(item['path'][1:]), item['role']) for item in items)
            equal(listed, [(i // 2, ('client', 'server')[i % 2]) for i in range(len(items))], 'the oldest')
            ages_s = [(item['age_ns'] or 0) / 1e9 for item in message['items']]
            equal(ages_s, sorted(ages_s, reverse=True), 'the oldest first')
            # Other programs of the host may have older ones: older than the first that they left no room for.
            for item in message['items']:
                if item not in items:
                    within((item['age_ns'] or 0) / 1e9, done - sent[(len(items) + 1) // 2], math.inf, f"age of another's, {item}", ' s')
            started = time.monotonic()
            stream.receive_type('inflight')
            late_ms = [value / 1e6 for value in stream.receive_type('windows')['columns'].get('self.tick_late_ns', []) if value]
            bench.say(f'{message["connections"]["open"]} connections: the next one after {time.monotonic() - started:.2f} s, '
                      f'ticks late by {max(late_ms, default=0):.2f} ms')
            for client, served in pairs:
                client.close()
                served.close()
            await_message(stream, lambda found: not at_port(found, port), 20)
    finally:
        listener.close()
        for client, served in pairs:
            client.close()
            served.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
