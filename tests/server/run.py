#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Tests of the running server, over raw sockets.

RQSCOPE_BIN=build/rqscope run.py [NAME]           starts it itself, on a port and on a Unix socket, and ends it
RQSCOPE_URL=http://... RQSCOPE_TOKEN=... run.py    one that runs; RQSCOPE_UNIX=path for one on a Unix socket
RQSCOPE_MAX_CLIENTS=16                             what one that runs was started with, if it is known
NAME: only tests whose name has this in it.
"""
import os
import sys
import tempfile
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases  # noqa: E402
import cases_trust  # noqa: E402,F401
import cases_http  # noqa: E402,F401
import cases_stream  # noqa: E402,F401
import cases_service  # noqa: E402,F401
import cases_load  # noqa: E402,F401
import process  # noqa: E402
from wire import Where  # noqa: E402


class Target:
    """What is tested, and what is known about it."""

    def __init__(self, where, pid=None, max_clients=None, allowed_host=None):
        self.where, self.pid, self.max_clients = where, pid, max_clients
        self.allowed_host = allowed_host


def run_own(outcome, binary, only):
    with tempfile.TemporaryDirectory(prefix="rqscope-test-") as folder:
        for kind, listen in (("", "127.0.0.1:0"), ("unix: ", "unix:" + os.path.join(folder, "socket"))):
            server = process.Server(binary, folder, listen)
            try:
                where = server.wait_until_open()
                outcome.run_all(kind, Target(where, server.pid, process.MAX_CLIENTS, process.ALLOWED_HOST), only,
                                slow_too=not kind)
            finally:
                server.end()
        for name, function in process.cases:
            if not only or only in name:
                outcome.run("process: ", name, lambda _, f=function: f(binary, folder), None)


def run_given(outcome, only):
    token = os.environ.get("RQSCOPE_TOKEN")
    max_clients = os.environ.get("RQSCOPE_MAX_CLIENTS")
    if os.environ.get("RQSCOPE_UNIX"):
        where = Where(unix=os.environ["RQSCOPE_UNIX"], token=token)
    else:
        url = urllib.parse.urlparse(os.environ["RQSCOPE_URL"])
        where = Where(url.hostname, url.port or 80, token=token)
    outcome.run_all("", Target(where, None, max_clients and int(max_clients)), only)


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else None
    outcome = cases.Outcome()
    if os.environ.get("RQSCOPE_BIN"):
        run_own(outcome, os.environ["RQSCOPE_BIN"], only)
    elif os.environ.get("RQSCOPE_URL") or os.environ.get("RQSCOPE_UNIX"):
        run_given(outcome, only)
    else:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    skipped = ", %d skipped" % outcome.skipped if outcome.skipped else ""
    print("%d passed, %d failed%s" % (outcome.passed, outcome.failed, skipped))
    return 1 if outcome.failed or not outcome.passed else 0


if __name__ == "__main__":
    sys.exit(main())
