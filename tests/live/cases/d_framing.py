# SPDX-License-Identifier: GPL-2.0-only
"""Where a request and a response begin and end: every way that HTTP/1 has to say it, whole and byte by byte."""
import socket

from lib.report import case, equal
from lib.snapshot import lost
from lib.wire import Server, answer, ask, connect

HOST = 'Host: t\r\n'
FAKE_REQUEST = b'GET /fake HTTP/1.1\r\nHost: x\r\n\r\n'
FAKE_RESPONSE = b'HTTP/1.1 500 Fake\r\nContent-Length: 0\r\n\r\n'
CHUNKED_HEAD = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'


def exchange(bench, server_script, client_script, want, each_byte=True, host='127.0.0.1', family=socket.AF_INET):
    """Runs both scripts on a connection of their own and expects the numbers and the bytes of both directions."""
    with Server(server_script, host, family) as server:
        peer = connect(server.port, host, family)
        client_script(peer)
        peer.close()
        server.close()
        if each_byte:
            want = dict(want, request_bytes=server.received, response_bytes=server.sent)
        return bench.rq.expect(server.port, in_flight=0, **{'aborted': 0, 'upgrades': 0, **want})


def replies(*responses):
    """A server that reads a head for each response and sends it; a tuple is sent part by part."""
    def script(peer):
        for response in responses:
            peer.head()
            peer.send(*(response if isinstance(response, tuple) else (response,)))
    return script


def asks(*turns):
    """A client of (request, end of its response) pairs; None: until the server closes."""
    def script(peer):
        for request, mark in turns:
            peer.send(*(request if isinstance(request, tuple) else (request,)))
            if mark is None:
                peer.rest()
            else:
                peer.until(mark)
    return script


def counted(*codes):
    """requests, responses and status for these final codes."""
    return {'requests': len(codes), 'responses': len(codes), 'status': {code: codes.count(code) for code in codes}}


@case(unix=True)
def status_codes(bench):
    codes = (200, 204, 301, 404, 418, 500, 503, 599, 200, 404)

    def script(peer):
        for code in codes:
            peer.head()
            peer.send(b'HTTP/1.1 204 None\r\nX-End: 1\r\n\r\n' if code == 204 else
                      answer(code, b'', extra='X-End: 1\r\n'))
    exchange(bench, script, asks(*[(ask(f'/{code}'), b'X-End: 1\r\n\r\n') for code in codes]), counted(*codes))


@case(unix=True)
def http10_until_close(bench):
    exchange(bench, replies((b'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n', b'one', b'two', FAKE_RESPONSE)),
             asks((b'GET /old HTTP/1.0\r\n\r\n', None)), counted(200))


@case(unix=True)
def http10_keepalive(bench):
    reply = b'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nend'
    request = b'GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'
    exchange(bench, replies(reply, reply), asks((request, b'end'), (request, b'end')), counted(200, 200))


@case(unix=True)
def chunked(bench):
    """Whole, part by part, with extensions, with trailers, and with text in it that looks like its end."""
    whole = CHUNKED_HEAD + b'5\r\nhello\r\n0\r\n\r\n'
    parts = (CHUNKED_HEAD, b'5\r\n', b'hello', b'\r\n', b'3;name=value\r\n', b'abc\r\n', b'0', b'\r\n', b'\r\n')
    extended = (CHUNKED_HEAD, b'5;a=b;c="d"\r\nhello\r\n', b'0;last\r\n\r\n')
    trailers = (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n', b'5\r\nhello\r\n',
                b'0\r\nX-Sum: 12\r\n\r\n')
    inside = (CHUNKED_HEAD, b'12\r\n..0\r\n\r\n..........\n\r\n', b'0\r\n\r\n')
    zeros = (CHUNKED_HEAD + b'0000000000000005\r\nhello\r\n', b'0000000000000000\r\n\r\n')
    end = answer(404, b'after')
    exchange(bench, replies(whole, parts, extended, trailers, inside, zeros, end),
             asks((ask('/1'), b'hello\r\n0\r\n\r\n'), (ask('/2'), b'abc\r\n0\r\n\r\n'), (ask('/3'), b'0;last\r\n\r\n'),
                  (ask('/4'), b'X-Sum: 12\r\n\r\n'), (ask('/5'), b'\n\r\n0\r\n\r\n'), (ask('/6'), b'0000000000000000\r\n\r\n'), (ask('/7'), b'after')),
             counted(200, 200, 200, 200, 200, 200, 404))


