# SPDX-License-Identifier: GPL-2.0-only
"""child - a Python function in a process of its own, so that no other thread disturbs its clock."""
import json
import os
import signal
import sys
import traceback

from .wait import wait_until


class Child:
    """Forks; function(tell) runs in the child; tell(value) sends a JSON value to hear()."""

    def __init__(self, function):
        read_end, write_end = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(read_end)
                signal.alarm(0)
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(120)

                def tell(value):
                    os.write(write_end, json.dumps(value).encode() + b'\n')
                function(tell)
                status = 0
            except Exception:
                traceback.print_exc(file=sys.stdout)
                sys.stdout.flush()
            finally:
                os._exit(status)
        os.close(write_end)
        self.pipe = os.fdopen(read_end, 'rb')
        self.ended = False

    def hear(self):
        """The next value that the child told; AssertionError when it ended instead."""
        line = self.pipe.readline()
        if not line:
            raise AssertionError('the child ended before it told anything')
        return json.loads(line)

    def kill(self, number=signal.SIGKILL):
        if not self.ended:
            os.kill(self.pid, number)

    def wait(self, limit_s=20):
        """Waits for its end; returns the raw wait status."""
        def ended():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (status,) if pid else None
        if not self.ended:
            self.status = wait_until(ended, limit_s, f'end of child {self.pid}')[0]
            self.ended = True
            self.pipe.close()
        return self.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.wait()
