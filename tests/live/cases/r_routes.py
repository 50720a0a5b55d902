# SPDX-License-Identifier: GPL-2.0-only
"""Routes: requests told apart by method and path, both roles, as many as there is room for, and never more than there were."""
import itertools
import uuid
import time

from lib import bpfobjects
from lib.load import Nginx, Wrk
from lib.report import case, equal, within
from lib.roles import await_books, find
from lib.servers import python_exe
from lib.snapshot import lost
from lib.wait import wait_until
from lib.wire import Server, answer, ask, connect

DEPTH = 25  # requests in one write: fewer than are followed on one connection
MANY = 100000


def routes_of(document, port, role='server'):
    """{(method, path): item} of the one service; (None, None) is what is not told apart."""
    found = find(document, role, port)
    if not found:
        return {}
    equal(len(found), 1, f'{role} services at port {port}')
    return {(item['method'], item['path']): item for item in found[0]['routes']}


def await_routes(rq, port, want):
    """Waits until both roles have these routes and no other: {(method, path): (requests, responses, errors)}."""
    def met(document):
        for role in ('server', 'client'):
            got = {name: (item['requests'], item['responses'], item['errors'])
                   for name, item in routes_of(document, port, role).items()}
            equal(got, want, f'routes of the {role}')
            for name, item in routes_of(document, port, role).items():
                equal(item['duration']['count'], item['responses'], f'timed responses of {name}')
        return True
    return await_books(rq, met, f'the routes at port {port}')[1]


def echo(peer):
    """Answers /fail/... with 503, all else with 200."""
    while True:
        try:
            head = peer.head()
        except EOFError:
            return
        peer.send(answer(503 if b' /fail/' in head else 200, b'.'))


def batches(peer):
    """Answers as many requests as come in one piece with one."""
    data = b''
    while True:
        chunk = peer.take()
        if not chunk:
            return
        data += chunk
        count = data.count(b'\r\n\r\n')
        if count:
            data = data[data.rindex(b'\r\n\r\n') + 4:]
            peer.send(answer(200, b'.') * count)


def send_batches(peer, paths):
    """Requests for all of these paths; the answers are awaited batch by batch."""
    paths = iter(paths)
    size = len(answer(200, b'.'))
    while True:
        batch = list(itertools.islice(paths, DEPTH))
        if not batch:
            return
        peer.send(b''.join(b'GET %b HTTP/1.1\r\nHost: t\r\n\r\n' % path.encode() for path in batch))
        peer.exactly(size * len(batch))


def word(number):
    """A short path of letters, another one for each number."""
    text = ''
    for _ in range(5):
        number, letter = divmod(number, 20)
        text += 'ghijklmnopqrstuvwxyz'[letter]
    return '/' + text


@case()
def routes_are_told_apart(bench):
    """Methods and paths with their variable parts folded, exact, in both roles."""
    long = '/' + 'files/' * 12
    sent = {
        ('GET', '/'): ['/', '/?a=1', '/'],
        ('GET', '/users/:id'): ['/users/1', '/users/22', '/users/333?x=/y', '/users/4294967296'],
        ('GET', '/users/:id/'): ['/users/1/'],
        ('GET', '/o/:id/x'): ['/o/3fa85f64-5717-4562-b3fc-2c963f66afa6/x', '/o/d41d8cd98f00b204e9800998ecf8427e/x'],
        ('GET', '/fail/a'): ['/fail/a', '/fail/a'],
        ('GET', '//a%2F1//'): ['//a%2F1//'],
        ('GET', '*'): ['*'],
        ('GET', 'http://h:1234/:id'): ['http://h:1234/99'],
        ('GET', '/files/files/files/files/files/files/files/files/files/files/...'): [long + 'a', long + 'b'],
    }
    with Server(echo) as server:
        peer = connect(server.port)
        for path in itertools.chain(*sent.values()):
            peer.send(ask(path))
            peer.until(b'\r\n\r\n.')
        for method in ('POST', 'BREW', 'B-R_E'):
            peer.send(ask('/', method=method, body=b''))
            peer.until(b'\r\n\r\n.')
        peer.send(b'GET /\x80\xff\xc3\xa9 HTTP/1.1\r\n\r\n')
        peer.until(b'\r\n\r\n.')
        peer.close()
        server.close()
        want = {name: (len(paths), len(paths), len(paths) if 'fail' in name[1] else 0) for name, paths in sent.items()}
        want |= {('POST', '/'): (1, 1, 0), ('_OTHER', '/'): (2, 2, 0), ('GET', '/\\x80\\xffé'): (1, 1, 0)}
        after = await_routes(bench.rq, server.port, want)
    bench.say(f'{len(want)} routes in each role; {lost(after, "routes")} requests not told apart on this host')


