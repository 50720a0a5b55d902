# SPDX-License-Identifier: GPL-2.0-only
"""The run queue, against the kernel's own account of it."""
import os
import time

from lib.load import Spinners
from lib.report import case, within
from lib.snapshot import check_dist
from lib.tasks import Waited, stat_number
from lib.websocket import Stream

MS = 1000000


def latency(document):
    return document['totals']['runqueue']['latency']


@case(each_tap=False, limit_s=60)
def runqueue_latency_sum_and_switches(bench):
    """Four spinners on every CPU for 5 s; both ends are read while they sleep."""
    with Spinners([cpu for cpu in range(os.cpu_count()) for _ in range(4)]) as spinners:
        before = bench.rq.settled()
        waited = Waited()
        switches = stat_number('ctxt')
        spinners.spin(5000)
        spinners.wait()
        switches = stat_number('ctxt') - switches
        alive, others = waited.end()
        after = bench.rq.settled()
    got = latency(after)['sum_ns'] - latency(before)['sum_ns']
    got_switches = after['totals']['runqueue']['switches'] - before['totals']['runqueue']['switches']
    want = alive + others
    bench.say(f'latency sum {got / 1e9:.3f} s, schedstat {alive / 1e9:.3f} s + {others / 1e9:.3f} s of tasks that came or '
              f'went: {100 * (got / want - 1):+.2f} %')
    bench.say(f'switches {got_switches}, /proc/stat {switches}: {100 * (got_switches / switches - 1):+.2f} %')
    within(got / want, 0.99, 1.01, 'latency sum against schedstat')
    within(got_switches / switches, 0.99, 1.03, 'switches against /proc/stat')
    check_dist(latency(after), 'run queue latency')
    within(latency(after)['max_ns'], 1 * MS, 10000 * MS, 'longest wait', ' ns')


@case(each_tap=False, limit_s=60)
def runqueue_switches(bench):
    """/proc/stat is read as near as can be to windows at whose ends the counter is known."""
    with Stream(bench.rq.port, bench.rq.token) as stream:
        stream.send({'type': 'subscribe', 'rate_ms': 100})
        stream.receive_type('windows')
        start, total = stat_number('ctxt'), 0
        end = time.monotonic() + 5
        while time.monotonic() < end:
            total += sum(stream.receive_type('windows')['columns']['runqueue.switches'])
        grown = stat_number('ctxt') - start
    bench.say(f'switches {total}, /proc/stat {grown}: {100 * (total / grown - 1):+.2f} %')
    within(total / grown, 0.9, 1.1, 'switches over 5 s against /proc/stat, ends not aligned')


@case(each_tap=False, limit_s=60)
def runqueue_length(bench):
    """N spinners pinned on one CPU: N - 1 of them wait, and no more than the kernel books in all."""
    count, cpu = 6, os.cpu_count() - 1
    with Spinners([cpu] * count) as spinners, Stream(bench.rq.port, bench.rq.token) as stream:
        stream.send({'type': 'subscribe', 'rate_ms': 100})
        spinners.spin(5000)
        begin = time.monotonic()
        while time.monotonic() < begin + 1:  # the windows in which it began
            stream.receive()
        waited, start = Waited(), time.monotonic_ns()
        means, spans, cpu_means, maxima = [], [], [], []
        while time.monotonic() < begin + 4:
            message = stream.receive()
            if message['type'] == 'windows':
                means += message['columns']['runqueue.length.mean']
                maxima += message['columns']['runqueue.length.max']
                spans += message['span_ms']
            elif message['type'] == 'status':
                cpu_means.append(message['runqueue']['cpus'][cpu]['mean'])
        span_ns = time.monotonic_ns() - start
        truth = sum(waited.end()) / span_ns
        spinners.wait()
    mean = sum(value * span for value, span in zip(means, spans)) / sum(spans)
    bench.say(f'mean length {mean:.2f}, on CPU {cpu} {cpu_means}, largest {max(maxima)}; schedstat says {truth:.2f} for '
              f'{count} spinners')
    within(mean, truth * 0.9, truth * 1.1, 'mean length against schedstat')
    within(mean, (count - 1) * 0.9, 1e6, f'mean length with {count} spinners')
    within(max(cpu_means), (count - 1) * 0.9, truth * 1.1 + 0.5, 'mean length of that CPU')
    within(max(maxima), count - 1, 1000, 'largest length')
