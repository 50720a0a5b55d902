# SPDX-License-Identifier: GPL-2.0-only
"""Slow requests, server errors and aborted requests are told, once each, without their query string."""
import time

from lib.report import case, equal, within
from lib.wait import wait_until
from lib.wire import Server, answer, ask, connect

SECRET = 'token=hunter2'


def script(peer):
    while True:
        try:
            path = peer.head().split()[1]
        except (EOFError, OSError):
            return
        if path.startswith(b'/slow'):
            time.sleep(0.08)
        if path.startswith(b'/leave'):
            peer.gone()
            return
        peer.send(answer(503 if path.startswith(b'/error') else 200, b'done'))


def mine(document, port):
    """Events of this case, by kind."""
    kinds = {}
    for event in document['events']['recent']:
        if str(port) in (event['service'] or '') or f'case{port}' in event['text']:
            kinds.setdefault(event['kind'], []).append(event)
    return kinds


@case()
def events(bench):
    rq = bench.start('--slow', '50ms')
    try:
        with Server(script) as server:
            port = server.port
            before = rq.settled()['events']['counts']
            for path in ('/quick', '/slow', '/slow', '/error'):
                peer = connect(port)
                peer.send(ask(f'{path}/case{port}?{SECRET}'))
                peer.until(b'done')
                peer.close()
            peer = connect(port)
            peer.send(ask(f'/leave/case{port}?{SECRET}', 'DELETE'))
            peer.close()
            server.close()
            rq.expect(port, requests=5, responses=4, aborted=1, in_flight=0, status={200: 3, 503: 1})

        def told():
            kinds = mine(rq.snapshot(), port)
            return kinds if {'slow_request', 'server_error', 'aborted_request'} <= set(kinds) else None
        kinds = wait_until(told, 5, f'the three kinds of events, have {mine(rq.snapshot(), port)}')
        document = rq.settled()
    finally:
        rq.stop()
    kinds = mine(document, port)
    service = next(found for found in document['services'] if found['port'] == port and found['role'] == 'server')
    want = {'slow_request': (2, '/slow', 'GET', 'warning'), 'server_error': (1, '/error', 'GET', 'error'),
            'aborted_request': (1, '/leave', 'DELETE', None)}
    for kind, (count, path, method, level) in want.items():
        equal(len(kinds[kind]), count, f'events of kind {kind}')
        within(document['events']['counts'][kind] - before.get(kind, 0), count, 1e6, f'count of {kind}')
        for event in kinds[kind]:
            text = event['text']
            equal([event[name] for name in ('role', 'container', 'slot')], [service[name] for name in ('role', 'container', 'slot')], 'whose it is')
            bench.say(f'{kind}: {event["level"]} {event["service"]}: {text}')
            if f'{path}/case{port}' not in text or method not in text:
                raise AssertionError(f'{kind} does not name its request: {text}')
            if level and event['level'] != level:
                raise AssertionError(f'{kind} has level {event["level"]}')
    if 'hunter2' in str(document) or '?' in kinds['slow_request'][0]['text']:
        raise AssertionError('a query string left the kernel')
    if any('/quick' in event['text'] for events_of in kinds.values() for event in events_of
           if event['kind'] in ('slow_request', 'server_error')):
        raise AssertionError('a quick request made an event')


@case(limit_s=40)
def events_are_bounded(bench):
    """Far more errors than the budget: all counted by kind, few told, the rest known as held back."""
    total = 3000

    def errors(peer):
        for _ in range(total):
            peer.head()
            peer.send(answer(500, b'done'))
    with Server(errors) as server:
        before = bench.rq.settled()
        peer = connect(server.port)
        for _ in range(total // 50):
            peer.send(ask('/storm') * 50)
            for _ in range(50):
                peer.until(b'done')
        peer.close()
        server.close()
        bench.rq.expect(server.port, requests=total, responses=total, status={500: total})
        after = bench.rq.settled()
    counted = after['events']['counts'].get('server_error', 0) - before['events']['counts'].get('server_error', 0)
    bench.say(f'{counted} counted, {len(after["events"]["recent"])} told, {after["coverage"]["lost"]["events"]} held back')
    within(counted, total, total + 1000, 'server errors counted')
    within(len(after['events']['recent']), 1, 500, 'events told')
    within(after['coverage']['lost']['events'] - before['coverage']['lost']['events'], 1, 1e9, 'events held back')
