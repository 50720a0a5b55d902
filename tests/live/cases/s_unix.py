# SPDX-License-Identifier: GPL-2.0-only
"""What only Unix sockets have: names, ends that no hook shows, proxies in front. The rest runs over them with the _unix cases."""
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time

from cases.n_real import as_curl_says, late_server
from cases.o_proxy import KEPT_LOCATION, through
from cases.q_parts import left_out, turn
from lib import servers
from lib.child import Child
from lib.clients import run
from lib.load import UringServer
from lib.report import Skip, case, equal, within
from lib.roles import await_books, find
from lib.rqscope import BIN
from lib.snapshot import lost
from lib.wait import stop_process, wait_until
from lib.wire import LIMIT_S, Peer, Server, answer, ask, connect, echo, fresh_listener, over_unix, port_of, unix_listener

KEPT = 'upstream back {{ server unix:{port}; keepalive 16; }}'


@case()
def unix_gunicorn_behind_nginx(bench):
    """The usual way to run it: a connection for each request, and it closes first."""
    with servers.gunicorn(unix=True) as back, servers.nginx(f'proxy_pass http://unix:{back.port}:;') as front:
        through(bench, back, front)


@case()
def unix_node_behind_nginx(bench):
    """Connections are kept."""
    with servers.node(unix=True) as back, servers.nginx(KEPT_LOCATION, KEPT.format(port=back.port)) as front:
        through(bench, back, front)


@case()
def unix_times_of_curl(bench):
    with over_unix(), Child(late_server) as child:
        as_curl_says(bench, 'late server', child.hear(), '/late')


def books_of(document, port):
    """Of each role that there is: requests, responses, aborted, in flight."""
    return {role: tuple(found[0][key] for key in ('requests', 'responses', 'aborted', 'in_flight'))
            for role in ('server', 'client') for found in [find(document, role, port)] if found}


def both(bench, port, *books):
    """Waits until both roles have these books, and sees that they stay so."""
    want = {'server': books, 'client': books}

    def met(document):
        equal(books_of(document, port), want, 'requests, responses, aborted, in flight')
        return True
    await_books(bench.rq, met, 'both roles agree')


@case()
def unix_client_leaves_and_the_server_does_not_look(bench):
    """No call of either says so; the sweep finds it while the server still has its connection open."""
    read, go = threading.Event(), threading.Event()

    def script(peer):
        peer.head()
        read.set()
        go.wait(LIMIT_S)
    with over_unix(), Server(script) as server:
        peer = connect(server.port)
        peer.send(ask('/left'))
        read.wait(LIMIT_S)
        both(bench, server.port, 1, 0, 0, 1)
        peer.close()
        both(bench, server.port, 1, 0, 1, 0)
        go.set()
        server.close()
        both(bench, server.port, 1, 0, 1, 0)


@case()
def unix_answer_is_refused(bench):
    """The client has left, and the server tries to answer: aborted, once, in both roles."""
    left = threading.Event()

    def script(peer):
        peer.head()
        left.wait(LIMIT_S)
        try:
            peer.send(answer(200, b'late'))
        except BrokenPipeError:
            return
        raise AssertionError('the answer was taken')
    with over_unix(), Server(script) as server:
        peer = connect(server.port)
        peer.send(ask('/refused'))
        wait_until(lambda: books_of(bench.rq.snapshot(), server.port).get('server', ())[3:] == (1,), 5, 'the request')
        peer.close()
        left.set()
        server.close()
        both(bench, server.port, 1, 0, 1, 0)


@case()
def unix_client_leaves_a_closed_server(bench):
    """The server has closed behind its whole answer, the client leaves in the middle of it: nothing is left to be found."""
    size = 50000

    def script(peer):
        peer.head()
        peer.send(answer(200, b'x' * size))
    with over_unix(), Server(script) as server:
        for _ in range(5):
            peer = connect(server.port)
            peer.send(ask('/middle'))
            peer.exactly(1000)
            wait_until(lambda: peer.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or hung_up(peer.sock), LIMIT_S, 'the end')
            peer.close()
        server.close()

        def met(document):
            equal(books_of(document, server.port), {'server': (5, 5, 0, 0), 'client': (5, 0, 5, 0)},
                  'requests, responses, aborted, in flight')
            return True
        await_books(bench.rq, met, 'no request is left open')


