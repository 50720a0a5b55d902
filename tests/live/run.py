#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Live tests: attach for real, drive real servers, compare with what they and the kernel say themselves.

Usage: tests/live/run.py [-k PATTERN] [--tap A|B] [--list]
Environment: RQSCOPE_BIN (build/rqscope); the C tools are looked for in tests/ beside it.
"""
import argparse
import importlib
import json
import os
import pkgutil
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases  # noqa: E402
from lib import report  # noqa: E402
from lib.bench import Bench  # noqa: E402
from lib.rqscope import BIN, run_once, taps_of  # noqa: E402

TAPS = 'AB'


def taps_of_kernel():
    """{tap: None, or why it is not available}, as rqscope check says."""
    done = run_once('check', '--json')
    if done.returncode not in (0, 3):
        raise SystemExit(f'not ok check: rqscope check --json ended with {done.returncode}: {done.stderr.strip()}')
    probed = taps_of(json.loads(done.stdout))
    missing = [tap for tap in TAPS if tap not in probed]
    if missing:
        raise SystemExit(f'not ok check: rqscope check --json says nothing of tap {missing[0]}')
    return {tap: probed[tap] for tap in TAPS}


def run_all(result, wanted, taps, unavailable):
    available = [tap for tap in TAPS if not unavailable[tap]]
    for tap in taps:
        bench, module = Bench(tap, available), None
        for action in wanted:
            if not action.each_tap and tap != (available or TAPS)[0]:
                continue
            bench.name = action.__name__ + (f'/{tap}' if action.each_tap else '')
            if unavailable[tap]:
                result.skip(bench.name, f'tap {tap} is unavailable: {unavailable[tap]}')
                continue
            if module != action.__module__:
                module = action.__module__
                result.expect(f'clean_end_before_{module}/{tap}', 20, bench.begin)
            result.run(bench.name, action.limit_s, lambda: action(bench))
        bench.name = f'clean_end/{tap}'
        if not unavailable[tap]:
            result.run(bench.name, 20, bench.close)


def main():
    parser = argparse.ArgumentParser(description='Live tests of rqscope.')
    parser.add_argument('-k', metavar='PATTERN', default='', help='only cases whose name matches')
    parser.add_argument('--tap', choices=list(TAPS), help='only this tap')
    parser.add_argument('--list', action='store_true', help='print the names of all cases')
    options = parser.parse_args()
    for module in sorted(pkgutil.iter_modules(cases.__path__), key=lambda found: found.name):
        importlib.import_module(f'cases.{module.name}')
    wanted = [found for found in report.CASES if re.search(options.k, found.__name__)]
    if options.list:
        print('\n'.join(found.__name__ for found in wanted))
        return 0
    if os.geteuid():
        print('not ok live: needs root, to attach to the kernel')
        return 1
    if not os.access(BIN, os.X_OK):
        print(f'not ok live: there is no program {BIN}: make builds it')
        return 1
    if not wanted:
        print(f'not ok live: no case matches {options.k}')
        return 1
    result = report.Report()
    run_all(result, wanted, options.tap or TAPS, taps_of_kernel())
    result.summary()
    return 1 if result.failed else 0


if __name__ == '__main__':
    sys.exit(main())
