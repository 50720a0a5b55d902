# SPDX-License-Identifier: GPL-2.0-only
"""bpfobjects - which BPF programs, maps and links a process holds, and which of them still exist."""
import contextlib
import glob
import json
import os
import re
import subprocess

BPFTOOL_ENV = dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin:/sbin')


def _bpftool(*args):
    done = subprocess.run(['bpftool', '-j', *args], capture_output=True, text=True, env=BPFTOOL_ENV, timeout=20)
    return json.loads(done.stdout or '[]')


def existing():
    """{('prog', 7), ('map', 3), ...}: all of the kernel's, whoever holds them."""
    return {(kind, item['id']) for kind in ('prog', 'map', 'link') for item in _bpftool(kind, 'list')}


def held_by(pid):
    """Those that a process has open, and the maps that its programs use."""
    held = set()
    for path in glob.glob(f'/proc/{pid}/fdinfo/*'):
        try:
            with open(path, encoding='ascii') as file:
                held |= {(kind, int(number)) for kind, number in re.findall(r'^(prog|map|link)_id:\s*(\d+)', file.read(), re.M)}
        except OSError:
            pass
    for program in _bpftool('prog', 'list'):
        if ('prog', program['id']) in held:
            held |= {('map', number) for number in program.get('map_ids', [])}
    return held


def verified(pid):
    """[how many instructions the verifier looked at] for each program that a process has open."""
    counts = []
    for path in glob.glob(f'/proc/{pid}/fdinfo/*'):
        try:
            with open(path, encoding='ascii') as file:
                counts += [int(count) for count in re.findall(r'^verified_insns:\s*(\d+)', file.read(), re.M)]
        except OSError:
            pass
    return counts


def map_of(pid, name):
    """The id of a map of this name that a process uses."""
    held = held_by(pid)
    return next(item['id'] for item in _bpftool('map', 'list') if item.get('name') == name and ('map', item['id']) in held)


def entries(map_id):
    """The entries of a map with type information: [{'key': ..., 'value': ...}]."""
    return [entry.get('formatted', entry) for entry in _bpftool('map', 'dump', 'id', str(map_id))]


def size_of(map_id):
    """How many entries a map has room for."""
    return next(item['max_entries'] for item in _bpftool('map', 'list') if item['id'] == map_id)


def is_empty(map_id):
    """Whether a queue has nothing in it."""
    done = subprocess.run(['bpftool', '-j', 'map', 'peek', 'id', str(map_id)], capture_output=True, text=True, env=BPFTOOL_ENV,
                          timeout=20)
    return 'value' not in done.stdout


@contextlib.contextmanager
def statistics():
    """The kernel times every run of every BPF program meanwhile. It costs more than most of them do."""
    path = '/proc/sys/kernel/bpf_stats_enabled'
    with open(path, encoding='ascii') as file:
        before = file.read()
    with open(path, 'w', encoding='ascii') as file:
        file.write('1')
    try:
        yield
    finally:
        with open(path, 'w', encoding='ascii') as file:
            file.write(before)


def runs_of(pid, names):
    """{name: (runs, ns)} of a process's programs, as far as the kernel's statistics were on."""
    held = held_by(pid)
    return {item['name']: (item.get('run_cnt', 0), item.get('run_time_ns', 0)) for item in _bpftool('prog', 'list')
            if ('prog', item['id']) in held and item['name'] in names}
