# SPDX-License-Identifier: GPL-2.0-only
"""A minute under full load: every window, in order, and their sum is the total."""
import statistics
import time

from lib.load import Nginx, Wrk
from lib.report import case, equal, within
from lib.websocket import Stream

SECONDS = 60


class Windows:
    """Collects windows off the stream."""

    def __init__(self):
        self.seq, self.ends_ms, self.missed = [], [], 0
        self.columns = {}

    def take(self, message):
        count = len(message['seq'])
        self.seq += message['seq']
        self.ends_ms += message['t']
        self.missed += message['missed']
        for name in ('http.server.requests', 'http.server.responses', 'http.server.response_bytes', 'runqueue.switches',
                     'runqueue.latency.sum_ns', 'self.tick_late_ns'):
            self.columns.setdefault(name, []).extend(message['columns'].get(name) or [0] * count)

    def total(self, name, after_ms, to_ms):
        """Over the windows that ended after one time, up to another; half a tick of slack for rounding."""
        return sum(value or 0 for value, end_ms in zip(self.columns[name], self.ends_ms)
                   if after_ms + 50 < end_ms <= to_ms + 50)


@case(limit_s=100)
def minute_under_load(bench):
    with Nginx() as nginx, Stream(bench.rq.port, bench.rq.token) as stream:
        hello = stream.receive_type('hello')
        stream.send({'type': 'subscribe', 'rate_ms': 100})
        windows = Windows()
        windows.take(stream.receive_type('windows'))
        before = bench.rq.snapshot()
        wrk = Wrk(nginx.port, seconds=SECONDS)
        start_ms = windows.ends_ms[-1]
        wall = time.monotonic()
        while windows.ends_ms[-1] < start_ms + 1000 * SECONDS:
            windows.take(stream.receive_type('windows'))
        wall = time.monotonic() - wall
        in_time = sum(1 for end_ms in windows.ends_ms if start_ms < end_ms <= start_ms + 1000 * SECONDS)
        done = wrk.wait()
        after = bench.rq.settled()
        end_ms = hello['attached_ms'] + after['uptime_ns'] / 1e6
        while windows.ends_ms[-1] < end_ms:
            windows.take(stream.receive_type('windows'))
    late_ms = [value / 1e6 for value in windows.columns['self.tick_late_ns'] if value is not None]
    bench.say(f'{in_time} windows in {wall:.2f} s, late by {statistics.median(late_ms):.3f} ms (median), '
              f'{max(late_ms):.3f} ms (worst); {done["rate"]:.0f} requests/s')
    within(in_time, 10 * SECONDS - 1, 10 * SECONDS + 1, 'windows')
    equal(windows.missed, 0, 'missed windows')
    equal(windows.seq, list(range(windows.seq[0], windows.seq[0] + len(windows.seq))), 'sequence')
    begin_ms = hello['attached_ms'] + before['uptime_ns'] / 1e6

    def grown(*path):
        ends = []
        for document in (before, after):
            value = document['totals']
            for name in path:
                value = value[name]
            ends.append(value)
        return ends[1] - ends[0]
    for column, path in (('http.server.requests', ('http', 'server', 'requests')),
                         ('http.server.responses', ('http', 'server', 'responses')),
                         ('http.server.response_bytes', ('http', 'server', 'response_bytes')),
                         ('runqueue.switches', ('runqueue', 'switches')),
                         ('runqueue.latency.sum_ns', ('runqueue', 'latency', 'sum_ns'))):
        equal(windows.total(column, begin_ms, end_ms), grown(*path), f'sum of {column} over windows')
    within(grown('http', 'server', 'requests'), done['completed'], 1e12, 'requests')
