// SPDX-License-Identifier: GPL-2.0-only
// What the npm package ws needs to send the same text to all its clients: bench_fanout's peer.
// Usage: node ws_broadcast.mjs FOLDER, where node_modules/ws is. Prints "PORT CONTROL_PORT".
// On the control connection: a line that begins with { goes to all clients; "cpu" is answered by the microseconds of CPU used so far.
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';

const { WebSocketServer } = createRequire(`${resolve(process.argv[2])}/`)('ws');
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false, backlog: 4096 });

function onLine(line, socket) {
	if (line === 'cpu') {
		const used = process.cpuUsage();
		socket.write(`${used.user + used.system}\n`);
		return;
	}
	// Encoded once; a string would be encoded for each client.
	const bytes = Buffer.from(line);
	for (const client of server.clients)
		client.send(bytes, { binary: false });
}

const control = createServer((socket) => {
	createInterface({ input: socket }).on('line', (line) => onLine(line, socket));
});

server.on('listening', () => {
	control.listen(0, '127.0.0.1', () => console.log(`${server.address().port} ${control.address().port}`));
});
