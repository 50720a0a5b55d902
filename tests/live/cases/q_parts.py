# SPDX-License-Identifier: GPL-2.0-only
"""Parts that are left out, from the start or under load: said, absent, and the rest is exact."""
from lib.report import case, equal
from lib.wire import Server, answer, ask, connect

LEFT_OUT = 'left out by --without'


def echo(peer):
    while True:
        try:
            peer.head()
        except (EOFError, OSError):
            return
        peer.send(answer(200, b'echo'))


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
