# SPDX-License-Identifier: GPL-2.0-only
"""The program itself: started, listening (or not), ended."""
import os
import re
import resource
import select
import signal
import socket
import stat
import subprocess
import time

from cases import check, same, wait_for
from cases_load import Witness
from wire import Closed, WebSocket, Where, ask, request

MAX_CLIENTS = 8
ALLOWED_HOST = "dash.example"
TOKEN = "tests.use-this_token~0123456789"

cases = []


def process_case(name):
    def mark(function):
        cases.append((name, function))
        return function
    return mark


class Server:
    """The binary with --listen; must be ended by end()."""

    def __init__(self, binary, folder, listen):
        self.listen, self.folder = listen, folder
        self.token_file = os.path.join(folder, "token")
        with open(os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(TOKEN + "\n")
        command = [binary, "serve", "--listen", listen, "--max-clients", str(MAX_CLIENTS), "--allow-host", ALLOWED_HOST]
        if listen.startswith("unix:"):
            command += ["--token-file", self.token_file]
        self.errors = open(os.path.join(folder, "errors"), "w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors)
        self.pid = self.process.pid

    def line(self, limit=20):
        ready = select.select([self.process.stdout], [], [], limit)[0]
        return self.process.stdout.readline().decode() if ready else ""

    def wait_until_open(self):
        line = self.line()
        check(line.startswith("rqscope: dashboard at "), "it printed %r and said %r" % (line, self.said()))
        if self.listen.startswith("unix:"):
            where = Where(unix=self.listen[5:], token=TOKEN)
        else:
            found = re.search(r"http://\[?([0-9a-f.:]+?)\]?:(\d+)/#token=([0-9a-f]{32})$", line.strip())
            check(found, "no URL in %r" % line)
            where = Where(found.group(1), int(found.group(2)), token=found.group(3))
        wait_for(lambda: ask(where, request(where, path="/readyz")).status == 200, 5, "readyz")
        return where

    def said(self):
        self.errors.flush()
        with open(self.errors.name) as file:
            return file.read()

    def end(self, how=signal.SIGTERM):
        """Return: its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("it did not end")
        finally:
            self.process.stdout.close()
            self.errors.close()

    def failure(self):
        """Return: what it said when it gave up by itself."""
        same(self.process.wait(10), 1, "exit code")
        said = self.said()
        self.end()
        check(len(said.strip().split("\n")) == 1, "not one line: %r" % said)
        return said


@process_case("SIGTERM: clients are told, exit code 0 within a second")
def test_shutdown(binary, folder):
    for how in (signal.SIGTERM, signal.SIGINT):
        server = Server(binary, folder, "127.0.0.1:0")
        try:
            where = server.wait_until_open()
            ws, stalled = WebSocket(where), WebSocket(where, receive_buffer=2048)
            ws.message()
            start = time.monotonic()
            server.process.send_signal(how)
            same(ws.until("error", 2)["code"], "shutdown")
            try:
                ws.message(2)
                check(False, "not closed")
            except Closed:
                pass
            same(ws.close_code, 1001)
            same(server.process.wait(5), 0, "exit code")
            took = time.monotonic() - start
            check(took < 1, "ended after %.2f s" % took)
            stalled.close()
        finally:
            server.end()


@process_case("a taken port is named")
def test_port_taken(binary, folder):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    where = "127.0.0.1:%d" % taken.getsockname()[1]
    said = Server(binary, folder, where).failure()
    check(where in said and "listens" in said, said)
    taken.close()


@process_case("IPv6 works")
def test_ipv6(binary, folder):
    server = Server(binary, folder, "[::1]:0")
    try:
        where = server.wait_until_open()
        WebSocket(where).close()
    finally:
        server.end()


@process_case("a Unix socket is ours alone from the first moment, and removed at the end where that is allowed")
def test_unix_mode(binary, folder):
    path = os.path.join(folder, "own")
    old = os.umask(0)
    try:
        server = Server(binary, folder, "unix:" + path)
    finally:
        os.umask(old)
    modes = set()

    def there():
        try:
            modes.add(stat.S_IMODE(os.stat(path).st_mode))
        except FileNotFoundError:
            pass
        return modes

    try:
        deadline = time.monotonic() + 20
        while not there() and time.monotonic() < deadline:
            pass
        server.wait_until_open()
        there()
        same(modes, {0o600})
        # Without privileges it may not remove anything from root's folder; the next start replaces it then.
        with open("/proc/%d/status" % server.pid) as status:
            uid = int(re.search(r"^Uid:\s+\d+\s+(\d+)", status.read(), re.M).group(1))
        may_remove = uid == os.stat(folder).st_uid
    finally:
        same(server.end(), 0, "exit code")
    check(not may_remove or not os.path.exists(path), "the socket is still there")


@process_case("a Unix socket left behind is replaced, anything else is not")
def test_unix_taken(binary, folder):
    path = os.path.join(folder, "left")
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    left.close()
    server = Server(binary, folder, "unix:" + path)
    try:
        server.wait_until_open()
        said = Server(binary, folder, "unix:" + path).failure()
        check(path in said, said)
        WebSocket(Where(unix=path, token=TOKEN)).close()
    finally:
        server.end()
    if os.path.exists(path):
        os.unlink(path)
    with open(path, "w") as file:
        file.write("precious")
    said = Server(binary, folder, "unix:" + path).failure()
    check(path in said, said)
    with open(path) as file:
        same(file.read(), "precious")


@process_case("SIGKILL leaves nothing that is in the way of the next start")
def test_kill(binary, folder):
    path = os.path.join(folder, "killed")
    server = Server(binary, folder, "unix:" + path)
    server.wait_until_open()
    server.end(signal.SIGKILL)
    check(os.path.exists(path), "removed by a killed process")
    server = Server(binary, folder, "unix:" + path)
    try:
        server.wait_until_open()
    finally:
        server.end()


@process_case("started without standard files: no other file has their numbers, and it measures")
def test_no_standard_files(binary, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = Where("127.0.0.1", free.getsockname()[1])
    # Without HTTP few files are opened before those of its threads.
    command = [binary, "serve", "--listen", "127.0.0.1:%d" % where.port, "--no-auth", "--without", "http"]
    process = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"] + command)
    try:
        wait_for(lambda: answers(where), 20, "an answer")
        same([os.readlink("/proc/%d/fd/%d" % (process.pid, number)) for number in range(3)], ["/dev/null"] * 3)
        ws = WebSocket(where)
        check(ws.until("windows")["seq"][-1] > 0, "no windows")
        ws.close()
        process.terminate()
        same(process.wait(10), 0, "exit code")
    finally:
        process.kill()
        process.wait()


def cpu_s(pid):
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@process_case("no file descriptors left: clients are served on, nothing spins, and it recovers")
def test_no_files(binary, folder):
    server = Server(binary, folder, "127.0.0.1:0")
    socks = []
    try:
        where = server.wait_until_open()
        # Loading takes more of them than serving: the limit comes after it.
        used = len(os.listdir("/proc/%d/fd" % server.pid))
        # By the user that it is now: root alone, without CAP_SYS_RESOURCE, may not limit others.
        with open("/proc/%d/status" % server.pid) as file:
            uid, gid = re.findall(r"^[UG]id:\t(\d+)", file.read(), re.MULTILINE)
        subprocess.run(["prlimit", "--pid", str(server.pid), "--nofile=%d:%d" % (used + 12, used + 12)], check=True,
                       user=int(uid), group=int(gid), extra_groups=[])
        witness = Witness(where)
        for _ in range(60):
            socks.append(where.connect(5))
        start_cpu, start = cpu_s(server.pid), time.monotonic()
        most = 0
        while time.monotonic() < start + 2:
            most = max(most, len(os.listdir("/proc/%d/fd" % server.pid)))
        ratio = (cpu_s(server.pid) - start_cpu) / (time.monotonic() - start)
        check(most >= used + 11, "only %d of %d files were in use" % (most, used + 12))
        check(ratio < 0.5, "it used %.0f %% of a CPU" % (ratio * 100))
        for sock in socks:
            sock.close()
        wait_for(lambda: answers(where), 5, "an answer after files were free again")
        witness.end()
    finally:
        for sock in socks:
            sock.close()
        server.end()


@process_case("a low soft limit of file descriptors is raised to what --max-clients takes")
def test_many_files(binary, folder):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    check(hard >= 4096, "this host allows too few of them")
    process = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "--max-clients", "300", "--without", "http"],
                               stdout=subprocess.PIPE,
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096)))
    clients = []
    try:
        port, token = re.search(rb":(\d+)/#token=([0-9a-f]+)$", process.stdout.readline()).groups()
        where = Where("127.0.0.1", int(port), token=token.decode())
        for _ in range(300):
            clients.append(WebSocket(where))
            same(clients[-1].message()["type"], "hello")
    finally:
        for client in clients:
            client.close()
        process.terminate()
        process.wait(10)
        process.stdout.close()


def answers(where):
    try:
        return ask(where, request(where, path="/livez"), timeout=1).status == 200
    except (OSError, Closed):
        return False
