#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every type, field and argument of a tracepoint or function that bpf/ relies on is in the running kernel's BTF, and fits.

vmlinux/vmlinux.h is written by hand; this is what keeps it true. A field marked "optional" may be missing, but
where it is there it must fit. A hook that this kernel lacks is skipped: its probe says so itself.
"""
import glob
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.btf import VMLINUX, Btf  # noqa: E402
from lib.cdecl import Reader, programs  # noqa: E402
from lib.report import Report  # noqa: E402
from lib.snapshot import ROOT  # noqa: E402


def fits(declared, real):
    """Whether a reader that expects one shape can read the other."""
    if declared == real:
        return True
    if 'void' in (declared, real):
        return False
    if declared[0] == 'ptr' and real[0] == 'ptr':
        return declared[1] is None or real[1] is None
    if declared[0] == 'array' and real[0] == 'array':
        return fits(declared[1], real[1]) and (declared[2] == real[2] or declared[2] == 0)
    return declared[0] == real[0] and declared[0] in ('struct', 'union') and None in (declared[1], real[1])


def faults_of(btf, fields, item, where):
    """What is wrong with the fields of a declared type, one sentence each."""
    faults = []
    for field in fields:
        if field.name is None:  # unnamed struct or union: its members are looked for directly
            faults += faults_of(btf, field.inner.fields, item, where)
            continue
        real = btf.member(item, field.name)
        if not real:
            if not field.optional:
                faults.append(f'{where}.{field.name} does not exist in this kernel')
            continue
        if real.get('bitfield_size'):
            faults.append(f'{where}.{field.name} is a bit field')
            continue
        shape = btf.shape(real['type_id'])
        if not fits(field.shape, shape):
            faults.append(f'{where}.{field.name} is declared {field.shape}, this kernel has {shape}')
        elif field.inner:
            faults += faults_of(btf, field.inner.fields, btf.get(real['type_id']), f'{where}.{field.name}')
    return faults


def check_type(btf, declared):
    """Returns (faults, reason to skip)."""
    where = f'{declared.kind} {declared.name}' if declared.kind != 'typedef' else declared.name
    item = btf.find(declared.kind, declared.name)
    if not item:
        if declared.optional or (declared.fields and all(field.optional for field in declared.fields)):
            return [], f'this kernel has no {where}, which is optional'
        return [f'this kernel has no {where}'], None
    if declared.kind == 'typedef':
        item = btf.get(item['type_id'])
    if declared.values is not None:
        real = {value['name']: value['val'] for value in item['values']}
        return [f'{where}: {name} is declared {value}, this kernel has {real.get(name)}'
                for name, value in declared.values.items() if real.get(name) != value], None
    return faults_of(btf, declared.fields, item, where), None


def check_program(btf, kind, hook, shapes):
    real = btf.function(hook) if kind == 'fexit' else btf.tracepoint(hook)
    if real is None:
        return [], f'this kernel has no {"function" if kind == "fexit" else "tracepoint"} {hook}'
    if len(shapes) > len(real):
        return [f'{hook} has {len(real)} arguments, {len(shapes)} are declared'], None
    return [f'{hook}: argument {i + 1} is declared {mine}, this kernel has {theirs}'
            for i, (mine, theirs) in enumerate(zip(shapes, real)) if not fits(mine, theirs)], None


def main():
    report = Report()
    if not os.path.exists(VMLINUX):
        report.skip('btf', f'this kernel has no {VMLINUX}')
        report.summary()
        return 0
    btf = Btf()

    def note(name, faults, reason):
        if faults:
            report.not_ok(name, '; '.join(faults))
        elif reason:
            report.skip(name, reason)
        else:
            report.ok(name, 0)
    with open(os.path.join(ROOT, 'vmlinux', 'vmlinux.h'), encoding='utf-8') as file:
        reader = Reader(file.read())
    types = reader.read()
    if not any(declared.fields for declared in types):
        report.not_ok('btf', 'vmlinux.h has no types')
    for declared in types:
        if declared.fields or declared.values:
            note(f'btf/{declared.kind}_{declared.name}', *check_type(btf, declared))
    found = 0
    for path in sorted(glob.glob(os.path.join(ROOT, 'bpf', '*.[ch]'))):
        with open(path, encoding='utf-8') as file:
            for kind, hook, name, shapes in programs(file.read(), reader.typedefs):
                found += 1
                note(f'btf/{os.path.basename(path)}:{name}', *check_program(btf, kind, hook, shapes))
    if not found:
        report.not_ok('btf', 'no program found in bpf/')
    report.summary()
    return 1 if report.failed else 0


if __name__ == '__main__':
    sys.exit(main())
