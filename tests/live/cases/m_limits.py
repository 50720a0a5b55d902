# SPDX-License-Identifier: GPL-2.0-only
"""More of everything than there is room for: it is said, and no count is lost."""
import ctypes

from lib import bpfobjects
from lib.load import Nginx
from lib.report import case, equal, within
from lib.roles import await_books, find
from lib.snapshot import lost, services_at
from lib.wait import wait_until
from lib.watch import Watch
from lib.wire import Server, answer, ask, connect

PORTS = 140


@case()
def deeper_pipeline_than_is_followed(bench):
    """100 requests in one write before the first answer: none is lost, those too deep are untimed."""
    depth = 100

    def script(peer):
        for _ in range(depth):
            peer.head()
        for i in range(depth):
            peer.send(answer(200 if i % 3 else 404, b'x' * (i % 7)))
    with Server(script) as server:
        peer = connect(server.port)
        peer.send(ask('/deep') * depth)
        for i in range(depth):
            peer.head()
            peer.exactly(i % 7)
        peer.close()
        server.close()
        service = bench.rq.expect(server.port, requests=depth, responses=depth, aborted=0, in_flight=0,
                                  status={200: depth - 34, 404: 34}, request_bytes=server.received,
                                  response_bytes=server.sent)
    equal(service['duration']['count'] + service['untimed'], depth, 'timed and untimed')


@case()
def pipeline_of_a_socket_connected_again(bench):
    """What is too deep is untimed, and not taken for the request of that number on the connection that the socket had before."""
    def script(peer):
        while True:
            try:
                count = int(peer.head().split()[1][1:])
                for _ in range(count - 1):
                    peer.head()
                peer.send(answer(200, b'again') * count)
            except (EOFError, OSError):
                return

    with Server(script) as server:
        peer = connect(server.port)
        for counts in ((20, 20), (40,)):
            for count in counts:
                peer.send(ask(f'/{count}') * count)
                for _ in range(count):
                    peer.until(b'again')
            if counts == (40,):
                break
            unspecified = bytes(16)  # a struct sockaddr of AF_UNSPEC: disconnects
            if ctypes.CDLL(None).connect(peer.sock.fileno(), unspecified, len(unspecified)):
                raise OSError('connect')
            peer.sock.connect(('127.0.0.1', server.port))
        peer.close()

        def met(document):
            for item in find(document, 'client', server.port):
                equal((item['requests'], item['responses'], item['untimed'], item['duration']['count']), (80, 80, 8, 72),
                      'requests, responses, untimed and timed of the client')
                return True
            return False
        await_books(bench.rq, met, 'the books of the client')


@case()
def many_connections_at_once(bench):
    """500 connections open at a time, each with one request in flight."""
    count = 500
    with Server(lambda peer: (peer.head(), peer.take(), peer.send(answer(200, b'many'))), backlog=1024) as server:
        peers = [connect(server.port) for _ in range(count)]
        for peer in peers:
            peer.send(ask('/many'))
        bench.rq.expect(server.port, requests=count, responses=0, aborted=0, in_flight=count, limit_s=20)
        for peer in peers:
            peer.half_close()
        for peer in peers:
            peer.until(b'many')
            peer.close()
        server.close()
        bench.rq.expect(server.port, requests=count, responses=count, aborted=0, in_flight=0, status={200: count})


@case(each_tap=False, limit_s=150)
def slots_of_services_that_ended(bench):
    """The slot of a service without a process is given to another one; both keep their own counts, and who watches is told."""
    rq, watch = bench.start(), None
    try:
        services, free = (bpfobjects.map_of(rq.pid, name) for name in ('http_services', 'http_free'))

        def slots(port):
            return [entry['value']['slot'] for entry in bpfobjects.entries(services)
                    if entry['key']['port'] == port and entry['key']['role'] == 0]
        with Nginx() as first:
            first.status()
            rq.expect(first.port, requests=1, responses=1, in_flight=0)
            old = slots(first.port)
            equal(len(old), 1, 'slots of the first service')
            watch = Watch(rq, first.port)
            watch.until(lambda: watch.seq, 5, 'a window')
        wait_until(lambda: not slots(first.port), 100, 'the slot to be taken back', pause_s=1)
        wait_until(lambda: not bpfobjects.is_empty(free), 40, 'the slot to be free', pause_s=1)
        equal(lost(rq.snapshot(), 'services'), 0, 'connections without a slot, for which something else on this host took them all')
        equal(watch.ended, None, 'ended while the slot belongs to nobody')
        with Nginx() as second:
            second.status()
            second.status()
            rq.expect(second.port, requests=2, responses=2, in_flight=0)
            watch.until(lambda: watch.ended, 5, 'word that the slot has passed')  # to this service or to who asks it
            equal(watch.sum('requests'), 0, 'requests of the other one in windows of the first')
            equal(watch.seq, list(range(watch.seq[0], watch.seq[0] + len(watch.seq))), 'sequence')
            with Watch(rq, second.port) as after:
                after.until(lambda: after.seq, 5, 'a window')
                second.status()
                after.until(lambda: after.sum('responses'), 5, 'a window of the second')
                equal(after.slot in slots(second.port), True, 'the slot watched is one of the second')
                equal(sum(after.history(600, 700)['columns']['service.requests']), 3, 'requests in the history of the second')
            given = [entry['value']['slot'] for entry in bpfobjects.entries(services) if entry['key']['port'] == second.port]
            equal(old[0] in given, True, 'the old slot is in use')
        equal(bpfobjects.is_empty(free), True, 'no slot is free')
        for port, requests in ((first.port, 1), (second.port, 3)):
            service = rq.expect(port, requests=requests, responses=requests, in_flight=0)
            equal([(route['path'], route['requests']) for route in service['routes']], [('/status', requests)], 'routes')
    finally:
        if watch:
            watch.close()
        rq.stop()


@case()
def more_services_than_slots(bench):
    """Services beyond the table are counted together; the totals and their books hold. Last: it fills the shared table too."""
    rq = bench.start()
    servers = []
    try:
        before = rq.settled()
        for _ in range(PORTS):
            servers.append(Server(lambda peer: (peer.head(), peer.send(answer(200, b'one')))))
            peer = connect(servers[-1].port)
            peer.send(ask())
            peer.until(b'one')
            peer.close()
        for server in servers:
            server.close()

        def grown(document):
            return document['totals']['http']['server']['requests'] - before['totals']['http']['server']['requests']
        wait_until(lambda: grown(rq.snapshot()) >= PORTS, 5, f'{PORTS} requests in the totals')
        after = rq.settled()
    finally:
        rq.stop()
    own = sum(item['requests'] for server in servers for item in services_at(after, server.port))
    listed = sum(item['requests'] for item in after['services'] if item['role'] == 'server')
    bench.say(f'{own} of {PORTS} requests by service, {listed - own} elsewhere, {lost(after, "services")} connections without '
              'a place of their own')
    within(own, 1, PORTS - 1, 'requests of services that have a place')
    within(lost(after, 'services'), PORTS - own, 1e9, 'connections without a place')
    equal(listed, after['totals']['http']['server']['requests'], 'requests over all services, those without a place included')