@case(unix=True)
def chunked_big(bench):
    """Chunks much larger than what is looked at, and larger than the socket's buffer."""
    body = b'y' * 3000000
    response = CHUNKED_HEAD + b'%x\r\n' % len(body) + body + b'\r\n'
    exchange(bench, replies((response, b'a\r\n0123456789\r\n0\r\n\r\n'), answer(200, b'after')),
             asks((ask('/big'), b'89\r\n0\r\n\r\n'), (ask(), b'after')), counted(200, 200))


@case(unix=True)
def other_codings(bench):
    """A transfer coding that isn't chunked hides where a body ends, whatever length stands beside it."""
    coded = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\n'
    refused = answer(400, b'no way', extra='Connection: close\r\n')
    request = b'POST /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc' + FAKE_REQUEST
    before = bench.rq.settled()
    exchange(bench, replies(answer(201, b'plain'), (coded + b'abc', FAKE_RESPONSE, b'rest')), asks((ask(), b'plain'), (ask(), None)),
             counted(201, 200))

    def refuse(peer):
        peer.until(FAKE_REQUEST)
        peer.send(refused)
    exchange(bench, refuse, asks((request, None)), counted(400))
    after = bench.rq.settled()
    for name in ('unparsed', 'unmatched'):
        equal(lost(after, name) - lost(before, name), 0, name)


