# SPDX-License-Identifier: GPL-2.0-only
"""cdecl - reads the simple C of vmlinux/vmlinux.h and of the programs' argument lists.

Knows structs, unions, enums, typedefs, pointers and arrays; no bit fields, no function pointers. A comment that
begins with "optional" after a field, or before a type's brace or name, marks it. Shapes are those of btf.py.
"""
import re

SIZES = {'char': 1, 'short': 2, 'int': 4, 'long': 8, 'long long': 8, '_Bool': 1, 'bool': 1, '__u8': 1, '__s8': 1, 'u8': 1,
         '__u16': 2, '__s16': 2, '__be16': 2, 'u16': 2, '__u32': 4, '__s32': 4, '__be32': 4, 'u32': 4, '__u64': 8,
         '__s64': 8, 'u64': 8, 's64': 8, '__kernel_size_t': 8, 'size_t': 8, 'uid_t': 4, 'pid_t': 4}
QUALIFIERS = {'const', 'volatile', 'static', 'extern', '__always_inline', 'unsigned', 'signed'}
TOKEN = re.compile(r'@optional|[A-Za-z_]\w*|0[xX][0-9a-fA-F]+|\d+|[{}\[\]();,=*:<+-]')


class Field:
    def __init__(self, name, shape, optional, inner=None):
        self.name, self.shape, self.optional, self.inner = name, shape, optional, inner


class Type:
    """kind: struct, union, enum or typedef; fields of it, or values of an enum as {name: number or None}."""

    def __init__(self, kind, name, fields, values=None, optional=False):
        self.kind, self.fields, self.values, self.optional = kind, fields, values, optional
        self.name = re.sub(r'___.*$', '', name or '')  # struct rq___old is a flavour of struct rq


def plain(text):
    """Without preprocessor lines and comments, but for the mark @optional."""
    text = re.sub(r'/\*\s*optional\b.*?\*/', ' @optional ', text, flags=re.S)
    text = re.sub(r'/\*.*?\*/|//[^\n]*', ' ', text, flags=re.S)
    return re.sub(r'^\s*#.*?(?<!\\)$', '', text, flags=re.M)


class Reader:
    def __init__(self, text):
        self.tokens = TOKEN.findall(re.sub(r'__attribute__\s*\(\(.*?\)\)\)?', ' ', plain(text)))
        self.at = 0
        self.types = []
        self.typedefs = {}

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def skip(self, token):
        if self.peek() == token:
            self.at += 1
            return True
        return False

    def base(self):
        """A type before its declarators: (shape, inner Type or None)."""
        words = []
        while True:
            token = self.peek()
            if token in ('struct', 'union', 'enum'):
                return self.tagged()
            if token in QUALIFIERS:
                words.append(self.next())
                continue
            if token in ('long', 'short', 'int', 'char'):
                words.append(self.next())
                continue
            kinds = [word for word in words if word not in ('const', 'volatile', 'static', 'extern', '__always_inline')]
            if kinds:
                return ('int', self.size(kinds)), None
            name = self.next()
            if self.peek() in ('const', 'volatile'):
                self.next()
            if name == 'void':
                return 'void', None
            if name in SIZES:
                return ('int', SIZES[name]), None
            if name in self.typedefs:
                return self.typedefs[name], None
            raise AssertionError(f'vmlinux.h: type {name} is not known to this test')

    @staticmethod
    def size(words):
        if words.count('long'):
            return 8
        return 2 if 'short' in words else 1 if 'char' in words else 4

    def tagged(self):
        kind = self.next()
        optional = self.skip('@optional')
        name = self.next() if self.peek() != '{' else None
        if self.peek() != '{':
            shape = ('int', 4) if kind == 'enum' else (kind, re.sub(r'___.*$', '', name))
            return shape, None
        optional = self.enter() or optional
        if kind == 'enum':
            made = Type(kind, name, [], self.enumerators(), optional)
        else:
            fields = []
            while not self.skip('}'):
                fields += self.fields()
            made = Type(kind, name, fields, None, optional)
        if name:
            self.types.append(made)
        return (('int', 4) if kind == 'enum' else (kind, made.name or None)), made

    def enter(self):
        self.next()
        return self.skip('@optional')

    def enumerators(self):
        values, following = {}, 0
        while not self.skip('}'):
            if self.skip('@optional') or self.skip(','):
                continue
            name = self.next()
            if self.skip('='):
                sign = -1 if self.skip('-') else 1
                following = sign * int(self.next(), 0)
            values[name] = following
            following += 1
        return values

    def declarator(self, shape):
        """Pointers before the name, arrays after it: (name, shape)."""
        pointers = 0
        while self.peek() in ('*', 'const', 'volatile'):
            pointers += self.next() == '*'
        name = self.next() if re.match(r'[A-Za-z_]', self.peek() or '') and self.peek() != '@optional' else None
        if pointers == 1 and shape != 'void' and shape[0] in ('struct', 'union'):
            shape = ('ptr', shape[1])
        elif pointers:
            shape = ('ptr', None)
        counts = []
        while self.skip('['):
            counts.append(int(self.next(), 0) if self.peek() != ']' else 0)
            self.next()
        for count in reversed(counts):
            shape = ('array', shape, count)
        return name, shape

    def fields(self):
        base, inner = self.base()
        made = []
        while self.peek() != ';':
            name, shape = self.declarator(base)
            made.append(Field(name, shape, False, inner if inner and not inner.name else None))
            self.skip(',')
        if self.next() == ';' and not made and inner:
            made.append(Field(None, base, False, inner))
        if self.skip('@optional'):
            for field in made:
                field.optional = True
        return made

    def read(self):
        """All types of a header."""
        while self.at < len(self.tokens):
            if self.skip('typedef'):
                base, inner = self.base()
                name, shape = self.declarator(base)
                self.skip(';')
                self.typedefs[name] = shape
                if inner and not inner.name:
                    self.types.append(Type('typedef', name, inner.fields, inner.values))
                    self.typedefs[name] = (inner.kind, None)
            elif self.peek() in ('struct', 'union', 'enum'):
                self.tagged()
                self.skip(';')
            else:
                self.next()
        return self.types


PROGRAM = re.compile(r'SEC\("(tp_btf|raw_tp|fexit)/(\w+)"\)\s*(/\*\s*optional\b.*?\*/)?\s*int\s+(?:BPF_PROG\((\w+)|RQS_(?:FUNCTION_)?PROG\((\w+)\s*,\s*\w+)\s*(?:,(.*?))?\)\s*\{', re.S)


def programs(text, typedefs):
    """(kind of hook, its name, program, argument shapes) for each program of a source file that a tracepoint or a function has."""
    for kind, hook, _, plain, counted, arguments in PROGRAM.findall(text):
        shapes = []
        for argument in re.split(r',', arguments) if arguments.strip() else []:
            reader = Reader(argument)
            reader.typedefs = typedefs
            base, _ = reader.base()
            shapes.append(reader.declarator(base)[1])
        yield kind, hook, plain or counted, shapes
