# SPDX-License-Identifier: GPL-2.0-only
"""One service's windows and history, while others are busy beside it, against that server's own count."""
from lib.load import Nginx, Wrk
from lib.report import case, equal, within
from lib.watch import Watch

SECONDS = 8


@case(limit_s=60)
def one_service_among_busy_ones(bench):
    with Nginx() as nginx, Nginx() as other:
        first = nginx.status()['requests']
        bench.rq.expect(nginx.port, requests=first, in_flight=0)
        with Watch(bench.rq, nginx.port) as watch, Watch(bench.rq, nginx.port, rate_ms=1000) as slow:
            watch.until(lambda: watch.seq, 5, 'a window')
            loads = [Wrk(one.port, connections=32, seconds=SECONDS, threads=1) for one in (nginx, other)]
            done = [load.wait() for load in loads]
            own = nginx.status()['requests']
            service = bench.rq.expect(nginx.port, requests=own, in_flight=0)
            end_ms = watch.hello['attached_ms'] + bench.rq.settled()['uptime_ns'] / 1e6
            for one in (watch, slow):
                one.until_ms(end_ms)
            history = watch.history(600, 700)
            fine = watch.history(3, 60, ident=2)
        bench.say(f'nginx says {own}, wrk {done[0]["completed"]} and {done[1]["completed"]} on the other; windows have '
                  f'{watch.sum("requests")} beside the first {first}')
        for one in (watch, slow):
            equal(one.missed, 0, 'missed')
            equal(one.seq, list(range(one.seq[0], one.seq[0] + len(one.seq))), 'sequence')
            equal(one.sum('requests'), own - first, 'requests over windows, by nginx')
            equal(one.sum('responses') + one.sum('aborted'), own - first, 'ends over windows')
        equal(sum(history['columns']['service.response_bytes']), service['response_bytes'], 'bytes in the history')
        equal(watch.sum('duration.count'), watch.sum('responses'), 'durations')
        columns = history['columns']
        equal(sum(columns['service.requests']), own, 'requests in the history, by nginx')
        equal(sum(columns['service.duration.sum_ns']), service['duration']['sum_ns'], 'durations in the history')
        equal(min(value for value in columns['service.duration.min_ns'] if value is not None), service['duration']['min_ns'], 'shortest')
        equal(max(value for value in columns['service.duration.max_ns'] if value is not None), service['duration']['max_ns'], 'longest')
        equal(sum(sum(window[1::2]) for window in history['heat']['service.duration']), service['duration']['count'], 'heat')
        equal(fine['resolution_ms'], 100, 'the last seconds as ticks')
        within(len(fine['seq']), 28, 32, 'ticks')

