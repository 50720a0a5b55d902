# SPDX-License-Identifier: GPL-2.0-only
"""A proxy is server and client of one request in one process: both roles, each once. And servers in other namespaces."""
import http.client
import socket
import time

from lib import servers
from lib.child import Child
from lib.clients import ab_keepalive, h2load
from lib.netns import Netns
from lib.report import Skip, case, equal, within
from lib.roles import await_books, did, find
from lib.wait import wait_until
from lib.wire import LIMIT_S, answer, ask, connect

MS = 1000000
KEPT = 'upstream back {{ server 127.0.0.1:{port}; keepalive 16; }}'
KEPT_LOCATION = 'proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection "";'


def through(bench, back, front):
    """Two clients through a proxy: four ends of each request, all counted alike and once."""
    before = bench.rq.settled()
    first_front, first_back = front.count(), back.count()
    total = h2load(front.port)['completed'] + ab_keepalive(front.port)['completed']

    def all_ends(after):
        equal((front.count() - first_front, back.count() - first_back), (total, total), 'counts of both servers')
        for role, port, name in (('server', front.port, front.exe), ('client', back.port, front.exe), ('server', back.port, back.exe)):
            books = did(after, before, role, port, name)
            equal((books.requests, books.responses, books.aborted, books.in_flight, books.status), (total, total, 0, 0, {200: total}),
                  f'{role} role of {name} at {port}: requests, responses, aborted, in flight, status')
        asks = [did(after, before, 'client', front.port, name).responses for name in ('h2load', 'ab')]
        equal(sum(asks), total, 'responses to both clients')
        equal((find(after, 'client', front.port, front.exe), find(after, 'server', back.port)[1:]), ([], []), 'services too many')
        return True
    _, after = await_books(bench.rq, all_ends, 'all ends agree')
    outer, inner = (find(after, role, port, front.exe)[0]['duration'] for role, port in (('server', front.port), ('client', back.port)))
    bench.say(f'{total} through {front.exe}: server role {outer["sum_ns"] / total / MS:.3f} ms, '
              f'its client role {inner["sum_ns"] / total / MS:.3f} ms')
    within(inner['sum_ns'], 1, outer['sum_ns'], 'time that the proxy waited in all', ' ns')


@case()
def nginx_proxy(bench):
    """A new connection to the server behind for each request."""
    with servers.nginx() as back, servers.nginx(f'proxy_pass http://127.0.0.1:{back.port};') as front:
        through(bench, back, front)


@case()
def nginx_proxy_keeps_connections(bench):
    with servers.node() as back, servers.nginx(KEPT_LOCATION, KEPT.format(port=back.port)) as front:
        through(bench, back, front)


@case()
def proxy_of_one_thread(bench):
    """It waits 20 ms for the server behind: blocked to those who ask it, and not shared."""
    runs, reply = 10, answer(200, b'behind')

    def serve(tell, behind=None):
        listener = socket.create_server(('127.0.0.1', 0))
        tell(listener.getsockname()[1])
        conn, _ = listener.accept()
        conn.settimeout(LIMIT_S)
        onward = connect(behind) if behind else None
        while conn.recv(4096):
            if onward:
                onward.send(ask('/onward'))
                onward.exactly(len(reply))
            else:
                time.sleep(0.02)
            conn.sendall(reply)
    with Child(serve) as back:
        behind = back.hear()
        with Child(lambda tell: serve(tell, behind)) as front:
            port = front.hear()
            peer = connect(port)
            for _ in range(runs):
                peer.send(ask('/in'))
                peer.exactly(len(reply))
            peer.close()
            for at in (behind, port):
                bench.rq.expect(at, requests=runs, responses=runs, aborted=0, in_flight=0)
            name, after = servers.python_exe(), bench.rq.settled()
    asks = find(after, 'client', behind, name)[0]
    equal((asks['requests'], asks['responses'], asks['aborted'], asks['in_flight']), (runs, runs, 0, 0), 'client role')
    split = find(after, 'server', port)[0]['split']
    bench.say(f'{split}')
    equal((split['count'], split['unknown'], split['shared']), (runs, 0, 0), 'split: count, unknown, shared')
    within(split['blocked_ns'] / runs / MS, 18, 100, 'blocked', ' ms')


@case()
def network_namespaces(bench):
    """The same program at the same port inside and outside is, without a container, one service; all of it is seen, in both roles."""
    try:
        made = Netns()
    except OSError as error:
        raise Skip(f'no network namespace: {error}') from None

    def fetch(host, port):
        connection = http.client.HTTPConnection(host, port, timeout=5)
        try:
            connection.request('GET', '/hello')
            return len(connection.getresponse().read())
        finally:
            connection.close()

    def open_at(host, port):
        with socket.socket() as sock:
            sock.settimeout(1)
            return sock.connect_ex((host, port)) == 0
    with made as netns, servers.nginx() as outside, \
            servers.nginx(address=netns.there, port=outside.port, prefix=netns.enter) as inside:
        port = outside.port
        wait_until(lambda: open_at(netns.there, port), 10, 'nginx in the namespace')
        first = inside.count()
        for host, times in ((netns.there, 7), ('127.0.0.1', 4)):
            for _ in range(times):
                equal(fetch(host, port), servers.BODY_BYTES, f'bytes from {host}')

        def both(after):
            equal((inside.count() - first, outside.count()), (7, 4), 'counts of nginx')
            for role, name in (('server', 'nginx'), ('client', servers.python_exe())):
                found = find(after, role, port)
                equal([(item['name'], item['requests'], item['responses'], item['aborted'], item['in_flight']) for item in found],
                      [(name, 11, 11, 0, 0)], f'{role} role: requests, responses, aborted, in flight')
            service = find(after, 'server', port)[0]
            equal(len(service['pids']) > 1, True, f'pids of both ({service["pids"]})')
            return service
        found, _ = await_books(bench.rq, both, 'all requests of both')
        bench.say(f'{found["requests"]} requests at port {found["port"]}, pids {found["pids"]}, container {found["container"]}')
