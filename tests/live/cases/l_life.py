# SPDX-License-Identifier: GPL-2.0-only
"""From start to end: in time, with the right exit status, and nothing left in the kernel."""
import json
import os
import shutil
import signal
import socket
import stat
import time

from lib.bpfobjects import existing, held_by
from lib.report import case, equal, within
from lib.rqscope import BIN, run_once
from lib.snapshot import check_snapshot
from lib.wait import wait_until


def one_sentence(done, status, *words):
    """Exit status, nothing on standard output, one line on standard error that has these words."""
    equal(done.returncode, status, f'exit status ({done.stderr.strip()[:200]})')
    equal(done.stdout, '', 'standard output')
    text = done.stderr.strip()
    equal(len(text.splitlines()), 1, f'lines on standard error ({text[:300]!r})')
    for word in words:
        if word not in text:
            raise AssertionError(f'the message does not name {word}: {text}')


@case()
def first_window_in_time(bench):
    """From the line that names the dashboard to a snapshot with a window, and from the start of the process."""
    rq = bench.start()
    try:
        wait_until(lambda: rq.snapshot()['history']['columns'].get('runqueue.switches'), 5, 'the first window')
        took = time.monotonic() - rq.ready
    finally:
        rq.stop()
    bench.say(f'line after {rq.ready - rq.started:.3f} s, first window {took:.3f} s later')
    within(took, 0, 1, 'time from the line to the first window', ' s')


@case()
def nothing_left_after_a_signal(bench):
    for number in (signal.SIGTERM, signal.SIGINT):
        rq = bench.start()
        rq.settled()
        held = held_by(rq.pid)
        if not {kind for kind, _ in held} >= {'prog', 'map', 'link'}:
            rq.stop()
            raise AssertionError(f'holds no programs, maps and links: {held}')
        start = time.monotonic()
        rq.process.send_signal(number)
        rq.process.wait(10)
        took = time.monotonic() - start
        equal(rq.process.returncode, 0, f'exit status after {number.name}')
        within(took, 0, 1, f'time to end after {number.name}', ' s')
        wait_until(lambda: not held & existing(), 5, f'{len(held)} programs, maps and links to be gone')
        bench.say(f'{number.name}: ended after {took:.3f} s, {len(held)} programs, maps and links gone')


@case()
def nothing_left_after_kill(bench):
    rq = bench.start()
    rq.settled()
    held = held_by(rq.pid)
    rq.process.kill()
    rq.process.wait(10)
    wait_until(lambda: not held & existing(), 10, f'{len(held)} programs, maps and links to be gone')


@case()
def gives_up_privileges(bench):
    """Once attached it is no longer root and can not become it again."""
    rq = bench.start()
    try:
        with open(f'/proc/{rq.pid}/status', encoding='utf-8') as file:
            status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
    finally:
        rq.stop()
    bench.say(f'Uid {status["Uid"]}, CapEff {status["CapEff"]}, NoNewPrivs {status["NoNewPrivs"]}')
    if '0' in status['Uid'].split():
        raise AssertionError(f'still root: Uid {status["Uid"]}')
    equal(status['NoNewPrivs'], '1', 'NoNewPrivs')
    for number, name in ((0, 'chown'), (1, 'dac_override'), (7, 'setuid'), (21, 'sys_admin')):
        if int(status['CapEff'], 16) >> number & 1:
            raise AssertionError(f'keeps CAP_{name.upper()}')


@case(each_tap=False)
def without_privileges(bench):
    del bench
    copy = shutil.copy(BIN, '/tmp/rqscope-nobody')  # the tree itself may be closed to others
    try:
        os.chmod(copy, 0o755)
        for args in (('serve', '--listen', '127.0.0.1:0'), ('snapshot', '--for', '300ms')):
            done = run_once(*args, prefix=('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'), path=copy)
            one_sentence(done, 3)
            if 'root' not in done.stderr and 'sudo' not in done.stderr and 'CAP_' not in done.stderr:
                raise AssertionError(f'names no way out: {done.stderr}')
    finally:
        os.unlink(copy)


@case(each_tap=False)
def port_taken(bench):
    del bench
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        one_sentence(run_once('serve', '--listen', f'127.0.0.1:{port}'), 1, str(port))


@case(each_tap=False)
def wrong_usage(bench):
    del bench
    for args, word in ((('--no-such-option',), '--no-such-option'), (('no-such-command',), 'no-such-command'),
                       (('--tick', '10'), '10'), (('--tick', '1ms'), '1ms'), (('--tick', '2s'), '2s'),
                       (('--slow', 'soon'), 'soon'), (('snapshot', '--for', '-1s'), '-1s'),
                       (('snapshot', '--for', '5parsecs'), '5parsecs'), (('--listen', 'nonsense'), 'nonsense'),
                       (('--listen', '127.0.0.1:99999'), '99999'), (('--tap', 'Z'), 'Z'),
                       (('--listen', '0.0.0.0:0'), '--insecure'), (('check', '--for', '1s'), '--for'),
                       (('--max-clients', 'many'), 'many'), (('--token-file',), '--token-file')):
        one_sentence(run_once(*args), 2, word)


@case()
def snapshot_alone(bench):
    done = run_once('snapshot', '--for', '300ms', '--tap', bench.tap)
    equal(done.returncode, 0, f'exit status ({done.stderr.strip()[:300]})')
    document = json.loads(done.stdout)
    check_snapshot(document)
    within(document['uptime_ns'], 250e6, 5e9, 'uptime', ' ns')
    http = next(probe for probe in document['coverage']['probes'] if probe['name'] == 'http')
    equal((http['state'], http['tap']), ('on', bench.tap), 'state and tap of the HTTP probe')


