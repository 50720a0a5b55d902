# SPDX-License-Identifier: GPL-2.0-only
"""netns - a network namespace with a veth pair to this one, removed at the end."""
import os
import shutil
import subprocess

from .servers import SBIN

# RFC 2544: not routed anywhere.
HERE, THERE, PREFIX = '198.18.77.1', '198.18.77.2', 30


def ip(*words, check=True):
    done = subprocess.run([shutil.which('ip', path=SBIN), *words], capture_output=True, text=True, timeout=10)
    if check and done.returncode:
        raise OSError(f'ip {" ".join(words)}: {done.stderr.strip()}')


class Netns:
    """here, there: the addresses of both ends; enter: what to put before a command to run it inside."""

    def __init__(self):
        self.name = f'rqs-live-{os.getpid()}'
        self.link = f'rqs{os.getpid()}'[:14]
        self.here, self.there = HERE, THERE
        self.enter = (shutil.which('ip', path=SBIN), 'netns', 'exec', self.name)
        try:
            ip('netns', 'add', self.name)
            ip('link', 'add', self.link, 'type', 'veth', 'peer', 'name', 'inside', 'netns', self.name)
            ip('address', 'add', f'{HERE}/{PREFIX}', 'dev', self.link)
            ip('link', 'set', self.link, 'up')
            for words in (('address', 'add', f'{THERE}/{PREFIX}', 'dev', 'inside'), ('link', 'set', 'inside', 'up'),
                          ('link', 'set', 'lo', 'up')):
                ip('-n', self.name, *words)
        except BaseException:
            self.close()
            raise

    def close(self):
        ip('link', 'delete', self.link, check=False)
        ip('netns', 'delete', self.name, check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
