// SPDX-License-Identifier: GPL-2.0-only
// websocket - as much of RFC 6455 as a test server needs: text frames, no fragments, no extensions.
import { createHash } from 'node:crypto';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Answer the upgrade and call @hear with each text message. */
export function accept(req, socket, protocol, hear) {
	const key = createHash('sha1').update(req.headers['sec-websocket-key'] + GUID).digest('base64');
	socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${key}\r\nsec-websocket-protocol: ${protocol}\r\n\r\n`);
	socket.setNoDelay(true);
	let rest = Buffer.alloc(0);
	socket.on('data', (data) => {
		rest = Buffer.concat([rest, data]);
		for (let frame; (frame = parse(rest)); rest = rest.subarray(frame.bytes)) {
			if (frame.opcode === 1)
				hear(frame.payload.toString());
			else if (frame.opcode === 8)
				socket.end(Buffer.from([0x88, 0]));
		}
	});
}

function parse(data) {
	if (data.length < 2)
		return null;
	let size = data[1] & 127, at = 2;
	if (size === 126) {
		if (data.length < 4)
			return null;
		size = data.readUInt16BE(2);
		at = 4;
	} else if (size === 127) {
		throw new Error('a client never sends so much');
	}
	if (data.length < at + 4 + size)
		return null;
	const mask = data.subarray(at, at + 4);
	const payload = Buffer.from(data.subarray(at + 4, at + 4 + size));
	for (let i = 0; i < size; i++)
		payload[i] ^= mask[i & 3];
	return { opcode: data[0] & 15, payload, bytes: at + 4 + size };
}

export function sendText(socket, text) {
	const body = Buffer.from(text);
	const head = body.length < 126 ? Buffer.from([0x81, body.length])
		: body.length < 65536 ? Buffer.from([0x81, 126, body.length >> 8, body.length & 255])
			: Buffer.concat([Buffer.from([0x81, 127, 0, 0, 0, 0]), u32(body.length)]);
	if (socket.writable)
		socket.write(Buffer.concat([head, body]));
}

function u32(n) {
	const b = Buffer.alloc(4);
	b.writeUInt32BE(n);
	return b;
}