@case()
def snapshot_from_a_running_one(bench):
    token = os.path.join(bench.dir, 'token')
    with open(token, 'w', encoding='ascii') as file:
        file.write(bench.rq.token + '\n')
    os.chmod(token, 0o600)
    done = run_once('snapshot', '--from', f'http://127.0.0.1:{bench.rq.port}', '--token-file', token)
    equal(done.returncode, 0, f'exit status ({done.stderr.strip()[:300]})')
    document = json.loads(done.stdout)
    check_snapshot(document)
    within(document['uptime_ns'], bench.rq.snapshot()['uptime_ns'] - 10e9, 1e18, 'uptime of the running one', ' ns')


@case(each_tap=False)
def snapshot_to_a_file(bench):
    path = os.path.join(bench.dir, 'out.json')
    with open(path, 'w', encoding='ascii') as file:
        file.write('old')
    os.chmod(path, 0o644)
    done = run_once('snapshot', '--for', '300ms', '-o', path)
    equal(done.returncode, 0, f'exit status ({done.stderr.strip()[:300]})')
    equal(done.stdout, '', 'standard output')
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, 'mode of the file')
    with open(path, encoding='utf-8') as file:
        check_snapshot(json.load(file))

    target, link = os.path.join(bench.dir, 'target'), os.path.join(bench.dir, 'link')
    with open(target, 'w', encoding='ascii') as file:
        file.write('untouched')
    os.symlink(target, link)
    done = run_once('snapshot', '--for', '300ms', '-o', link)
    with open(target, encoding='ascii') as file:
        equal(file.read(), 'untouched', 'what a symbolic link leads to')
    one_sentence(done, 1, link)
    if not os.path.islink(link):
        raise AssertionError('the symbolic link was replaced')

    missing = os.path.join(bench.dir, 'missing', 'out.json')
    one_sentence(run_once('snapshot', '--for', '300ms', '-o', missing), 1, missing)
    closed = '/proc/out.json'
    one_sentence(run_once('snapshot', '--for', '300ms', '-o', closed), 1, closed)
    equal(sorted(name for name in os.listdir(bench.dir) if name not in ('token',)), ['link', 'out.json', 'target'],
          'files left')


@case(each_tap=False)
def check_says_what_it_can(bench):
    done = run_once('check', '--json')
    equal(done.returncode, 0, 'exit status')
    names = {probe['name'] for probe in json.loads(done.stdout)['probes']}
    if not names >= {'http', 'sched'}:
        raise AssertionError(f'check --json names {names}')
    done = run_once('check')
    equal(done.returncode, 0, 'exit status')
    for name in names:
        if name not in done.stdout:
            raise AssertionError(f'check does not name {name}')
    bench.say(' / '.join(done.stdout.splitlines()))


@case(each_tap=False)
def help_and_version(bench):
    del bench
    done = run_once('--help')
    equal((done.returncode, done.stderr), (0, ''), '--help: exit status, standard error')
    for word in ('snapshot', 'check', '--listen', '--token-file', '--no-auth', '--allow-host', '--insecure', '--tick',
                 '--slow', '--tap', '--max-clients', '--for', '--from', '-o', '--json'):
        if word not in done.stdout:
            raise AssertionError(f'--help does not name {word}')
    done = run_once('--version')
    equal((done.returncode, done.stderr), (0, ''), '--version: exit status, standard error')
    if not done.stdout.startswith('rqscope ') or len(done.stdout.splitlines()) != 1:
        raise AssertionError(f'--version prints {done.stdout!r}')


@case()
def without_locked_memory(bench):
    """RLIMIT_MEMLOCK of 64 KiB, and no right to raise it."""
    done = run_once('snapshot', '--for', '300ms', '--tap', bench.tap,
                    prefix=('prlimit', '--memlock=65536:65536', 'setpriv', '--bounding-set=-sys_resource',
                            '--inh-caps=-sys_resource'))
    equal(done.returncode, 0, f'exit status ({done.stderr.strip()[:300]})')
    check_snapshot(json.loads(done.stdout))


@case()
def two_at_once(bench):
    """A second instance sees the same traffic, and its end does not disturb the first."""
    from lib.wire import Server, answer, ask, connect

    def script(peer):
        for _ in range(2):
            peer.head()
            peer.send(answer(200, b'both'))
    second = bench.start()
    try:
        with Server(script) as server:
            peer = connect(server.port)
            peer.send(ask())
            peer.until(b'both')
            for rq in (bench.rq, second):
                rq.expect(server.port, requests=1, responses=1, in_flight=0)
            equal(second.stop(), 0, 'exit status')
            peer.send(ask())
            peer.until(b'both')
            peer.close()
            server.close()
            bench.rq.expect(server.port, requests=2, responses=2, aborted=0, in_flight=0)
    finally:
        second.stop()


@case()
def own_traffic_is_left_out(bench):
    """Snapshots are fetched over HTTP; neither end of that shows."""
    for _ in range(5):
        bench.rq.snapshot()
    for service in bench.rq.settled()['services']:
        if service['port'] == bench.rq.port:
            raise AssertionError(f'sees itself: {service["name"]}:{service["port"]}')