def hung_up(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return any(events & select.POLLHUP for _, events in poll.poll(0))


@case()
def unix_both_ends_killed(bench):
    """A process that is client and server of itself, with three requests open and one answered."""
    def run(tell):
        listener = fresh_listener()
        peers = []
        for i in range(4):
            client = connect(port_of(listener))
            client.send(ask(f'/{i}'))
            peers += [client, Peer(listener.accept()[0])]
            peers[-1].head()
        peers[-1].send(answer(200, b'ok'))
        peers[-2].until(b'ok')
        tell(port_of(listener))
        signal.pause()
    with over_unix(), Child(run) as child:
        port = child.hear()
        both(bench, port, 4, 1, 0, 3)
        child.kill()
        child.wait()
        both(bench, port, 4, 1, 3, 0)


@case()
def unix_until_close(bench):
    """A body without length ends with its last byte, not when the client comes to look."""
    closed = threading.Event()

    def script(peer):
        peer.head()
        peer.send(b'HTTP/1.0 200 OK\r\n\r\n', b'some', b'more')
        peer.close()
        closed.set()
    with over_unix(), Server(script) as server:
        peer = connect(server.port)
        peer.send(b'GET / HTTP/1.0\r\n\r\n')
        closed.wait(LIMIT_S)
        time.sleep(0.3)  # what must not be in the duration
        equal(peer.rest()[-8:], b'somemore', 'body')
        peer.close()
        service = bench.rq.expect(server.port, requests=1, responses=1, aborted=0, in_flight=0, status={200: 1})
        within(service['duration']['max_ns'] / 1e6, 0, 200, 'duration', ' ms')
        equal((service['split']['count'], service['split']['unknown']), (1, 0), 'split: count, unknown')


@case()
def unix_names(bench):
    """Paths, abstract names, none at all (a pair), and one name for all who are accepted."""
    with over_unix():
        first = fresh_listener()
    first.close()
    name = f'\0rqscope-{os.urandom(4).hex()}'
    listener = unix_listener(name)

    def serve(sock):
        with sock:
            echo(Peer(sock))
    for _ in range(2):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(name)
        thread = threading.Thread(target=serve, args=(listener.accept()[0],))
        thread.start()
        turn(Peer(client))
        client.close()
        thread.join(LIMIT_S)
    listener.close()
    bench.rq.expect('@' + name[1:], requests=2, responses=2, aborted=0, in_flight=0, untimed=0)
    before = find(bench.rq.settled(), 'server', 0)
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(theirs,))
    thread.start()
    turn(Peer(ours))
    ours.close()
    thread.join(LIMIT_S)

    def nameless(document):
        found = [item for item in find(document, 'server', 0, servers.python_exe()) if item['path'] is None]
        equal([item['requests'] for item in found], [1], 'requests of the nameless one')
        return True
    equal([item for item in before if item['path'] is None and item['name'] == servers.python_exe()], [], 'nameless ones before')
    await_books(bench.rq, nameless, 'the pair is seen')


def programs_of(document):
    return {program['name'] for program in document['self']['programs']}


@case()
def io_uring_over_unix(bench):
    """Measured by tap A where the kernel lets programs be put on the functions of Unix sockets; else its bytes can't be read."""
    total, size = 200, len(ask('/uring'))
    with UringServer(os.path.join(bench.dir, 'uring.sock')) as server:
        if server.unavailable:
            raise Skip(f'io_uring is not available: {server.unavailable}')
        before = bench.rq.settled()
        peers = [connect(server.port) for _ in range(4)]
        for i in range(total):
            peers[i % 4].send(ask('/uring'))
            peers[i % 4].until(b'uring\n')
        for peer in peers:
            peer.close()
        own = server.close()
    equal((own['requests'], own['responses'], own['request_bytes']), (total, total, total * size), 'what the server says')
    if 'http_on_unix_receive' in programs_of(before):
        bench.rq.expect(server.port, before, requests=total, responses=total, untimed=0, aborted=0, in_flight=0, status={200: total},
                        request_bytes=own['request_bytes'], response_bytes=own['response_bytes'])
    else:
        bench.rq.expect(server.port, before, requests=0, responses=0, aborted=0, in_flight=0)
        within(lost(bench.rq.settled(), 'unparsed') - lost(before, 'unparsed'), 4, total, 'connections counted as not read')
    equal(books_of(bench.rq.settled(), server.port)['client'], (total, total, 0, 0), 'client: requests, responses, aborted, in flight')


