# SPDX-License-Identifier: GPL-2.0-only
"""Servers that are kept from running: throttled by their control group, preempted all the time."""
import os
import re
import subprocess

from cases.h_split import measure, spin
from cases.n_real import one_client
from lib import clients, servers
from lib.cgroup import Throttled
from lib.report import Skip, case, equal, within
from lib.rqscope import TOOLS
from lib.snapshot import lost
from lib.wait import stop_process

SECONDS = 4


@case()
def split_throttled_by_a_cgroup(bench):
    """5 ms in each 20 ms: to 20 ms of work belong 50 and more of waiting for a CPU, and nothing is blocked."""
    try:
        group = Throttled(5000, 20000)
    except OSError as error:
        raise Skip(f'no cgroup with a CPU controller: {error}') from None
    with group:
        joined = []

        def work():
            if not joined:
                group.join()
                joined.append(True)
            spin(20)
        parts = measure(bench, work=work)
        bench.say(f'stopped in {group.throttled()} periods')
        within(group.throttled(), 20, 1e6, 'periods in which it was stopped')
    within(parts['cpu_wait_ns'][0], 40, 1000, 'waiting for a CPU', ' ms')
    within(parts['on_cpu_ns'][0], 18, 26, 'on CPU', ' ms')


@case()
def exact_while_preempted(bench):
    """16 busy threads on each CPU, of normal and of real-time priority, while nginx is under load: every count holds."""
    busy = subprocess.Popen([os.path.join(TOOLS, 'busy'), '16', str(SECONDS + 3)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        with servers.nginx() as nginx:
            before = bench.rq.settled()
            equal(busy.stdout.readline(), 'busy\n', 'what busy says')

            def wrk(port):
                return clients.wrk(port, connections=32, seconds=SECONDS)
            after = one_client(bench, nginx, wrk, before)
        rest, _ = busy.communicate(timeout=20)
    finally:
        stop_process(busy)
    woke, = re.findall(r'^woke=(\d+)$', rest, re.M) or (0,)
    missed = {name: lost(after, name) - lost(before, name) for name in ('recursion_misses', 'connections', 'unparsed', 'unmatched')}
    bench.say(f'real-time threads took a CPU {woke} times; {missed}')
    within(int(woke), 1000, 1e9, 'times that a real-time thread took a CPU')
    equal((missed['connections'], missed['unparsed'], missed['unmatched']), (0, 0, 0), 'connections, unparsed, unmatched')
