# SPDX-License-Identifier: GPL-2.0-only
"""What rqscope itself takes while nobody watches."""
import time

from lib.load import Nginx, Wrk
from lib.report import case, within

SECONDS = 10


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
