# SPDX-License-Identifier: GPL-2.0-only
"""bench - what a case gets: the instance that watches, the tap it uses, a place for files, a way to say numbers."""
import shutil
import tempfile

from .rqscope import Rqscope


class Bench:
    """One for each tap. The instance is shared by all cases: they use ports of their own."""

    def __init__(self, tap, taps):
        self.tap = tap
        self.taps = taps
        self.name = ''
        self.dir = tempfile.mkdtemp(prefix='rqscope-live-')
        self._rq = None

    @property
    def rq(self):
        """Running and attached; a new one when it died (which fails the case that sees it)."""
        if self._rq and self._rq.process.poll() is not None:
            said = self._rq.said()
            status, self._rq = self._rq.process.returncode, None
            raise AssertionError(f'rqscope ended with status {status}: {said[-500:]}')
        if not self._rq:
            self._rq = self.start()
        return self._rq

    def start(self, *args, **more):
        """Another instance with the same tap; the caller stops it."""
        return Rqscope('--tap', self.tap, *args, **more)

    def say(self, text):
        print(f'  {self.name}: {text}', flush=True)

    def close(self):
        """Stops the instance; fails when it did not end well."""
        shutil.rmtree(self.dir, ignore_errors=True)
        if self._rq:
            status = self._rq.stop()
            said = self._rq.said()
            if status != 0:
                raise AssertionError(f'rqscope ended with status {status}: {said[-500:]}')
