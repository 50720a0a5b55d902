# SPDX-License-Identifier: GPL-2.0-only
"""Parts that are left out, from the start or under load: said, absent, and the rest is exact."""
import os
import socket
import threading
import time

from lib import bpfobjects
from lib.load import Nginx, Wrk
from lib.report import case, equal, within
from lib.roles import check_roles, find
from lib.wait import wait_until
from lib.wire import LIMIT_S, Peer, Server, answer, ask, connect, echo, fresh_listener

LEFT_OUT = 'left out by --without'


def turn(peer):
    peer.send(ask('/part'))
    peer.until(b'echo')


def left_out(document):
    return {probe['name'] for probe in document['coverage']['probes'] if probe['reason'] == LEFT_OUT and probe['state'] == 'off'}


@case()
def without_client(bench):
    """Connections that were open before, whose role has yet to be found, among them."""
    with Server(echo) as server:
        old, new = connect(server.port), None
        turn(old)
        rq = bench.start('--without', 'client')
        try:
            new = connect(server.port)
            for _ in range(5):
                turn(old)
                turn(new)
            rq.expect(server.port, requests=10, responses=10, in_flight=0, status={200: 10})
            after = rq.settled()
            equal('client' in after['totals']['http'], False, 'the client role in the totals')
            equal([item['name'] for item in after['services'] if item['role'] == 'client'], [], 'services of the client role')
            equal(left_out(after), {'client'}, 'what is left out')
            equal(after['coverage']['lost']['unparsed'], 0, 'unparsed messages')
        finally:
            rq.stop()
        old.close()
        new.close()


@case(each_tap=False)
def without_whole_probes(bench):
    rq = bench.start('--without', 'http,runqueue')
    try:
        after = rq.settled()
        equal(left_out(after), {'http', 'sched', 'waiters'}, 'what is left out')
        equal(after['totals']['http'], {}, 'HTTP in the totals')
        equal('runqueue' in after['totals'], False, 'the run queue in the totals')
        equal(after['services'], [], 'services')
        equal(after['self']['programs'], [], 'programs that run')
        equal(rq.said(), '', 'what it complained of')
    finally:
        rq.stop()


@case(each_tap=False)
def fewer_services(bench):
    """--max-services bounds the kernel's maps; what finds no place is counted as one service, and totals hold."""
    rq = bench.start('--max-services', '3')
    try:
        equal(bpfobjects.size_of(bpfobjects.map_of(rq.pid, 'http_lanes')), 5 * os.cpu_count(), 'lanes of slots, those for the rest included')
        before = rq.settled()
        for _ in range(6):
            with Server(echo) as server:
                peer = connect(server.port)
                turn(peer)
                peer.close()

        def grown(document):
            return document['totals']['http']['server']['requests'] - before['totals']['http']['server']['requests']
        wait_until(lambda: grown(rq.snapshot()) >= 6, 5, '6 requests in the totals')
        after = rq.settled()
        named = [item for item in after['services'] if item['name'] != 'other']
        within(len(named), 1, 3, 'services told apart')
        within(after['coverage']['lost']['services'], 6 - len(named), 1e9, 'connections without a place')
        equal(sum(item['requests'] for item in after['services'] if item['role'] == 'server'),
              after['totals']['http']['server']['requests'], 'requests over all services')
    finally:
        rq.stop()


PORTS = 105  # each of them is two services, one a role


def rounds(pairs, count):
    for _ in range(count):
        for client, served in pairs:
            client.send(ask('/many'))
            served.head()
            served.send(answer(200, b'done'))
            client.until(b'done')


