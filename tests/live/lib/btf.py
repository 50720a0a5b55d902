# SPDX-License-Identifier: GPL-2.0-only
"""btf - the running kernel's types, by bpftool."""
import json
import os
import subprocess

VMLINUX = '/sys/kernel/btf/vmlinux'
TRANSPARENT = ('CONST', 'VOLATILE', 'RESTRICT', 'TYPE_TAG', 'TYPEDEF')


class Btf:
    def __init__(self):
        environment = dict(os.environ, PATH=os.environ['PATH'] + ':/usr/sbin:/sbin')
        done = subprocess.run(['bpftool', '-j', 'btf', 'dump', 'file', VMLINUX], capture_output=True, env=environment,
                              timeout=60)
        if done.returncode:
            raise AssertionError(f'bpftool btf dump: {done.stderr.decode(errors="replace").strip()}')
        self.types = {item['id']: item for item in json.loads(done.stdout)['types']}
        self.named = {}
        for item in self.types.values():
            if item['name'] != '(anon)':
                self.named.setdefault((item['kind'], item['name']), item)

    def find(self, kind, name):
        """struct, union, enum or typedef of this name, or None."""
        kinds = {'enum': ('ENUM', 'ENUM64')}.get(kind, (kind.upper(),))
        return next((self.named[key] for key in ((each, name) for each in kinds) if key in self.named), None)

    def get(self, number):
        """The type behind qualifiers and typedefs; None is void."""
        item = self.types.get(number)
        while item and item['kind'] in TRANSPARENT:
            item = self.types.get(item['type_id'])
        return item

    def member(self, item, name):
        """A member by name, looked for in unnamed structs and unions too; None when there is none."""
        for member in item['members']:
            if member['name'] == name:
                return member
            inner = self.get(member['type_id'])
            if member['name'] == '(anon)' and inner and inner['kind'] in ('STRUCT', 'UNION'):
                found = self.member(inner, name)
                if found:
                    return found
        return None

    def shape(self, number):
        """What of a type matters to a reader: ('int', bytes), ('ptr', name), ('struct', name), ('array', shape, n), 'void'."""
        item = self.get(number)
        if not item:
            return 'void'
        kind = item['kind']
        if kind in ('INT', 'ENUM', 'ENUM64', 'FLOAT'):
            return ('int', item['size'])
        if kind == 'PTR':
            target = self.get(item['type_id'])
            named = target and target['kind'] in ('STRUCT', 'UNION', 'FWD') and target['name'] != '(anon)'
            return ('ptr', target['name'] if named else None)
        if kind in ('STRUCT', 'UNION'):
            return (kind.lower(), item['name'] if item['name'] != '(anon)' else None)
        if kind == 'ARRAY':
            return ('array', self.shape(item['type_id']), item['nr_elems'])
        return (kind.lower(), item['name'])

    def tracepoint(self, name):
        """Shapes of a raw tracepoint's arguments, or None where the kernel has none of that name."""
        item = self.named.get(('TYPEDEF', 'btf_trace_' + name))
        if not item:
            return None
        prototype = self.types[self.types[item['type_id']]['type_id']]
        return [self.shape(parameter['type_id']) for parameter in prototype['params'][1:]]

    def function(self, name):
        """Shapes of a function's arguments and of what it returns, or None where the kernel has none of that name."""
        item = self.named.get(('FUNC', name))
        if not item:
            return None
        prototype = self.types[item['type_id']]
        return [self.shape(parameter['type_id']) for parameter in prototype['params']] + [self.shape(prototype['ret_type_id'])]
