# SPDX-License-Identifier: GPL-2.0-only
"""rqscope - the program under test: start it, ask it, stop it."""
import http.client
import json
import os
import re
import select
import subprocess
import time

from .snapshot import Books, ROOT, check_snapshot, service_at
from .wait import stop_process, wait_until

BIN = os.path.join(ROOT, os.environ.get('RQSCOPE_BIN', 'build/rqscope'))
TOOLS = os.path.join(os.path.dirname(BIN), 'tests')
LINE = re.compile(r'^rqscope: dashboard at http://127\.0\.0\.1:(\d+)/#token=([0-9A-Za-z_-]+)$')


def run_once(*args, prefix=(), path=BIN, limit_s=30):
    """Runs rqscope to its end; returns the CompletedProcess with text output."""
    return subprocess.run([*prefix, path, *args], capture_output=True, text=True, timeout=limit_s, stdin=subprocess.DEVNULL)


def taps_of(report):
    """Of check --json: {tap letter: None, or why it is not available}."""
    return {probe['tap']: None if probe['state'] == 'on' else probe['reason'] or 'no reason given'
            for probe in report['probes'] if probe['name'] == 'http' and probe['tap']}


class Rqscope:
    """A running instance on a port of its own."""

    def __init__(self, *args, prefix=(), limit_s=10):
        self.started = time.monotonic()
        self.errors = []
        self.process = subprocess.Popen([*prefix, BIN, 'serve', '--listen', '127.0.0.1:0', *args],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pid = self.process.pid
        try:
            self.port, self.token = self._read_line(limit_s)
        except BaseException:
            stop_process(self.process)
            raise
        self.ready = time.monotonic()
        os.set_blocking(self.process.stderr.fileno(), False)

    def _read_line(self, limit_s):
        line, end = b'', self.started + limit_s
        while not line.endswith(b'\n'):
            left_s = end - time.monotonic()
            if left_s <= 0 or not select.select([self.process.stdout], [], [], left_s)[0]:
                raise AssertionError(f'rqscope printed no line within {limit_s} s, only {line!r}')
            chunk = os.read(self.process.stdout.fileno(), 4096)
            if not chunk:
                self.process.wait(5)
                said = self.process.stderr.read().decode(errors='replace')
                raise AssertionError(f'rqscope ended with status {self.process.returncode}: {said[:500]}')
            line += chunk
        match = LINE.match(line.decode().rstrip('\n'))
        if not match:
            raise AssertionError(f'rqscope printed {line!r}')
        return int(match.group(1)), match.group(2)

    def get(self, path):
        """One request with the token: (status, body)."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        try:
            connection.request('GET', path, headers={'Authorization': f'Bearer {self.token}'})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def snapshot(self):
        """The snapshot as it is now, checked for all that must hold in any."""
        status, body = self.get('/api/v1/snapshot')
        if status != 200:
            raise AssertionError(f'GET /api/v1/snapshot: {status} {body[:200]!r}')
        document = json.loads(body)
        check_snapshot(document)
        return document

    def settled(self, limit_s=5):
        """A snapshot that holds all that happened before this call: two ticks later than the one at hand."""
        first = self.snapshot()
        tick_ns = first['history']['tick_ms'] * 1000000

        def later():
            now = self.snapshot()
            return now if now['uptime_ns'] >= first['uptime_ns'] + 2 * tick_ns else None
        return wait_until(later, limit_s, 'two more windows')

    def books(self, port, before=None):
        """What the service at a port did since the snapshot before (or attaching), settled."""
        old = service_at(before, port) if before else None
        return Books(service_at(self.settled(), port), old)

    def expect(self, port, before=None, limit_s=5, **want):
        """Waits until the numbers of the service at a port are as wanted, and sees that they stay so."""
        old = service_at(before, port) if before else None

        def differences():
            books = Books(service_at(self.snapshot(), port), old)
            return [f'{name} is {getattr(books, name)}, should be {value}' for name, value in want.items()
                    if getattr(books, name) != value], books
        try:
            wait_until(lambda: not differences()[0], limit_s, 'the numbers')
        except AssertionError:
            wrong, books = differences()
            if wrong:
                raise AssertionError(f'{"; ".join(wrong)} ({books.line()})') from None
        after = self.settled()
        wrong, books = differences()
        if wrong:
            raise AssertionError(f'did not last: {"; ".join(wrong)} ({books.line()})')
        return service_at(after, port)

    def cpu_s(self):
        """User and system time of the process so far."""
        with open(f'/proc/{self.pid}/stat', encoding='utf-8') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def rss_bytes(self):
        with open(f'/proc/{self.pid}/status', encoding='utf-8') as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith('VmRSS:'))

    def said(self):
        """What it wrote to standard error since the last call."""
        data = self.process.stderr.read() or b''
        return data.decode(errors='replace')

    def stop(self):
        return stop_process(self.process)
