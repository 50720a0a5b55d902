# SPDX-License-Identifier: GPL-2.0-only
"""What a test needs: a list of them, how they are run, and how their outcome is printed."""
import sys
import threading
import time
import traceback

cases = []


class Skip(Exception):
    """The test can't be made here; says why."""


def case(name, slow=False):
    """Marks a test. It gets the Target; slow ones run side by side at the end."""
    def mark(function):
        cases.append((name, slow, function))
        return function
    return mark


def check(truth, what):
    if not truth:
        raise AssertionError(what)


def same(is_, should, what=""):
    if is_ != should:
        raise AssertionError("%sis %r, should be %r" % (what and what + " ", is_, should))


def wait_for(condition, limit, what):
    """Wait until a condition holds. Return what it gave."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("%s: not within %g s" % (what, limit))
        time.sleep(0.02)


class Outcome:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def run(self, prefix, name, function, target):
        try:
            function(target)
            line, kind = "ok %s%s" % (prefix, name), "passed"
        except Skip as why:
            line, kind = "skipped %s%s: %s" % (prefix, name, why), "skipped"
        except Exception as why:
            text = (str(why) or type(why).__name__).replace("\n", " ")
            at = traceback.extract_tb(sys.exc_info()[2])[-1]
            line, kind = "not ok %s%s: %s (%s:%d)" % (prefix, name, text, at.filename.split("/")[-1], at.lineno), "failed"
        with self.lock:
            setattr(self, kind, getattr(self, kind) + 1)
            print(line, flush=True)

    def run_all(self, prefix, target, only=None, slow_too=True):
        chosen = [c for c in cases if (not only or only in c[0]) and (slow_too or not c[1])]
        for name, slow, function in chosen:
            if not slow:
                self.run(prefix, name, function, target)
        threads = [threading.Thread(target=self.run, args=(prefix, name, function, target))
                   for name, slow, function in chosen if slow]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
