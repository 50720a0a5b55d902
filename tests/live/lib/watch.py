# SPDX-License-Identifier: GPL-2.0-only
"""watch - a client that watches one service: its windows, read on a thread, and its history."""
import threading
import time

from .wait import wait_until
from .websocket import Stream


class Watch:
    """From the service's next window on; service() is asked by port, which must have been seen already."""

    def __init__(self, rq, port, rate_ms=100):
        self.stream = Stream(rq.port, rq.token)
        self.hello = self.stream.receive_type('hello')
        self.slot = self._slot_of(port)
        self.columns, self.seq, self.missed, self.ended, self.ends_ms = {}, [], 0, None, []
        self.answers, self.error, self.closing = {}, None, False
        self.stream.send({'type': 'subscribe', 'rate_ms': rate_ms})
        self.stream.send({'type': 'watch', 'slot': self.slot})
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _slot_of(self, port, limit_s=5):
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            for item in self.stream.receive_type('services')['items']:
                if item['port'] == port and item['role'] == 'server':
                    return item['slot']
        raise AssertionError(f'no service on port {port} within {limit_s} s')

    def _run(self):
        try:
            while not self.closing:
                self._take(self.stream.receive())
        except (OSError, ValueError, AssertionError) as why:
            self.error = self.error or (None if self.closing else why)

    def _take(self, message):
        if message['type'] == 'history':
            self.answers[message['id']] = message
        if message['type'] != 'service_windows':
            return
        if message['slot'] != self.slot or self.ended:
            raise AssertionError(f'a window of slot {message["slot"]}, ended before: {bool(self.ended)}')
        for name, values in message['columns'].items():
            self.columns[name] = self.columns.get(name, 0) + sum(value or 0 for value in values)
        self.seq += message['seq']
        self.ends_ms += message['t']
        self.missed += message['missed']
        self.ended = message.get('ended')

    def alive(self):
        if self.error:
            raise AssertionError(f'the watcher: {self.error}')
        return True

    def until(self, condition, limit_s, what):
        return wait_until(lambda: self.alive() and condition(), limit_s, what)

    def until_ms(self, end_ms, limit_s=5):
        """Until the windows that ended up to a moment have come."""
        self.until(lambda: self.ends_ms and self.ends_ms[-1] >= end_ms, limit_s, 'windows of the service')

    def sum(self, column):
        return self.columns.get('service.' + column, 0)

    def history(self, span_s, points, ident=1):
        """Of the watched slot, up to now."""
        to_ms = int(self.ends_ms[-1]) + 1
        self.answers.pop(ident, None)
        self.stream.send({'type': 'history', 'id': ident, 'slot': self.slot, 'from_ms': to_ms - 1000 * span_s, 'to_ms': to_ms,
                          'points': points})
        return self.until(lambda: self.answers.get(ident), 5, 'history of the service')

    def close(self):
        self.closing = True
        self.thread.join(10)
        self.stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
