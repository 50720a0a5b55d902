#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""rqscope on other kernels: Debian's, each booted in an emulated machine of its own. What must load loads, and counts.

Usage: tests/guest/run.py [SERIES...]   of kernels, 6.1 and 6.12 by default; 6.12-rt is the one with PREEMPT_RT
Kernels are fetched as packages and unpacked below build/guest, not installed. Emulation is slow: nothing of time is checked.
"""
import glob
import gzip
import json
import os
import re
import shutil
import stat
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
B = os.path.join(ROOT, os.environ.get('B', 'build'))
DIR = os.path.join(B, 'guest')
LIMIT_S = 300
TOTAL = 50  # requests of exchange, over each kind of socket
HTTP_FROM = (6, 3)


def run(*command, **more):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S, **more)


def version(text):
    return tuple(int(part) for part in re.findall(r'\d+', text))


def unpack(package, folder):
    run('apt-get', 'download', '-q', package, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    archive, = glob.glob(f'{folder}/*.deb')
    run('dpkg-deb', '-x', archive, folder)
    os.remove(archive)


def images(folder):
    return glob.glob(f'{folder}/boot/vmlinuz*') + glob.glob(f'{folder}/usr/lib/modules/*/vmlinuz')


def kernel(series):
    """The newest of a series, for virtual machines: its image. Fetched once."""
    number, _, flavour = series.partition('-')
    names = run('apt-cache', 'search', '--names-only', rf'^linux-image-{re.escape(number)}[.-][0-9].*-{flavour or "cloud"}-amd64$',
                capture_output=True, text=True).stdout.split('\n')
    names = sorted({line.split()[0] for line in names if line}, key=version)
    if not names:
        raise AssertionError(f'there is no package of a kernel {series}')
    folder = os.path.join(DIR, names[-1])
    if not images(folder):
        os.makedirs(folder, exist_ok=True)
        unpack(names[-1], folder)
        if not images(folder):  # of newer ones it is in a package of its own
            unpack(names[-1].replace('image', 'binary', 1), folder)
    image, = images(folder)
    return image


def libraries(path):
    return re.findall(r'(/\S+) \(0x', run('ldd', path, capture_output=True, text=True).stdout)


def disk():
    """What the guest has: rqscope with its libraries, busybox, the traffic."""
    root = os.path.join(DIR, 'root')
    shutil.rmtree(root, ignore_errors=True)
    for folder in ('bin', 'proc', 'sys', 'dev', 'tmp', 'etc', 'run'):
        os.makedirs(os.path.join(root, folder))
    rqscope = os.path.join(B, 'rqscope')
    for path in (rqscope, shutil.which('busybox')):
        shutil.copy(path, os.path.join(root, 'bin'))
    for path in libraries(rqscope):
        os.makedirs(root + os.path.dirname(path), exist_ok=True)
        shutil.copy(path, root + path)
    run('gcc', '-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-static', '-o', os.path.join(root, 'bin/exchange'),
        os.path.join(ROOT, 'tests/guest/exchange.c'))
    shutil.copy(os.path.join(ROOT, 'tests/guest/init'), os.path.join(root, 'init'))
    os.chmod(os.path.join(root, 'init'), stat.S_IRWXU)
    with open(os.path.join(root, 'etc/passwd'), 'w', encoding='utf-8') as file:
        file.write('root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n')
    with open(os.path.join(root, 'etc/group'), 'w', encoding='utf-8') as file:
        file.write('root:x:0:\nnogroup:x:65534:\n')
    names = '\n'.join(os.path.relpath(os.path.join(folder, name), root) for folder, folders, files in os.walk(root)
                      for name in folders + files)
    archive = subprocess.run(('cpio', '-o', '-H', 'newc', '--quiet'), cwd=root, input=names.encode(), stdout=subprocess.PIPE,
                             check=True, timeout=LIMIT_S).stdout
    path = os.path.join(DIR, 'disk.gz')
    with gzip.open(path, 'wb', compresslevel=1) as file:
        file.write(archive)
    return path


def boot(image, archive):
    """What the guest told: {word: text}."""
    done = subprocess.run(('qemu-system-x86_64', '-m', '1024', '-smp', '2', '-display', 'none', '-serial', 'stdio', '-monitor', 'none',
                           '-nic', 'none', '-no-reboot', '-kernel', image, '-initrd', archive,
                           '-append', 'console=ttyS0 quiet panic=-1'),
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S, check=False)
    text = done.stdout.decode(errors='replace').replace('\r', '')
    parts = re.split(r'^=== (\w+)\n', text, flags=re.M)
    told = dict(zip(parts[1::2], parts[2::2]))
    if 'end' not in told:
        raise AssertionError(f'the guest did not come to its end: {text[-600:]} {done.stderr.decode()[-300:]}')
    return told


def equal(got, want, what):
    if got != want:
        raise AssertionError(f'{what} is {got}, should be {want}')


def check_http(snapshot):
    """Kernels of 7.0 and later miss what happens while a program is preempted, and count how often: then as much may be missing."""
    missed = snapshot['coverage']['lost']['recursion_misses']
    # Emulated it is slow: windows are merged, and tasks wait so long for a CPU that not all of it is told one by one.
    lost = {name: count for name, count in snapshot['coverage']['lost'].items()
            if count and name not in ('windows_merged', 'events', 'recursion_misses')}
    for role in ('server', 'client'):
        for key, place in (('port', 8080), ('path', '/tmp/app.sock')):
            found = [item for item in snapshot['services'] if item['role'] == role and item[key] == place]
            equal([item['name'] for item in found], ['exchange'], f'{role} at {place}')
            requests = found[0]['requests']
            if not TOTAL - missed <= requests <= TOTAL:
                raise AssertionError(f'{role} at {place}: {requests} of {TOTAL} requests ({missed} runs missed, lost: {lost})')
            if not missed:
                equal([found[0][name] for name in ('responses', 'aborted', 'in_flight', 'untimed', 'status')],
                      [TOTAL, 0, 0, 0, {'200': TOTAL}], f'{role} at {place}: responses, aborted, in flight, untimed, status (lost: {lost})')
    if not missed:
        equal(lost, {}, 'lost')


def try_kernel(series, archive):
    told = boot(kernel(series), archive)
    release = told['release'].strip()
    probes = {(probe['name'], probe['tap']): probe['state'] for probe in json.loads(told['check'])['probes']}
    state = {name: value for (name, tap), value in probes.items() if not tap}
    equal(state, dict.fromkeys(state, 'on'), 'probes without a tap')
    has_http = version(release)[:2] >= HTTP_FROM
    equal('on' in (probes['http', 'A'], probes['http', 'B']), has_http, f'HTTP on {release}')
    equal(told['exchange'].strip(), 'whole', 'the traffic')
    snapshot = json.loads(told['snapshot'])
    if snapshot['totals']['runqueue']['switches'] < TOTAL:
        raise AssertionError(f'{snapshot["totals"]["runqueue"]["switches"]} context switches')
    if has_http:
        check_http(snapshot)
    print(f'  {series}: {release}, {probes}')


def main():
    os.makedirs(DIR, exist_ok=True)
    archive, failed = disk(), 0
    for series in sys.argv[1:] or ('6.1', '6.12'):
        try:
            try_kernel(series, archive)
        except Exception as error:  # the other kernels are to be tried all the same
            failed += 1
            print(f'not ok guest/{series}: {" ".join(str(error).split())}', flush=True)
        else:
            print(f'ok guest/{series}', flush=True)
    return bool(failed)


if __name__ == '__main__':
    sys.exit(main())
