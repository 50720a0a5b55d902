# SPDX-License-Identifier: GPL-2.0-only
"""cgroup - a control group of either version that may use a CPU only so long in each period; removed at the end."""
import os
import re

from .wait import wait_until

V1, V2 = '/sys/fs/cgroup/cpu', ('/sys/fs/cgroup', '/sys/fs/cgroup/unified')


def _write(path, text):
    with open(path, 'w', encoding='ascii') as file:
        file.write(text)


def _v2_root():
    for root in V2:
        try:
            with open(os.path.join(root, 'cgroup.controllers'), encoding='ascii') as file:
                if 'cpu' in file.read().split():
                    return root
        except OSError:
            pass
    return None


class Throttled:
    """A process that joins it runs quota_us in each period_us. OSError where there is no such controller."""

    def __init__(self, quota_us, period_us):
        name = f'rqscope-live-{os.getpid()}'
        root = _v2_root()
        self.path = os.path.join(root or V1, name)
        os.mkdir(self.path)
        try:
            if root:
                _write(os.path.join(self.path, 'cpu.max'), f'{quota_us} {period_us}')
            else:
                _write(os.path.join(self.path, 'cpu.cfs_period_us'), str(period_us))
                _write(os.path.join(self.path, 'cpu.cfs_quota_us'), str(quota_us))
        except BaseException:
            os.rmdir(self.path)
            raise

    def join(self):
        """The calling process enters."""
        _write(os.path.join(self.path, 'cgroup.procs'), str(os.getpid()))

    def throttled(self):
        """In how many periods it was stopped."""
        with open(os.path.join(self.path, 'cpu.stat'), encoding='ascii') as file:
            return int(re.search(r'^nr_throttled (\d+)', file.read(), re.M).group(1))

    def _gone(self):
        try:
            os.rmdir(self.path)
        except OSError:  # its last process has not quite ended
            return False
        return True

    def close(self):
        wait_until(self._gone, 10, f'{self.path} to be empty')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