@case(unix=True)
def no_body_by_definition(bench):
    """HEAD with a Content-Length, 204 and 304: nothing follows the head."""
    def script(peer):
        for reply in (b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nX-End: 1\r\n\r\n',
                      b'HTTP/1.1 204 No Content\r\nX-End: 1\r\n\r\n',
                      b'HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\nX-End: 1\r\n\r\n',
                      b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-End: 1\r\n\r\n',
                      b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-End: 1\r\n\r\n'):
            peer.head()
            peer.send(reply)
    exchange(bench, script, asks(*[(ask('/n', method), b'X-End: 1\r\n\r\n')
                                   for method in ('HEAD', 'GET', 'GET', 'HEAD', 'GET')]),
             counted(200, 204, 304, 200, 200))


@case(unix=True)
def continue_100(bench):
    """An interim answer is none: not for the status, not for the end."""
    def script(peer):
        peer.head()
        peer.send(b'HTTP/1.1 100 Continue\r\n\r\n')
        peer.exactly(5)
        peer.send(answer(200, b'thanks'))
        peer.head()
        peer.send(b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', b'HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n')
        peer.send(answer(201, b'hinted'))

    def client(peer):
        peer.send(b'POST /c HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n')
        peer.until(b'100 Continue\r\n\r\n')
        peer.send(b'hello')
        peer.until(b'thanks')
        peer.send(ask('/h'))
        peer.until(b'hinted')
    exchange(bench, script, client, counted(200, 201))


@case(unix=True)
def interim_and_final_in_one_send(bench):
    def script(peer):
        peer.head()
        peer.exactly(5)
        peer.send(b'HTTP/1.1 100 Continue\r\n\r\n' + answer(200, b'thanks'))
    exchange(bench, script, asks((b'POST /c HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
                                  b'thanks')), counted(200))


@case(unix=True)
def upgrades(bench):
    """After 101, or 2xx to CONNECT, the connection is no longer HTTP, whatever its bytes look like."""
    switching = b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'
    for request, reply in ((ask('/ws', extra='Upgrade: x\r\nConnection: Upgrade\r\n'), switching),
                           (b'CONNECT t:1 HTTP/1.1\r\nHost: t:1\r\n\r\n', b'HTTP/1.1 200 Connected\r\n\r\n')):
        def script(peer):
            peer.head()
            peer.send(reply)
            for _ in range(3):
                peer.exactly(len(FAKE_REQUEST))
                peer.send(FAKE_RESPONSE)

        def client(peer):
            peer.send(request)
            peer.head()
            for _ in range(3):
                peer.send(FAKE_REQUEST)
                peer.exactly(len(FAKE_RESPONSE))
        exchange(bench, script, client, {'requests': 1, 'responses': 0, 'upgrades': 1, 'status': {}}, each_byte=False)


@case(unix=True)
def requests_behind_an_upgrade(bench):
    """What a client sends before it is told that its connection is a tunnel now may look like requests; they end with HTTP."""
    def script(peer):
        peer.until(FAKE_REQUEST + FAKE_REQUEST)
        peer.send(b'HTTP/1.1 200 Connected\r\n\r\n', FAKE_RESPONSE)
        peer.gone()
    exchange(bench, script, asks((b'CONNECT t:1 HTTP/1.1\r\nHost: t:1\r\n\r\n' + FAKE_REQUEST + FAKE_REQUEST, FAKE_RESPONSE)),
             {'requests': 3, 'responses': 0, 'upgrades': 1, 'aborted': 2, 'status': {}}, each_byte=False)


@case(unix=True)
def upgrade_refused(bench):
    """A server may answer an upgrade as if it was none; HTTP goes on."""
    request = ask('/ws', extra='Upgrade: x\r\nConnection: Upgrade\r\n')
    exchange(bench, replies(answer(200, b'plain'), answer(404, b'next')), asks((request, b'plain'), (ask(), b'next')),
             counted(200, 404))


@case(unix=True)
def rubbish_between_the_parts_of_an_answer(bench):
    """An answer to no request, and more that is none comes before it is over: nothing is counted on either side."""
    def script(peer):
        peer.head()
        peer.send(answer(200, b'fine'))
        peer.exactly(7)
        peer.send(b'HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\n')
        peer.exactly(7)
        peer.send(b'no way')
        if peer.take() == ask():
            peer.send(answer(200, b'again'))

    def client(peer, again):
        peer.send(ask())
        peer.until(b'fine')
        peer.send(b'rubbish')
        peer.head()
        peer.send(b'rubbish')
        peer.until(b'no way')
        if again:
            peer.send(ask())
            peer.until(b'again')
    exchange(bench, script, lambda peer: client(peer, True), counted(200, 200), each_byte=False)
    exchange(bench, script, lambda peer: client(peer, False), counted(200), each_byte=False)


@case(unix=True)
def many_pieces_in_one_call(bench):
    """Chunks as a server hands them over that writes a line at a time: as many buffers as a call may have."""
    pieces = (b'2', b'\r\n', b'hi', b'\r\n') * 255 + (b'0', b'\r\n', b'\r\n')
    lost_before = lost(bench.rq.settled(), 'unparsed')

    def script(peer):
        for _ in range(2):
            peer.head()
            sent = peer.sock.sendmsg((CHUNKED_HEAD, *pieces))
            equal(sent, len(CHUNKED_HEAD) + len(b''.join(pieces)), 'bytes of the call')
            peer.sent += sent
    exchange(bench, script, asks((ask(), b'\r\n0\r\n\r\n'), (ask(), b'\r\n0\r\n\r\n')), counted(200, 200))
    equal(lost(bench.rq.settled(), 'unparsed') - lost_before, 0, 'unparsed')


@case(unix=True)
def heads_byte_by_byte(bench):
    """Each byte of both heads and bodies in a send and a read of its own, twice on one connection."""
    def script(peer):
        for body in (b'one', b'two'):
            peer.head(step=1)
            peer.exactly(4)
            peer.send_bytes(answer(200, body))

    def client(peer):
        for body in (b'one', b'two'):
            peer.send_bytes(ask('/bytes', 'POST', body=b'abcd'))
            peer.until(body)
    exchange(bench, script, client, counted(200, 200))


@case(unix=True)
def chunked_byte_by_byte(bench):
    response = CHUNKED_HEAD + b'5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n'
    exchange(bench, lambda peer: [(peer.head(), peer.send_bytes(response)) for _ in range(2)],
             asks((ask(), b'X-T: 1\r\n\r\n'), (ask(), b'X-T: 1\r\n\r\n')), counted(200, 200))


@case(unix=True)
def pipelined(bench):
    """Several requests in one write, answered one by one or all in one send."""
    for depth in (2, 8):
        def one_by_one(peer, depth=depth):
            for i in range(depth):
                peer.head()
                peer.send(answer(200 if i % 2 else 404, b'x' * i))

        def at_once(peer, depth=depth):
            for _ in range(depth):
                peer.head()
            peer.send(b''.join(answer(200 if i % 2 else 404, b'x' * i) for i in range(depth)))

        def client(peer, depth=depth):
            peer.send(b''.join(ask(f'/{i}') for i in range(depth)))
            for i in range(depth):
                peer.head()
                peer.exactly(i)
        for script in (one_by_one, at_once):
            exchange(bench, script, client, counted(*[200 if i % 2 else 404 for i in range(depth)]))


@case(unix=True)
def pipelined_head_cut(bench):
    """The second request's head is cut by the end of the first write."""
    both = ask('/one') + ask('/two')
    cut = len(ask('/one')) + 9

    def script(peer):
        peer.head()
        peer.send(answer(200, b'first'))
        peer.head()
        peer.send(answer(201, b'second'))

    def client(peer):
        peer.send(both[:cut])
        peer.until(b'first')
        peer.send(both[cut:])
        peer.until(b'second')
    exchange(bench, script, client, counted(200, 201))


@case(unix=True)
def request_bodies(bench):
    """Content-Length and chunked, in one write with the head and after it, then a request behind it."""
    chunks = b'4\r\nwiki\r\n5;x=1\r\npedia\r\n0\r\n\r\n'
    head = b'POST /p HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n'
    long_head = f'PUT /p HTTP/1.1\r\n{HOST}Content-Length: 200000\r\n\r\n'.encode()

    def script(peer):
        peer.until(b'body1')
        peer.send(answer(200, b'a1'))
        peer.until(b'body2')
        peer.send(answer(200, b'a2'))
        peer.until(b'0\r\n\r\n')
        peer.send(answer(200, b'a3'))
        peer.until(b'0\r\n\r\n')
        peer.send(answer(200, b'a4'))
        peer.head()
        peer.exactly(200000)
        peer.send(answer(200, b'a5'))
        peer.head()
        peer.send(answer(200, b'a6'))
    exchange(bench, script, asks((ask('/1', 'POST', body=b'body1'), b'a1'),
                                 ((ask('/2', 'POST', body=b'body2')[:-5], b'body2'), b'a2'),
                                 (head + chunks, b'a3'), ((head, *[chunks[i:i + 3] for i in range(0, len(chunks), 3)]), b'a4'),
                                 ((long_head, b'z' * 200000), b'a5'), (ask('/6'), b'a6')), counted(*[200] * 6))


@case(unix=True)
def bodies_that_look_like_heads(bench):
    """Whole heads as bodies, at the start of a send and of a read: they are text, not HTTP."""
    post = f'POST /p HTTP/1.1\r\n{HOST}Content-Length: {3 * len(FAKE_REQUEST)}\r\n\r\n'.encode()
    reply = f'HTTP/1.1 200 OK\r\nContent-Length: {3 * len(FAKE_RESPONSE)}\r\n\r\n'.encode()

    def script(peer):
        for _ in range(2):
            peer.head()
            for _ in range(3):
                peer.exactly(len(FAKE_REQUEST))
            peer.send(reply, FAKE_RESPONSE, FAKE_RESPONSE, FAKE_RESPONSE)
        peer.head()
        peer.send(CHUNKED_HEAD, b'%x\r\n' % len(FAKE_RESPONSE), FAKE_RESPONSE, b'\r\n', b'0\r\n\r\n')

    def client(peer):
        for _ in range(2):
            peer.send(post, FAKE_REQUEST, FAKE_REQUEST, FAKE_REQUEST)
            peer.head()
            peer.exactly(3 * len(FAKE_RESPONSE))
        peer.send(ask())
        peer.until(b'\r\n0\r\n\r\n')
    exchange(bench, script, client, counted(200, 200, 200))


@case(unix=True)
def early_answer_413(bench):
    """The answer comes before the request's body; the rest of the body is still body."""
    size = 100000

    def script(peer):
        peer.head()
        peer.send(answer(413, b'too much'))
        peer.exactly(size)
        peer.head()
        peer.send(answer(200, b'fine'))

    def client(peer):
        peer.send(f'POST /up HTTP/1.1\r\n{HOST}Content-Length: {size}\r\n\r\n'.encode(), FAKE_REQUEST)
        peer.until(b'too much')
        peer.send(FAKE_REQUEST, b'b' * (size - 2 * len(FAKE_REQUEST)))
        peer.send(ask('/next'))
        peer.until(b'fine')
    exchange(bench, script, client, counted(413, 200))


@case()
def ipv6(bench):
    exchange(bench, replies(answer(200, b'six'), answer(500, b'six')), asks((ask(), b'six'), (ask(), b'six')),
             counted(200, 500), host='::1', family=socket.AF_INET6)


@case()
def dual_stack(bench):
    """IPv4 clients of a socket that listens on IPv6."""
    with Server(replies(answer(200, b'dual')), '::', socket.AF_INET6) as server:
        peer = connect(server.port)
        peer.send(ask())
        peer.until(b'dual')
        peer.close()
        server.close()
        bench.rq.expect(server.port, aborted=0, in_flight=0, request_bytes=server.received, response_bytes=server.sent,
                        **counted(200))


@case(unix=True)
def odd_heads(bench):
    """Long paths, long heads, other methods, names in other cases, space around values, bare absolute URLs."""
    long_path = '/' + 'p' * 3000
    many = ''.join(f'X-Header-{i}: {"v" * 60}\r\n' for i in range(60))
    odd = b'HTTP/1.1 200\r\ncOnTeNt-LeNgTh:    3   \r\n\r\nodd'
    behind = ('HTTP/1.1 200 OK\r\n' + many + 'Content-Length: 6\r\n\r\n').encode() + b'behind'
    requests = [ask(long_path), ask('/m', extra=many), ask('/x', 'PROPFIND'), ask('*', 'OPTIONS'), ask('http://t/abs'),
                ask('/d', 'DELETE'), ask('/q?secret=1&x=%0a'), ask('/last')]
    marks = [b'odd'] * 7 + [b'behind']
    exchange(bench, replies(*[odd] * 7, behind), asks(*zip(requests, marks)), counted(*[200] * 8))


@case(unix=True)
def lengths_said_twice(bench):
    """Proxies that join header lines make a list of the same length."""
    request = b'POST /l HTTP/1.1\r\nHost: t\r\nContent-Length: 4, 4\r\n\r\nbody'
    listed = b'HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nend'
    lines = b'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nend'

    def script(peer):
        for reply in (listed, lines, listed):
            peer.until(b'body')
            peer.send(reply)
    exchange(bench, script, asks(*[(request, b'end')] * 3), counted(200, 200, 200))


@case(unix=True)
def folded_headers(bench):
    """A value that begins, or goes on, in the next line."""
    request = b'POST /f HTTP/1.1\r\nHost: t\r\nContent-Length:\r\n 4\r\n\r\nbody'
    chunks = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip,\r\n\tchunked\r\n\r\n3\r\nend\r\n0\r\n\r\n'
    length = b'HTTP/1.1 200 OK\r\nContent-Length:\r\n 3\r\nX: y\r\n\r\nend'

    def script(peer):
        for reply in (length, chunks, length):
            peer.until(b'body')
            peer.send(reply)
    exchange(bench, script, asks((request, b'end'), (request, b'0\r\n\r\n'), (request, b'end')), counted(200, 200, 200))


@case(unix=True)
def long_methods(bench):
    """Longer than there is room for: on a connection's first request, and behind others."""
    methods = ['UPDATEREDIRECTREF', 'BASELINE-CONTROL', 'VERSION-CONTROL', 'GET', 'UPDATEREDIRECTREF'] * 3
    exchange(bench, replies(*[answer(200, b'long')] * len(methods)), asks(*[(ask('/m', method), b'long') for method in methods]),
             counted(*[200] * len(methods)))


def padded(head, body, total):
    """A message of that many bytes in all: the head is filled up."""
    fill = total - len(head) - len(body) - len(b'X-Fill: \r\n\r\n')
    return head + b'X-Fill: ' + b'.' * fill + b'\r\n\r\n' + body


@case(unix=True)
def heads_that_repeat(bench):
    """The same head again and again, and heads of other meaning in messages of the same length between them."""
    get = padded(b'GET /some HTTP/1.1\r\nHost: t\r\n', b'', 160)
    turns = {
        'ok': (get, padded(b'HTTP/1.1 200 Y\r\nContent-Length: 10\r\n', b'0123456789', 160), 200),
        'longer': (get, padded(b'HTTP/1.1 200 Y\r\nContent-Length: 11\r\n', b'01234567890', 160), 200),
        'missing': (get, padded(b'HTTP/1.1 404 N\r\nContent-Length: 10\r\n', b'0123456789', 160), 404),
        'failed': (padded(b'GET /what HTTP/1.1\r\nHost: t\r\n', b'', 160),
                   padded(b'HTTP/1.1 500 E\r\nContent-Length: 39\r\n', FAKE_RESPONSE, 160), 500),
        'not_changed': (get, padded(b'HTTP/1.1 304 S\r\nContent-Length: 10\r\n', b'', 160), 304),
        'head': (padded(b'HEAD /som HTTP/1.1\r\nHost: t\r\n', b'', 160),
                 padded(b'HTTP/1.1 200 Y\r\nContent-Length: 10\r\n', b'', 160), 200),
        'post': (padded(b'POST /som HTTP/1.1\r\nHost: t\r\nContent-Length: 32\r\n', FAKE_REQUEST, 160),
                 padded(b'HTTP/1.1 201 C\r\nContent-Length: 1\r\n', b'!', 160), 201),
        'chunked': (get, padded(CHUNKED_HEAD[:-2], b'5\r\nhello\r\n0\r\n\r\n', 160), 200),
        'parts': (get, (padded(b'HTTP/1.1 200 Y\r\nContent-Length: 10\r\n', b'0123456789', 160)[:150], b'0123456789'), 200),
    }
    order = [name for name in turns for _ in range(20)] + list(turns) * 20
    chosen = [turns[name] for name in order]

    def script(peer):
        for request, response, _ in chosen:
            peer.exactly(160)
            peer.send(*(response if isinstance(response, tuple) else (response,)))

    def client(peer):
        for request, response, _ in chosen:
            peer.send(request)
            peer.exactly(160)
    exchange(bench, script, client, counted(*[code for _, _, code in chosen]))


@case(unix=True)
def repeated_requests_keep_their_path(bench):
    """Events name the path of their own request, whichever was asked before with a head as long."""
    paths = ['/repeat/aaa', '/repeat/bbb', '/repeat/ccc']
    codes = {'/repeat/aaa': 500, '/repeat/bbb': 501, '/repeat/ccc': 502}
    order = [path for path in paths for _ in range(5)] + paths * 2
    with Server(replies(*[answer(codes[path], b'end') for path in order])) as server:
        peer = connect(server.port)
        for path in order:
            peer.send(ask(path))
            peer.until(b'end')
        peer.close()
        server.close()
        bench.rq.expect(server.port, requests=len(order), responses=len(order), in_flight=0)
        told = [event for event in bench.rq.snapshot()['events']['recent']
                if event['kind'] == 'server_error' and server.port in (event.get('port'), event.get('path'))]
    equal(len(told) > len(paths), True, f'events of the {len(order)} requests')
    for event in told:
        path = next(path for path in paths if path in event['text'])
        equal(str(codes[path]) in event['text'], True, f'{codes[path]} in "{event["text"]}"')
