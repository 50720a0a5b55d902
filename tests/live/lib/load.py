# SPDX-License-Identifier: GPL-2.0-only
"""load - nginx with a configuration of its own, wrk, the C tools, spinners."""
import http.client
import os
import re
import shutil
import socket
import subprocess
import tempfile

from .rqscope import TOOLS
from .wait import stop_process, wait_until

NGINX_CONF = '''
user root;
worker_processes 2;
daemon off;
pid {dir}/pid;
error_log {dir}/error.log error;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    sendfile on;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /status {{ stub_status; keepalive_timeout 0; }}
        location = /hello {{ default_type text/plain; return 200 "hello\\n"; }}
        location / {{ root {dir}/files; }}
    }}
}}
'''


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


class Nginx:
    """Two workers, /hello, /status, and the files put into self.files."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix='rqscope-nginx-')
        os.chmod(self.dir, 0o755)
        self.files = os.path.join(self.dir, 'files')
        os.mkdir(self.files)
        self.port = free_port()
        conf = os.path.join(self.dir, 'nginx.conf')
        with open(conf, 'w', encoding='utf-8') as file:
            file.write(NGINX_CONF.format(dir=self.dir, port=self.port))
        path = shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin')
        self.process = subprocess.Popen([path, '-c', conf, '-p', self.dir], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(self._open, 10, f'nginx on port {self.port}')
        except BaseException:
            self.close()
            raise

    def _open(self):
        with socket.socket() as sock:
            return sock.connect_ex(('127.0.0.1', self.port)) == 0

    def status(self):
        """nginx's own numbers: {'requests': ..., 'active': ...}. This request is one of them."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        try:
            connection.request('GET', '/status')
            text = connection.getresponse().read().decode()
        finally:
            connection.close()
        numbers = re.search(r'^ (\d+) (\d+) (\d+)', text, re.M)
        return {'requests': int(numbers.group(3)), 'active': int(re.search(r'Active connections: (\d+)', text).group(1))}

    def close(self):
        stop_process(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Wrk:
    """wrk in the background; wait() returns its completed requests and rate."""

    def __init__(self, port, path='/hello', connections=64, seconds=10, threads=2):
        self.seconds = seconds
        self.process = subprocess.Popen(['wrk', f'-t{threads}', f'-c{connections}', f'-d{seconds}s', '--timeout', '10s',
                                         f'http://127.0.0.1:{port}{path}'], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait(self):
        try:
            out, _ = self.process.communicate(timeout=self.seconds + 20)
        finally:
            stop_process(self.process)
        found = re.search(r'(\d+) requests in', out)
        if self.process.returncode or not found:
            raise AssertionError(f'wrk failed: {out[:300]}')
        return {'completed': int(found.group(1)), 'rate': float(re.search(r'Requests/sec:\s*([\d.]+)', out).group(1)),
                'errors': re.search(r'Socket errors.*', out) and re.search(r'Socket errors.*', out).group(0)}


def numbers_of(line):
    """"a=1 b=2" as a dictionary."""
    return {name: int(value) for name, value in re.findall(r'(\w+)=(\d+)', line)}


def connect_client(port, threads, requests, path):
    """A new connection for each request; see connect_client.c."""
    done = subprocess.run([os.path.join(TOOLS, 'connect_client'), str(port), str(threads), str(requests), path],
                          capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(f'connect_client failed: {done.stderr.strip()}')
    return numbers_of(done.stdout)


class UringServer:
    """The server that uses io_uring alone, on TCP or at the path of a Unix socket; numbers are its own, after close()."""

    def __init__(self, *path):
        self.process = subprocess.Popen([os.path.join(TOOLS, 'uring_server'), *path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith('port '):
            stop_process(self.process)
            self.unavailable = self.process.stderr.read().strip() or f'status {self.process.returncode}'
            self.port = None
            return
        self.unavailable = None
        self.port = path[0] if path else int(line.split()[1])
        self.numbers = None

    def close(self):
        if self.numbers is None and self.port:
            status = stop_process(self.process)
            if status != 0:
                raise AssertionError(f'the server did not end as it should: {status}')
            self.numbers = numbers_of(self.process.stdout.read())
        return self.numbers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop_process(self.process)


class Spinners:
    """Long-lived processes pinned to CPUs; asleep but for spin()."""

    def __init__(self, cpus):
        self.processes = [subprocess.Popen([os.path.join(TOOLS, 'spinner'), str(cpu)], stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, text=True, bufsize=1) for cpu in cpus]
        self.spin(1)
        self.wait()

    def spin(self, ms):
        for process in self.processes:
            process.stdin.write(f'{ms}\n')

    def wait(self):
        for process in self.processes:
            if process.stdout.readline() != 'done\n':
                raise AssertionError('a spinner ended')

    def pids(self):
        return [process.pid for process in self.processes]

    def close(self):
        for process in self.processes:
            process.stdin.close()
            stop_process(process)
            process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