@case(limit_s=60)
def more_than_200_services(bench):
    """--max-services 254: each of 210 has its own books, all of them add up, and a tick in which all are busy still comes in time."""
    listeners = [fresh_listener('127.0.0.1', socket.AF_INET, 4) for _ in range(PORTS)]
    ports = [listener.getsockname()[1] for listener in listeners]
    rq, pairs = bench.start('--max-services', '254'), []
    try:
        equal(bpfobjects.size_of(bpfobjects.map_of(rq.pid, 'http_lanes')), 256 * os.cpu_count(), 'lanes of slots')
        for listener, port in zip(listeners, ports):
            client = connect(port)
            pairs.append((client, Peer(listener.accept()[0])))
        for k, pair in enumerate(pairs):
            rounds([pair], k % 7 + 1)

        def told(document, busy=0):
            return all(len(found := find(document, role, port)) == 1 and found[0]['requests'] == found[0]['responses'] == k % 7 + 1 + busy
                       for k, port in enumerate(ports) for role in ('server', 'client'))
        wait_until(lambda: told(rq.snapshot()), 8, 'the books of each of 210 services')
        cpu_s, started, count = rq.cpu_s(), time.monotonic(), 0
        while time.monotonic() - started < 5:
            rounds(pairs, 1)
            count += 1
        cpu_s, span_s = rq.cpu_s() - cpu_s, time.monotonic() - started
        wait_until(lambda: told(rq.snapshot(), count), 8, 'the books after all were busy')
        after = rq.settled()
        check_roles(after)
        equal(after['coverage']['lost']['services'], 0, 'connections without a place')
        slots = [item['slot'] for item in after['services']]
        equal(len(set(slots)), len(slots), 'slots')
        within(max(slots), 200, 255, 'the highest slot')
        equal([probe['state'] for probe in after['coverage']['probes'] if probe['name'] == 'http'], ['on'], 'the probe')
        bench.say(f'{len(slots)} services, {count * PORTS / span_s:.0f} requests/s over {span_s:.0f} s: rqscope took {100 * cpu_s / span_s:.1f} % of a CPU, '
                  f'its ticks were at most {after["self"]["tick_late_max_ns"] / 1e6:.2f} ms late, {rq.rss_bytes() >> 20} MB resident')
    finally:
        rq.stop()
        for client, served in pairs:
            client.close()
            served.close()
        for listener in listeners:
            listener.close()


LIMIT = '2.5'  # percent of a CPU: several times what rqscope takes at rest, and a part of what wrk makes it take


def client_at(document, port):
    """Books of the client role's service that calls a port."""
    check_roles(document)
    found = find(document, 'client', port)
    equal(len(found), 1, f'services that call port {port}')
    return {key: found[0][key] for key in ('requests', 'responses', 'aborted', 'in_flight', 'status')}


@case(limit_s=280)
def shed_under_load_and_back(bench):
    """Above --max-overhead routes go, then the client role; the server role stays exact; at rest they come back."""
    read, go = threading.Event(), threading.Event()
    told = {}  # a busy host's stalls soon drive other events out of the list

    def shed():
        document = rq.snapshot()
        told.update({event['text']: None for event in document['events']['recent']
                     if event['kind'] == 'overload' and 'fell behind' not in event['text']})
        return document['coverage']['shed']
    rq = bench.start('--max-overhead', LIMIT)
    try:
        with Nginx() as nginx, Server(lambda peer: echo(peer, read, go, 20 * LIMIT_S)) as server:
            peer, waits = connect(server.port), connect(server.port)
            for _ in range(2):
                turn(peer)
            waits.send(ask('/wait'))
            read.wait(LIMIT_S)
            wrk = Wrk(nginx.port, seconds=15)
            wait_until(lambda: shed() == ['routes'], 12, 'routes to be shed')
            wait_until(lambda: shed() == ['routes', 'client'], 12, 'the client role to be shed')
            equal(client_at(rq.settled(), server.port),
                  {'requests': 3, 'responses': 2, 'aborted': 0, 'in_flight': 1, 'status': {'200': 2}}, 'the client, shed')
            go.set()
            waits.until(b'echo')
            for _ in range(5):
                turn(peer)
            late = connect(server.port)
            turn(late)
            rq.expect(server.port, requests=9, responses=9, aborted=0, in_flight=0, status={200: 9})
            # What was open ended where its answer came; what came after wasn't looked at.
            ended = {'requests': 3, 'responses': 3, 'aborted': 0, 'in_flight': 0, 'status': {'200': 2, 'unknown': 1}}
            equal(client_at(rq.settled(), server.port), ended, 'the client when its answer had come')
            calls = client_at(rq.snapshot(), nginx.port)['requests']
            done = wrk.wait()
            said = nginx.status()['requests']
            rq.expect(nginx.port, requests=said, responses=said, aborted=0, in_flight=0)
            within(calls, 1, done['completed'] - 1, "wrk's requests as a client")
            wait_until(lambda: shed() == ['routes'], 90, 'the client role to come back', pause_s=1)
            wait_until(lambda: shed() == [], 90, 'routes to come back', pause_s=1)
            for each in (peer, late, waits):
                turn(each)
            rq.expect(server.port, requests=12, responses=12, aborted=0, in_flight=0, status={200: 12})
            after = rq.settled()
            equal(client_at(after, server.port), ended | {'requests': 6, 'responses': 6, 'status': {'200': 5, 'unknown': 1}},
                  'the client, back')
            bench.say('; '.join(told))
            equal([text.split(':')[0] for text in told],
                  ['rqscope goes on without routes', 'rqscope goes on without the client role',
                   'rqscope measures the client role again', 'rqscope measures routes again'], 'events')
            for each in (peer, late, waits):
                each.close()
    finally:
        rq.stop()
