# SPDX-License-Identifier: GPL-2.0-only
"""What rqscope itself takes while nobody watches, and what it says of it."""
import statistics
import time

from lib import bpfobjects
from lib.load import Nginx, Wrk
from lib.report import case, within

SECONDS = 10
VERIFIED_MOST = 250e3


@case(limit_s=60)
def own_cost(bench):
    rq = bench.start()
    try:
        with Nginx() as nginx:
            wrk = Wrk(nginx.port, seconds=SECONDS + 2)
            time.sleep(1)  # until the load is steady; nothing depends on it
            cpu_s, start = rq.cpu_s(), time.monotonic()
            while time.monotonic() < start + SECONDS:
                time.sleep(0.1)
            cpu_s, wall_s = rq.cpu_s() - cpu_s, time.monotonic() - start
            rss = rq.rss_bytes()
            done = wrk.wait()
    finally:
        rq.stop()
    ratio = cpu_s / wall_s
    bench.say(f'{done["rate"]:.0f} requests/s: {100 * ratio:.2f} % of a core, {rss / 1e6:.1f} MB resident')
    within(100 * ratio, 0, 1, 'own CPU time', ' %')
    within(rss / 1e6, 0, 40, 'resident memory', ' MB')


@case(limit_s=60)
def time_in_bpf_programs(bench):
    """What rqscope says of its programs' cost against the kernel's own statistics, which are in every run's time themselves
    (tens of ns each): so they are the larger, but not by half."""
    rq = bench.start()
    ratios, counts = [], []
    try:
        with Nginx() as nginx, bpfobjects.statistics():
            wrk = Wrk(nginx.port, seconds=SECONDS + 2)
            time.sleep(2)  # until the load is steady; rqscope tells of the second before it is asked
            for _ in range(5):
                names = [program['name'] for program in rq.snapshot()['self']['programs']]
                before, start = bpfobjects.runs_of(rq.pid, names), time.monotonic()
                time.sleep(1.1)
                own = rq.snapshot()['self']
                after, took_s = bpfobjects.runs_of(rq.pid, names), time.monotonic() - start
                kernel_ns = sum(after[name][1] - before[name][1] for name in names) / took_s
                runs = sum(after[name][0] - before[name][0] for name in names) / took_s
                ratios.append(own['bpf_ns_per_s'] / kernel_ns)
                counts.append(sum(program['runs_per_s'] for program in own['programs']) / runs)
            wrk.wait()
    finally:
        rq.stop()
    ratio, count = statistics.median(ratios), statistics.median(counts)
    bench.say(f'{own["bpf_ns_per_s"] / 1e6:.1f} ms/s in BPF programs, {ratio:.2f} of what the kernel says; runs: {count:.3f}')
    within(ratio, 0.55, 1.1, "time in BPF programs over the kernel's")
    within(count, 0.85, 1.15, "runs of BPF programs over the kernel's")


@case()
def programs_are_verified_with_room_to_spare(bench):
    """A kernel refuses a program at a million, older ones get there sooner than this one, and the start waits for it."""
    counts = bpfobjects.verified(bench.rq.pid)
    bench.say(f'{len(counts)} programs, {sum(counts)} instructions, {max(counts)} for one')
    within(max(counts), 10e3, VERIFIED_MOST, 'instructions that the verifier looked at for one program')
