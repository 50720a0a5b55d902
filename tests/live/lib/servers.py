# SPDX-License-Identifier: GPL-2.0-only
"""servers - web servers as people run them, each with a count of its own that asking for does not change.

Each answers GET /hello with BODY_BYTES bytes and writes a line or a byte for each request into a file.
"""
import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
from http.server import BaseHTTPRequestHandler

from .child import Child
from .load import free_port
from .wait import stop_process, wait_until

BODY_BYTES = 2000
BODY = b'x' * BODY_BYTES
SBIN = os.environ['PATH'] + ':/usr/sbin:/sbin'


class Program:
    """A server with a folder of its own, from a command; ready when its port is open. exe: what rqscope calls it."""

    def __init__(self, exe, mark, unix=False):
        self.exe = exe
        self.mark = mark  # what it writes for each request
        self.drops = False  # whether it reads on, and drops what comes, where it has closed a connection
        self.dir = tempfile.mkdtemp(prefix='rqscope-server-')
        os.chmod(self.dir, 0o755)
        os.mkdir(os.path.join(self.dir, 'files'))
        self.write('files/hello', BODY)
        self.log = self.write('log', b'')
        os.chmod(self.log, 0o666)
        self.port = os.path.join(self.dir, 'socket') if unix else free_port()
        self.process = None

    def write(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, 'wb') as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def run(self, *command, **more):
        path = shutil.which(command[0], path=SBIN)
        if not path:
            self.close()
            raise AssertionError(f'there is no {command[0]}: packaging/install-deps test installs it')
        self.said = self.write('said', b'')
        with open(self.said, 'wb') as said:
            # A session of its own: Apache ends by a signal to its whole process group.
            self.process = subprocess.Popen([path, *command[1:]], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                            start_new_session=True, **more)
        try:
            wait_until(self._open, 10, f'{command[0]} on port {self.port}')
        except BaseException as error:
            with open(self.said, encoding='utf-8', errors='replace') as said:
                text = said.read(500)
            self.close()
            if isinstance(error, AssertionError):
                raise AssertionError(f'{error}: {text}') from None
            raise
        return self

    def _open(self):
        unix = isinstance(self.port, str)
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as sock:
            return self.process.poll() is None and sock.connect_ex(self.port if unix else ('127.0.0.1', self.port)) == 0

    def count(self):
        """Requests so far, as the server wrote them down."""
        size = os.path.getsize(self.log)
        if size % len(self.mark):
            raise AssertionError(f'{self.exe} wrote half a line')
        return size // len(self.mark)

    def close(self):
        if self.process:
            stop_process(self.process)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


NGINX_CONF = '''
user root;
worker_processes 2;
daemon off;
pid {dir}/pid;
error_log {dir}/error.log error;
events {{ worker_connections 1024; }}
http {{
    log_format mark ".";
    access_log {dir}/log mark;
    sendfile on;
    keepalive_requests 1000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    {more}
    server {{
        listen {address}:{port} backlog=4096;
        location / {{ {content} }}
    }}
}}
'''


def nginx(content=None, more='', address='127.0.0.1', port=None, prefix=()):
    """nginx; content: of the one location; more: beside the server. With a prefix (a command that runs another) it is
    not waited for: its port need not be one of this network."""
    server = Program('nginx', '.\n')
    server.port = port or server.port
    conf = NGINX_CONF.format(dir=server.dir, port=server.port, address=address, more=more, content=content or f'root {server.dir}/files;')
    command = ('nginx', '-c', server.write('nginx.conf', conf), '-p', server.dir, '-e', os.path.join(server.dir, 'error.log'))
    if not prefix:
        return server.run(*command)
    server.process = subprocess.Popen([*prefix, shutil.which('nginx', path=SBIN), *command[1:]], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return server


APACHE_CONF = '''
ServerRoot {dir}
ServerName localhost
DefaultRuntimeDir {dir}
PidFile {dir}/pid
Mutex sem
LoadModule mpm_{mpm}_module /usr/lib/apache2/modules/mod_mpm_{mpm}.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
Listen 127.0.0.1:{port}
User www-data
Group www-data
ErrorLog {dir}/error.log
LogFormat "." mark
CustomLog {dir}/log mark
DocumentRoot {dir}/files
KeepAlive On
MaxKeepAliveRequests 0
EnableSendfile On
'''
APACHE_WORKERS = {
    'prefork': 'StartServers 12\nMinSpareServers 1\nMaxSpareServers 64\nMaxRequestWorkers 64\n',
    'event': 'StartServers 2\nThreadsPerChild 32\nMinSpareThreads 1\nMaxSpareThreads 128\nMaxRequestWorkers 128\n',
}


def apache(mpm):
    server = Program('apache2', '.\n')
    server.drops = True
    conf = server.write('apache.conf', APACHE_CONF.format(dir=server.dir, mpm=mpm, port=server.port) + APACHE_WORKERS[mpm])
    return server.run('apache2', '-d', server.dir, '-f', conf, '-DFOREGROUND')


NODE_SCRIPT = '''
const fs = require('fs'), http = require('http');
const [, log, port, bytes] = process.argv;
const fd = fs.openSync(log, 'a'), body = 'x'.repeat(Number(bytes));
http.createServer((request, response) => {
	fs.writeSync(fd, '.');
	response.setHeader('Content-Length', body.length);
	response.end(body);
}).listen(...(port[0] === '/' ? [port] : [Number(port), '127.0.0.1']));
'''


def node(unix=False):
    server = Program('node', '.', unix)
    return server.run('node', '-e', NODE_SCRIPT, server.log, str(server.port), str(BODY_BYTES))


GUNICORN_APP = '''
import os
LOG = os.open({log!r}, os.O_WRONLY | os.O_APPEND)
def app(environ, start_response):
    os.write(LOG, b'.')
    start_response('200 OK', [('Content-Length', '{bytes}')])
    return [b'x' * {bytes}]
'''


def gunicorn(unix=False):
    server = Program(python_exe(), '.', unix)
    server.write('marking.py', GUNICORN_APP.format(log=server.log, bytes=BODY_BYTES))
    return server.run('gunicorn', '--workers', '2', '--bind', f'unix:{server.port}' if unix else f'127.0.0.1:{server.port}', '--chdir', server.dir,
                      '--log-level', 'error', '--worker-tmp-dir', server.dir, 'marking:app',
                      env=dict(os.environ, PYTHONDONTWRITEBYTECODE='1'))


def python_exe():
    """What the interpreter of these tests is called, and gunicorn's."""
    return os.path.basename(os.path.realpath('/usr/bin/python3'))


class PythonServer(Program):
    """http.server, a thread for each connection, in a process of its own."""

    def __init__(self):
        super().__init__(python_exe(), '.')
        log = os.open(self.log, os.O_WRONLY | os.O_APPEND)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            disable_nagle_algorithm = True

            def do_GET(self):
                os.write(log, b'.')
                self.send_response(200)
                self.send_header('Content-Length', str(BODY_BYTES))
                if not self.close_connection:
                    self.send_header('Connection', 'keep-alive')  # of HTTP/1.0: ab waits for it
                self.end_headers()
                self.wfile.write(BODY)

            def log_message(self, *_):
                pass

        class Threaded(socketserver.ThreadingTCPServer):
            request_queue_size = 128
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that left early

        def serve(tell):
            with Threaded(('127.0.0.1', 0), Handler) as listener:
                tell(listener.server_address[1])
                listener.serve_forever()
        self.child = Child(serve)
        os.close(log)
        self.port = self.child.hear()

    def close(self):
        self.child.kill()
        self.child.wait()
        super().close()
