# SPDX-License-Identifier: GPL-2.0-only
"""wait - for a condition, never for a time; and every process ends."""
import signal
import subprocess
import time


def wait_until(condition, limit_s, what, pause_s=0.02):
    """Returns the first true value of condition(); fails after limit_s, naming what was awaited."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'{what}: not within {limit_s} s')
        time.sleep(pause_s)


def stop_process(process, limit_s=5):
    """SIGTERM, and SIGKILL when that doesn't help. Returns the exit status, or None where it had to be killed."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(limit_s)
            return None
    return process.returncode
