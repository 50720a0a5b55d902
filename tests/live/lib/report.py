# SPDX-License-Identifier: GPL-2.0-only
"""report - cases, how they are found and run, and the lines that tell how they went.

A case is a function with @case; it takes a Bench (bench.py), fails by raising AssertionError, and is skipped
by raising Skip. Its name is its function's.
"""
import contextlib
import functools
import signal
import sys
import time
import traceback

from . import wire


class Skip(Exception):
    """This kernel can't; the text says why."""


class TooLong(Exception):
    """A case ran into its limit."""


CASES = []


def case(each_tap=True, limit_s=60, unix=False):
    """Registers a case. each_tap: run with every tap; else once, with the default one. unix: also over Unix sockets, as a
    case of its own."""
    def register(function):
        function.each_tap = each_tap
        function.limit_s = limit_s
        CASES.append(function)
        if unix:
            @functools.wraps(function)
            def over_unix(bench):
                with wire.over_unix():
                    function(bench)
            over_unix.__name__ = f'{function.__name__}_unix'
            CASES.append(over_unix)
        return function
    return register


def equal(got, want, what):
    if got != want:
        raise AssertionError(f'{what} is {got}, should be {want}')


def within(value, low, high, what, unit=''):
    if not low <= value <= high:
        raise AssertionError(f'{what} is {value:.6g}{unit}, should be {low:.6g} to {high:.6g}{unit}')


@contextlib.contextmanager
def time_limit(limit_s):
    def ring(_signal, _frame):
        raise TooLong(f'took longer than its limit of {limit_s} s')
    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(limit_s)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Report:
    """Counts results and prints a line for each."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def ok(self, name, seconds):
        self.passed += 1
        print(f'ok {name} ({seconds:.1f} s)', flush=True)

    def not_ok(self, name, why):
        self.failed += 1
        print(f'not ok {name}: {" ".join(str(why).split()) or "no reason given"}', flush=True)

    def skip(self, name, reason):
        self.skipped += 1
        print(f'skipped {name}: {" ".join(str(reason).split())}', flush=True)

    def summary(self):
        print(f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped', flush=True)

    def expect(self, name, limit_s, action):
        """Something between cases that has to work: it makes a line only where it doesn't."""
        try:
            with time_limit(limit_s):
                action()
        except Exception as error:
            self.not_ok(name, error)

    def run(self, name, limit_s, action):
        """Runs one case; whatever it raises becomes its result. Returns whether it passed."""
        start = time.monotonic()
        try:
            with time_limit(limit_s):
                action()
        except Skip as reason:
            self.skip(name, reason)
            return True
        except AssertionError as why:
            self.not_ok(name, why)
            return False
        except Exception as error:  # a case that dies must not take the others with it
            traceback.print_exc(file=sys.stdout)
            self.not_ok(name, f'{type(error).__name__}: {error}')
            return False
        self.ok(name, time.monotonic() - start)
        return True