@case()
def unix_where_functions_are_switched_off(bench):
    """Then programs on the tracepoints of all sockets take their place: the same counts."""
    if bench.tap == 'B':
        raise Skip('tap B has no programs on functions')
    if 'http_on_unix_receive' not in programs_of(bench.rq.settled()):
        raise Skip('this kernel refuses programs on functions: they are on the tracepoints in all cases')
    path = '/proc/sys/kernel/ftrace_enabled'
    with open(path, encoding='ascii') as file:
        was = file.read()
    try:
        with open(path, 'w', encoding='ascii') as file:
            file.write('0')
        rq = bench.start()
    finally:
        with open(path, 'w', encoding='ascii') as file:
            file.write(was)
    try:
        with over_unix(), Server(echo) as server:
            equal({name for name in programs_of(rq.settled()) if 'unix' in name},
                  {'http_on_unix_recv_length', 'http_on_unix_send_length'}, 'programs')
            peer = connect(server.port)
            turn(peer)
            rq.expect(server.port, requests=1, responses=1, aborted=0, in_flight=0, untimed=0)
            peer.close()
    finally:
        rq.stop()


@case()
def without_unix(bench):
    with over_unix(), Server(echo) as unix:
        rq = bench.start('--without', 'unix')
        try:
            with Server(echo, family=socket.AF_INET6, host='::1') as server:
                peers = [connect(unix.port), connect(server.port, '::1', socket.AF_INET6)]
                for peer in peers:
                    turn(peer)
                rq.expect(server.port, requests=1, responses=1, in_flight=0)
                after = rq.settled()
                equal(find(after, 'server', unix.port) + find(after, 'client', unix.port), [], 'services on the Unix socket')
                equal(left_out(after), {'unix'}, 'what is left out')
                equal([name for name in programs_of(after) if 'unix' in name], [], 'programs')
                for peer in peers:
                    peer.close()
        finally:
            rq.stop()


@case()
def unix_other_traffic_is_left_alone(bench):
    """Messages that are not HTTP, on connections from before and on new ones: after the first nothing is looked at."""
    def script(peer):
        while peer.take():
            peer.send(b'l\x02\x01\x01' + bytes(20))

    def talk(peer, times):
        for _ in range(times):
            peer.send(b'l\x01\x00\x01' + bytes(28))
            peer.exactly(24)
    with over_unix(), Server(script) as server:
        old = connect(server.port)
        talk(old, 3)
        rq = bench.start()
        try:
            new = connect(server.port)
            talk(old, 3000)
            talk(new, 3000)
            after = rq.settled()
            equal(find(after, 'server', server.port) + find(after, 'client', server.port), [], 'services')
            equal({key: lost(after, key) for key in ('unparsed', 'unmatched')}, {'unparsed': 0, 'unmatched': 0}, 'lost')
            for peer in (old, new):
                peer.close()
        finally:
            rq.stop()


@case()
def unix_own_connections_are_left_out(bench):
    """rqscope on a Unix socket, asked by curl: neither end is told."""
    path = os.path.join(bench.dir, 'rqscope.sock')
    process = subprocess.Popen([BIN, 'serve', '--tap', bench.tap, '--no-auth', '--listen', f'unix:{path}'], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.path.exists(path), 10, 'its socket')

        def snapshot():
            return json.loads(run('curl', '-s', '--unix-socket', path, 'http://t/api/v1/snapshot'))
        wait_until(lambda: snapshot()['history']['windows'] >= 5, 10, 'five windows')
        equal([item['name'] for item in snapshot()['services'] if item['path'] == path], [], 'services on its socket')
    finally:
        equal(stop_process(process), 0, 'its status')
