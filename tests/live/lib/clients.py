# SPDX-License-Identifier: GPL-2.0-only
"""clients - wrk, ab, curl and h2load: each runs to its end and returns what it says it got.

completed: answers that it counted; open_most: requests that it may have left unanswered, or uncounted, when it ended;
ahead: it sends a request before the one before is answered.
"""
import os
import re
import subprocess
import tempfile

PIPELINE = '''
init = function(args)
	local request = {}
	for i = 1, %d do request[i] = wrk.format("GET", "/hello") end
	pipelined = table.concat(request)
end
request = function() return pipelined end
'''


def run(*command, limit_s=30):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f'{command[0]} did not end within {limit_s} s: {(late.stdout or b"")[-300:]}') from None
    if done.returncode:
        raise AssertionError(f'{command[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-500:]}')
    return done.stdout


def number(pattern, text, what):
    found = re.search(pattern, text)
    if not found:
        raise AssertionError(f'{what} does not say how many: {text[-500:]}')
    return int(found.group(1))


def wrk(port, connections=8, depth=1, seconds=1):
    with tempfile.NamedTemporaryFile('w', suffix='.lua') as script:
        script.write(PIPELINE % depth)
        script.flush()
        more = ('-s', script.name) if depth > 1 else ()
        text = run('wrk', '-t1', f'-c{connections}', f'-d{seconds}s', *more, f'http://127.0.0.1:{port}/hello')
    return {'completed': number(r'(\d+) requests in', text, 'wrk'), 'open_most': connections * depth, 'ahead': depth > 1}


def wrk_pipelined(port):
    return wrk(port, depth=4)


def ab(port, *options, requests=400):
    text = run('ab', '-q', *options, '-n', str(requests), '-c', '4', f'http://127.0.0.1:{port}/hello')
    failed = number(r'Failed requests:\s+(\d+)', text, 'ab')
    if failed:
        raise AssertionError(f'ab: {failed} failed')
    return {'completed': number(r'Complete requests:\s+(\d+)', text, 'ab'), 'open_most': 0, 'ahead': False}


def ab_keepalive(port):
    return ab(port, '-k')


def curl(port):
    """Twenty URLs on one connection, and two more after --next, all by one process."""
    each = ('-s', '-o', os.devnull, '-w', '%{http_code}\n')
    text = run('curl', *each, f'http://127.0.0.1:{port}/hello?[1-20]', '--next', *each, f'http://127.0.0.1:{port}/hello', '--next',
               *each, '-0', f'http://127.0.0.1:{port}/hello')
    return {'completed': text.split().count('200'), 'open_most': 0, 'ahead': False}


def h2load(port, requests=400):
    text = run('h2load', '--h1', '-t1', '-c4', '-n', str(requests), f'http://127.0.0.1:{port}/hello')
    return {'completed': number(r'(\d+) succeeded', text, 'h2load'), 'open_most': 0, 'ahead': False}


CLIENTS = (wrk, wrk_pipelined, ab, ab_keepalive, curl, h2load)


def exe_of(client):
    return client.__name__.split('_')[0]


def curl_times(url, *options):
    """One request by curl: (start to end, start to first byte) of what came after the connection was made, ns."""
    text = run('curl', '-s', '-o', os.devnull, *options, '-w', '%{time_pretransfer} %{time_starttransfer} %{time_total}', url)
    before, first, end = (float(word) for word in text.split())
    return (end - before) * 1e9, (first - before) * 1e9
