# SPDX-License-Identifier: GPL-2.0-only
"""The run queue, against the kernel's own account of it."""
import os
import threading
import time

from lib.load import Spinners
from lib.report import case, within
from lib.snapshot import check_dist
from lib.tasks import Waited, run_delay_of, stat_number
from lib.websocket import Stream

MS = 1000000


def take(stream, totals):
    """The next windows, added to what was counted so far."""
    message = stream.receive_type('windows')
    for name in totals:
        totals[name] += sum(message['columns'].get(name) or [0])
    return message


def measure(bench):
    """
    Four spinners on every CPU for 5 s. The kernel's own numbers are read as soon as a window has come, before the
    spinners start and after they have ended, so that both accounts cover the same time.
    """
    totals = {'runqueue.latency.sum_ns': 0, 'runqueue.switches': 0}
    with Spinners([cpu for cpu in range(os.cpu_count()) for _ in range(4)]) as spinners, \
            Stream(bench.rq.port, bench.rq.token) as stream:
        stream.send({'type': 'subscribe', 'rate_ms': 100})
        while len(take(stream, totals)['seq']) > 1:
            pass  # what came before the rate was set
        take(stream, totals)
        switches, waited = stat_number('ctxt'), Waited()
        totals = dict.fromkeys(totals, 0)
        own = -sum(map(run_delay_of, spinners.pids()))
        spinners.spin(5000)
        done = threading.Thread(target=spinners.wait)
        done.start()
        while done.is_alive():
            take(stream, totals)
        take(stream, totals)
        switches = stat_number('ctxt') - switches
        own += sum(map(run_delay_of, spinners.pids()))
        alive, others = waited.end()
    got, got_switches = totals['runqueue.latency.sum_ns'], totals['runqueue.switches']
    bench.say(f'latency sum {got / 1e9:.3f} s, schedstat {alive / 1e9:.3f} s ({own / 1e9:.3f} s of spinners) + '
              f'{others / 1e9:.3f} s of tasks that came or went: {100 * (got / (alive + others) - 1):+.2f} %')
    bench.say(f'switches {got_switches}, /proc/stat {switches}: {100 * (got_switches / switches - 1):+.2f} %')
    within(got_switches / switches, 0.99, 1.01, 'switches against /proc/stat')
    return got, own, alive + others


@case(each_tap=False, limit_s=60)
def runqueue_latency_sum_and_switches(bench):
    """
    The part of a wait before a migration is not seen (the kernel books it when the task is moved): a busy neighbour
    makes many of those. On a quiet host the sums must agree at once; on a busy one there are four attempts, and if
    none agrees, the pinned spinners' share is the least that must be there.
    """
    for _ in range(4):
        got, own, total = measure(bench)
        if total - own < 0.05 * total:
            within(got / total, 0.99, 1.01, 'latency sum against schedstat')
        if 0.99 <= got / total <= 1.01:
            break
    else:
        bench.say('the host is too busy with other things for the strict comparison')
        within(got, own * 0.99, total * 1.01, 'latency sum between that of the spinners and that of all', ' ns')
    latency = bench.rq.snapshot()['totals']['runqueue']['latency']
    check_dist(latency, 'run queue latency')
    within(latency['max_ns'], 1 * MS, 10000 * MS, 'longest wait', ' ns')


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
    within(mean, min(truth * 0.9, count - 1), truth * 1.1, 'mean length against schedstat')
    within(mean, (count - 1) * 0.9, 1e6, f'mean length with {count} spinners')
    within(max(cpu_means), (count - 1) * 0.9, truth * 1.1 + 0.5, 'mean length of that CPU')
    within(max(maxima), count - 1, 1000, 'largest length')