@case()
def values_of_one_route(bench):
    """Thousands of values of every length in the place of a variable part are one route, and none is left over."""
    numbers = [f'/users/{7 ** i}' for i in range(22)] * 100
    ids = [f'/orders/{uuid.UUID(int=(i + 1) * 0x9e3779b97f4a7c15f39cc0605cedc835 % 2 ** 128)}/items' for i in range(2000)]
    with Server(batches) as server:
        peer = connect(server.port)
        send_batches(peer, numbers + ids)
        peer.close()
        server.close()
        await_routes(bench.rq, server.port, {('GET', '/users/:id'): (len(numbers), len(numbers), 0),
                                             ('GET', '/orders/:id/items'): (len(ids), len(ids), 0)})


@case()
def route_that_is_not_seen(bench):
    """A head in pieces, and requests deeper than are followed: counted, as what is left of the service."""
    depth = 60
    before = lost(bench.rq.settled(), 'routes')

    def script(peer):
        for i in range(depth + 1):
            peer.head(65536 if i else 8)
            peer.send(answer(200, b'.'))
    with Server(script) as server:
        peer = connect(server.port)
        peer.send(b'GET /in/pie', b'ces HTTP/1.1\r\nHost: t\r\n\r\n')
        peer.until(b'\r\n\r\n.')
        peer.send(ask('/deep') * depth)
        for _ in range(depth):
            peer.until(b'\r\n\r\n.')
        peer.close()
        server.close()
        service = bench.rq.expect(server.port, requests=depth + 1, responses=depth + 1, in_flight=0)
    routes = {item['path']: item for item in service['routes']}
    equal(sorted(routes, key=str), ['/deep', None], 'paths')
    within(routes['/deep']['requests'], 32, depth, 'requests of /deep')
    equal(routes[None]['requests'], depth + 1 - routes['/deep']['requests'], 'what is left')
    within(lost(bench.rq.settled(), 'routes') - before, routes[None]['requests'], 1e9, 'requests not told apart')


@case()
def routes_add_up_at_any_moment(bench):
    """Under load every snapshot's routes sum to their services' counts (the check is in each snapshot); in the end each is exact."""
    with Nginx() as nginx:
        before = bench.rq.settled()
        wrk = Wrk(nginx.port, connections=32, seconds=4)
        end, count = time.monotonic() + 3.5, 0
        while time.monotonic() < end:
            bench.rq.snapshot()
            count += 1
        done = wrk.wait()
        nginx.status()
        own = nginx.status()['requests']
        bench.rq.expect(nginx.port, before, requests=own, in_flight=0)
        routes = routes_of(bench.rq.settled(), nginx.port)
        equal({name: item['requests'] for name, item in routes.items()},
              {('GET', '/hello'): own - 2, ('GET', '/status'): 2}, 'routes')
        bench.say(f'{count} snapshots, wrk completed {done["completed"]}')


