# SPDX-License-Identifier: GPL-2.0-only
"""TCP Fast Open: a request that comes with the SYN and is read before the handshake is over."""
import ctypes
import fcntl
import os
import socket
import struct

from lib.child import Child
from lib.netns import ip
from lib.report import Skip, case
from lib.wait import wait_until
from lib.wire import LIMIT_S, answer, ask, fresh_listener, port_of

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000
SERVER, CLIENT, PREFIX = '198.18.78.1', '198.18.78.2', 30
SYN, ACK = 2, 16
ESTABLISHED = 1  # include/net/tcp_states.h
CLONE_NEWNET = 0x40000000
# Documentation/networking/ip-sysctl.rst: as a server, without a cookie, and for listeners that didn't ask for it
FAST_OPEN = 0x602


def checksum(data):
    total = sum(struct.unpack(f'!{(len(data) + 1) // 2}H', data + b'\0' * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def packet(ports, seq, ack, flags, data=b''):
    """From the client to the server."""
    ends = socket.inet_aton(CLIENT) + socket.inet_aton(SERVER)
    tcp = bytearray(struct.pack('!HHIIBBHHH', *ports, seq, ack, 5 << 4, flags, 65535, 0, 0) + data)
    tcp[16:18] = struct.pack('!H', checksum(ends + struct.pack('!HH', socket.IPPROTO_TCP, len(tcp)) + tcp))
    head = bytearray(struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(tcp), 1, 0, 64, socket.IPPROTO_TCP, 0) + ends)
    head[10:12] = struct.pack('!H', checksum(head))
    return bytes(head + tcp)


def sequence_of_syn_ack(tun):
    while True:
        data = os.read(tun, 2000)
        if data[0] >> 4 == 4 and data[9] == socket.IPPROTO_TCP and data[33] & (SYN | ACK) == SYN | ACK:
            return struct.unpack('!I', data[24:28])[0]


def serve(tell):
    """Both ends, in a namespace of their own: the server a socket, the client by hand."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET):
        raise OSError('unshare')
    with open('/proc/sys/net/ipv4/tcp_fastopen', 'w', encoding='utf-8') as file:
        file.write(str(FAST_OPEN))
    tun = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', b'fast', IFF_TUN | IFF_NO_PI))
    ip('address', 'add', f'{SERVER}/{PREFIX}', 'dev', 'fast')
    ip('link', 'set', 'fast', 'up')
    listener = fresh_listener(SERVER)
    port, request, conns = port_of(listener), ask('/fast'), []
    listener.settimeout(LIMIT_S)
    tell(port)
    for i, pause in enumerate((True, False)):
        ports = (40000 + i, port)
        os.write(tun, packet(ports, 1000, 0, SYN, request))
        conn = listener.accept()[0]
        conn.settimeout(LIMIT_S)
        conns.append(conn)
        acked = sequence_of_syn_ack(tun) + 1
        if conn.recv(4096) != request:
            raise AssertionError('the request did not come with the SYN')
        if not pause:  # the answer too is sooner than the end of the handshake
            conn.sendall(answer(200, b'fast'))
        os.write(tun, packet(ports, 1001 + len(request), acked, ACK))
        wait_until(lambda: conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED, LIMIT_S, 'the handshake')
        if pause:
            conn.sendall(answer(200, b'fast'))
        os.write(tun, packet(ports, 1001 + len(request), acked, ACK, request))
        if conn.recv(4096) != request:
            raise AssertionError('the second request did not come')
        conn.sendall(answer(404, b'next'))
    for conn in conns:
        conn.close()
    os.close(tun)


@case()
def request_with_the_syn(bench):
    """What is read and answered before the connection is established counts, and is still open behind it."""
    if not os.path.exists('/dev/net/tun'):
        raise Skip('there is no /dev/net/tun')
    bench.rq.settled()
    with Child(serve) as child:
        bench.rq.expect(child.hear(), requests=4, responses=4, aborted=0, in_flight=0, status={200: 2, 404: 2})
        child.wait()
