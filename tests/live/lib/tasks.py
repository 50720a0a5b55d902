# SPDX-License-Identifier: GPL-2.0-only
"""tasks - the kernel's own account of waiting for a CPU: schedstat of living tasks, taskstats of those that ended.

/proc/PID/task/TID/schedstat: time on CPU, time waited (run_delay), both ns. A task that ends in between is
reported by taskstats (Documentation/accounting/taskstats.rst), which fills cpu_delay_total from the same
run_delay in kernel/delayacct.c, so that no wait on the host is missing in the sum.
"""
import glob
import os
import socket
import struct
import threading

GENL_ID_CTRL, CTRL_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK = 1, 3
TASKSTATS_TYPE_PID, TASKSTATS_TYPE_STATS, TASKSTATS_TYPE_AGGR_PID = 1, 3, 4
CPU_DELAY_TOTAL_AT = 24  # in struct taskstats: version, exitcode, flag, nice, cpu_count, cpu_delay_total
NETLINK_GENERIC, NLM_F_REQUEST, NLM_F_ACK, NLMSG_ERROR = 16, 1, 4, 2
SOL_NETLINK, SO_RCVBUFFORCE = 270, 33


def run_delays():
    """{tid: ns waited so far} of all tasks of the host."""
    delays = {}
    for path in glob.glob('/proc/[0-9]*/task/*/schedstat'):
        try:
            with open(path, encoding='ascii') as file:
                delays[int(path.split('/')[4])] = int(file.read().split()[1])
        except (OSError, IndexError):
            pass  # it ended just now
    return delays


def run_delay_of(tid):
    with open(f'/proc/{tid}/task/{tid}/schedstat', encoding='ascii') as file:
        return int(file.read().split()[1])


def stat_number(name):
    """A line of /proc/stat that holds one number: ctxt, processes."""
    with open('/proc/stat', encoding='ascii') as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ' '))


def _attribute(kind, payload):
    size = 4 + len(payload)
    return struct.pack('HH', size, kind) + payload + b'\0' * (-size % 4)


def _attributes(data):
    at = 0
    while at + 4 <= len(data):
        size, kind = struct.unpack_from('HH', data, at)
        if size < 4:
            return
        yield kind & 0x3fff, data[at + 4:at + size]
        at += (size + 3) & ~3


class Ended:
    """Listens for tasks that end: delays is {tid: ns waited in its life}. lost: reports that did not fit."""

    def __init__(self):
        self.delays = {}
        self.lost = 0
        self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.sock.bind((0, 0))
        self.sock.settimeout(5)
        self.family = self._family()
        cpus = f'0-{os.cpu_count() - 1}'.encode() + b'\0'
        self._request(self.family, TASKSTATS_CMD_GET, _attribute(TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, cpus))
        self._acknowledged()
        self.sock.settimeout(0.2)
        self.stopped = False
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _request(self, kind, command, payload):
        body = struct.pack('BBH', command, 1, 0) + payload
        self.sock.send(struct.pack('IHHII', 16 + len(body), kind, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + body)

    def _acknowledged(self):
        while True:
            data = self.sock.recv(65536)
            size, kind = struct.unpack_from('IH', data)
            if kind == NLMSG_ERROR:
                error, = struct.unpack_from('i', data, 16)
                if error:
                    raise OSError(-error, 'taskstats: ' + os.strerror(-error))
                return data[size:]

    def _family(self):
        self._request(GENL_ID_CTRL, CTRL_GETFAMILY, _attribute(CTRL_ATTR_FAMILY_NAME, b'TASKSTATS\0'))
        data = self.sock.recv(65536)
        size, kind = struct.unpack_from('IH', data)
        if kind == NLMSG_ERROR:
            raise OSError(95, 'taskstats is not built in')
        found = dict(_attributes(data[20:size]))[CTRL_ATTR_FAMILY_ID]
        if len(data) <= size:
            self._acknowledged()
        return struct.unpack('H', found)[0]

    def _listen(self):
        while not self.stopped:
            try:
                self._take(self.sock.recv(1 << 18))
            except socket.timeout:
                continue
            except OSError:  # ENOBUFS: some did not fit
                if not self.stopped:
                    self.lost += 1

    def _take(self, data):
        while len(data) >= 20:
            size, kind = struct.unpack_from('IH', data)
            if kind == self.family:
                for outer, inner in _attributes(data[20:size]):
                    if outer == TASKSTATS_TYPE_AGGR_PID:
                        parts = dict(_attributes(inner))
                        tid, = struct.unpack('I', parts[TASKSTATS_TYPE_PID])
                        self.delays[tid], = struct.unpack_from('Q', parts[TASKSTATS_TYPE_STATS], CPU_DELAY_TOTAL_AT)
            data = data[(size + 3) & ~3:]

    def close(self):
        self.stopped = True
        self.thread.join(5)
        self.sock.close()


class Waited:
    """How long all tasks of the host waited for a CPU between begin and end(), those that ended in between included."""

    def __init__(self):
        self.ended = Ended()
        self.before = run_delays()

    def end(self):
        """Returns (ns of tasks alive throughout, ns of all others). Call once."""
        after = run_delays()
        self.ended.close()
        if self.ended.lost:
            raise AssertionError('taskstats lost reports: too many tasks ended')
        alive = sum(ns - self.before[tid] for tid, ns in after.items() if tid in self.before)
        born = sum(ns for tid, ns in after.items() if tid not in self.before)
        gone = sum(ns - self.before.get(tid, 0) for tid, ns in self.ended.delays.items() if tid not in after)
        return alive, born + gone