@case(limit_s=120)
def more_paths_than_there_is_room_for(bench):
    """100,000 different paths: what is steady keeps its name and is exact, what comes later gets one, the rest is the rest."""
    rq = bench.start()
    try:
        with Server(batches) as server:
            peer = connect(server.port)
            send_batches(peer, ['/steady'])
            rss = rq.rss_bytes()
            start = time.monotonic()
            send_batches(peer, itertools.chain.from_iterable(
                ('/steady' if i % DEPTH == 0 else word(i), '/later' if i % DEPTH == 1 and i > MANY // 2 else word(i + 10 ** 6))
                for i in range(MANY // 2)))
            took = time.monotonic() - start
            rate = MANY / took
            wait_until(lambda: sum(item['requests'] for item in routes_of(rq.snapshot(), server.port).values()) == MANY + 1, 10,
                       'all requests in the routes')
            # The room is full of paths that came once. One that goes on gets a name, and from then on is exact.
            sent = 0

            def named():
                nonlocal sent
                send_batches(peer, ['/later'] * 5 + [word(2 * 10 ** 6 + sent + i) for i in range(5)])
                sent += 5
                return ('GET', '/later') in routes_of(rq.snapshot(), server.port)
            wait_until(named, 15, 'a name for the route that came later', pause_s=0.1)
            one = routes_of(rq.settled(), server.port)[('GET', '/later')]['requests']
            send_batches(peer, ['/later'] * 500)
            # More that come often enough for a name: who came once loses its own, and the ids are given to others.
            crowd = 0

            def passed_on():
                nonlocal crowd
                send_batches(peer, ['/steady', '/later'] + [word(3 * 10 ** 6 + crowd // 8)] * 8)
                crowd += 8
                return not bpfobjects.is_empty(ids)
            ids = bpfobjects.map_of(rq.pid, 'http_routes_fre')
            equal(bpfobjects.is_empty(ids), True, 'no id was taken back before')
            wait_until(passed_on, 20, 'ids that are free again', pause_s=0.02)
            again = 0

            def named_again():
                nonlocal again
                send_batches(peer, ['/again'] * DEPTH)
                again += DEPTH
                return ('GET', '/again') in routes_of(rq.snapshot(), server.port)
            wait_until(named_again, 20, 'a name for a route that has the id of another one', pause_s=0.02)
            peer.close()
            server.close()
            total = MANY + 1 + 2 * sent + 500 + 10 * crowd // 8 + again
            service = rq.expect(server.port, requests=total, responses=total, in_flight=0)
            after, kernel = wait_until(lambda: same_counts(rq), 10, 'the same sum over all routes as the kernel has')
        routes = routes_of(after, server.port)
        named_paths = [name for name in routes if name[0]]
        rest = routes[(None, None)]
        equal(routes[('GET', '/steady')]['requests'], 1 + MANY // 2 // DEPTH + crowd // 8, 'requests of the steady route')
        equal(routes[('GET', '/later')]['requests'], one + 500 + crowd // 8, 'requests of the later route')
        within(routes[('GET', '/again')]['requests'], 1, again, 'requests of the route that has the id of another one')
        within(len(named_paths), 60, 200, 'named routes of this role')
        equal(rest['requests'] + sum(routes[name]['requests'] for name in named_paths), total, 'requests over all routes')
        evicted = rest['requests'] - kernel[slot_of(rq, server.port)]
        within(evicted, 1, 20000, 'requests of routes that lost their names')
        within(lost(after, 'routes'), rest['requests'], 1e9, 'requests not told apart')
        grown = rq.rss_bytes() - rss
        bench.say(f'{rate:.0f} requests/s; {len(named_paths)} named, {rest["requests"]} of {service["requests"]} not told apart, '
                  f'{evicted} of routes that lost their names; {sent} requests until the later one had its name; '
                  f'{grown / 1e6:.1f} MB more resident')
        within(grown / 1e6, -40, 6, 'memory', ' MB')
    finally:
        rq.stop()


@case()
def as_many_routes_as_are_asked_for(bench):
    """--max-routes: 480 of two services are told apart where 500 may be, and 12 where 12 may be; the rest adds up."""
    paths = [word(i) for i in range(240)]
    for most in (500, 12):
        rq = bench.start('--max-routes', str(most))
        try:
            with Server(batches) as server:
                peer = connect(server.port)
                send_batches(peer, paths)
                if most > len(paths):
                    await_routes(rq, server.port, {('GET', path): (1, 1, 0) for path in paths})
                equal(bpfobjects.size_of(bpfobjects.map_of(rq.pid, 'http_routes')), most + 56, 'room for names in the kernel')

                def named(document):
                    found = [routes_of(document, server.port, role) for role in ('server', 'client')]
                    for routes in found:
                        equal(sum(item['requests'] for item in routes.values()), len(paths), 'requests over all routes')
                    return sum(len([name for name in routes if name[0]]) for routes in found)
                count = await_books(rq, lambda document: named(document) if named(document) <= most else None, f'{most} routes', 20)[0]
                bench.say(f'--max-routes {most}: {count} have a name')
                within(count, min(most, 2 * len(paths)) // 2, most, 'routes with a name')
                peer.close()
        finally:
            rq.stop()


def slot_of(rq, port):
    found = [entry['value']['slot'] for entry in bpfobjects.entries(bpfobjects.map_of(rq.pid, 'http_services'))
             if entry['key']['port'] == port and entry['key']['role'] == 0]
    equal(len(found), 1, f'slots at port {port}')
    return found[0]


def kernel_counts(rq):
    """Requests as the kernel counted them, by id: those below 256 are what is left of the service with that slot."""
    entries = bpfobjects.entries(bpfobjects.map_of(rq.pid, 'http_route_coun'))
    return {entry['key']: sum(lane['value']['requests'] for lane in entry['values']) for entry in entries}


def same_counts(rq):
    """A snapshot and the kernel's counts, if they agree: something else on this host may be answering requests in between."""
    after = rq.settled()
    kernel = kernel_counts(rq)
    listed = sum(item['requests'] for found in after['services'] for item in found['routes'])
    return (after, kernel) if sum(kernel.values()) == listed else None


@case()
def without_routes(bench):
    rq = bench.start('--without', 'routes')
    try:
        with Server(echo) as server:
            peer = connect(server.port)
            for path in ('/a', '/b', '/fail/x'):
                peer.send(ask(path))
                peer.until(b'\r\n\r\n.')
            peer.close()
            server.close()
            service = rq.expect(server.port, requests=3, responses=3, errors=1, in_flight=0)
        equal('routes' in service, False, 'routes of the service')
        equal([(probe['state'], probe['reason']) for probe in rq.snapshot()['coverage']['probes'] if probe['name'] == 'routes'],
              [('off', 'left out by --without')], 'what is said of them')
        equal(sum(kernel_counts(rq).values()), 0, 'requests that the kernel counted by route')
        equal(find(rq.snapshot(), 'server', server.port)[0]['name'], python_exe(), 'name of the service')
    finally:
        rq.stop()
