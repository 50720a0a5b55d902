# SPDX-License-Identifier: GPL-2.0-only
"""bench - what a case gets: the instance that watches, the tap it uses, a place for files, a way to say numbers."""
import shutil
import tempfile

from .rqscope import Rqscope


class Bench:
    """One for each tap. The instance is shared by the cases of a module: they use ports of their own."""

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
            self._rq = self.start('--max-services', '254')  # a module has a service or two for each case
        return self._rq

    def begin(self):
        """A new shared instance, attached before the first case's traffic: it tells a limited number of services apart."""
        self.fresh()
        return self.rq

    def fresh(self):
        """Ends the shared instance; fails when it did not end well."""
        if self._rq:
            rq, self._rq = self._rq, None
            status = rq.stop()
            if status != 0:
                raise AssertionError(f'rqscope ended with status {status}: {rq.said()[-500:]}')

    def start(self, *args, **more):
        """Another instance with the same tap; the caller stops it."""
        return Rqscope('--tap', self.tap, *args, **more)

    def say(self, text):
        print(f'  {self.name}: {text}', flush=True)

    def close(self):
        """Stops the instance; fails when it did not end well."""
        shutil.rmtree(self.dir, ignore_errors=True)
        self.fresh()
