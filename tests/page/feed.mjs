// SPDX-License-Identifier: GPL-2.0-only
// feed - serves the built page and plays docs/protocol.md with invented data, so that every state of the page can be
// looked at and tested without a kernel.
//   node tests/page/feed.mjs PAGE_DIR [SCENARIO] [PORT]     prints the address and serves until it is ended
import { createServer } from 'node:http';
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { accept, sendText } from './websocket.mjs';
import { Host } from './host.mjs';
import { snapshotOf } from './recording.mjs';

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

export class Feed {
	/** @param {{dir: string, scenario?: string, token?: string|null, port?: number}} options */
	constructor({ dir, scenario = 'calm', token = null, port = 0 }) {
		this.files = new Map(readdirSync(dir).map((name) => [name === 'index.html' ? '/' : `/${name}`,
			{ type: TYPES[extname(name)], body: readFileSync(join(dir, name)) }]));
		this.token = token;
		this.port = port;
		this.clients = new Set();
		this.asked = []; // messages from clients
		this.silent = false;
		this.refuses = false; // to tell of one service
		this.host = new Host(scenario);
	}

	async start() {
		this.server = createServer((req, res) => this.#serve(req, res));
		this.server.on('upgrade', (req, socket) => this.#upgrade(req, socket));
		this.sockets = new Set();
		this.server.on('connection', (s) => {
			this.sockets.add(s);
			s.on('close', () => this.sockets.delete(s));
		});
		await new Promise((resolve, reject) => {
			this.server.once('error', reject);
			this.server.listen(this.port, '127.0.0.1', resolve);
		});
		this.port = this.server.address().port;
		this.timer = setInterval(() => this.#tick(), 20);
		this.ticks = 0;
		return `http://127.0.0.1:${this.port}/${this.token ? `#token=${this.token}` : ''}`;
	}

	/** Close everything; start() opens the same port again. */
	async stop() {
		clearInterval(this.timer);
		for (const socket of this.sockets)
			socket.destroy();
		this.clients.clear();
		await new Promise((resolve) => this.server.close(resolve));
	}

	/** Let @n windows pass at once, told in messages of @each at most; done when all were sent. */
	async hurry(n, each) {
		for (let told = 0; told < n; told += each) {
			this.host.advance(this.host.lastT + each * 100);
			for (const client of this.clients) {
				this.#send(client, this.host.windows(client.sentSeq));
				client.sentSeq = this.host.seq;
				if (client.socket.writableNeedDrain)
					await new Promise((ready) => client.socket.once('drain', ready));
			}
			await new Promise(setImmediate);
		}
	}

	/** As a new start of rqscope on the same host. */
	restart(scenario = this.host.scenario, version = this.host.version) {
		this.host = new Host(scenario);
		this.host.version = version;
	}

	/** The place of a service passes to @service, or stays empty. */
	replace(slot, service) {
		const { services } = this.host.now;
		for (const client of this.clients)
			if (client.watched === slot) {
				this.#send(client, { ...this.host.windows(client.sentSeq, slot), ended: true });
				client.watched = null;
			}
		services[slot - 1] = service;
		this.host.totals[slot - 1] = { requests: 1, errors: 0 };
	}

	#serve(req, res) {
		const path = req.url.split('?')[0];
		const file = this.files.get(path);
		const head = { 'content-security-policy': CSP, 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };
		if (path === '/livez' || path === '/readyz') {
			res.writeHead(200, { ...head, 'content-type': 'text/plain' }).end('ok\n');
		} else if (path === '/api/v1/snapshot') {
			const allowed = !this.token || req.headers.authorization === `Bearer ${this.token}`;
			res.writeHead(allowed ? 200 : 401, { ...head, 'content-type': 'application/json' }).end(allowed ? JSON.stringify(snapshotOf(this.host)) : '');
		} else if (file) {
			res.writeHead(200, { ...head, 'content-type': file.type }).end(file.body);
		} else {
			res.writeHead(404, head).end();
		}
	}

	#upgrade(req, socket) {
		const offered = (req.headers['sec-websocket-protocol'] ?? '').split(',').map((s) => s.trim());
		const allowed = !this.token || offered.includes(`rqscope.token.${this.token}`);
		socket.on('error', () => {});
		if (req.url !== '/api/v1/stream' || !offered.includes('rqscope.v1') || !allowed || req.headers.origin !== `http://${req.headers.host}`) {
			socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
			return;
		}
		const client = { socket, rateMs: 250, sentSeq: 0, eventSeq: 0, sentAt: 0, secondAt: 0, watched: null };
		accept(req, socket, 'rqscope.v1', (text) => this.#hear(client, JSON.parse(text)));
		this.host.advance(Date.now());
		this.#send(client, this.host.hello(client.rateMs));
		client.sentSeq = this.host.seq;
		this.clients.add(client);
		socket.on('close', () => this.clients.delete(client));
	}

	#send(client, message) {
		if (message)
			sendText(client.socket, JSON.stringify(message));
	}

	#hear(client, message) {
		this.asked.push(message);
		if (this.silent)
			return;
		if (message.type === 'subscribe')
			client.rateMs = message.rate_ms;
		else if (message.type === 'history')
			this.#send(client, message.slot === undefined || this.host.now.services[message.slot - 1] ? this.host.history(message)
				: { type: 'error', code: 'no_service', text: `Nothing was seen in slot ${message.slot} yet.` });
		else if (message.type === 'watch')
			this.#watch(client, message.slot);
		else if (message.type === 'look')
			client.looks = message.inflight;
		else if (message.type === 'ping')
			this.#send(client, { type: 'pong' });
	}

	#watch(client, slot) {
		client.watched = slot !== null && this.host.now.services[slot - 1] && !this.refuses ? slot : null;
		if (client.watched !== slot)
			this.#send(client, { type: 'error', code: 'no_service', text: 'No service counts in this slot.' });
	}

	#tick() {
		const now = Date.now();
		this.host.advance(now);
		if (this.silent)
			return;
		for (const client of this.clients) {
			if (now - client.sentAt >= client.rateMs - 5 && this.host.seq > client.sentSeq) {
				this.#send(client, this.host.windows(client.sentSeq));
				if (client.watched !== null && !this.host.now.withoutServiceWindows)
					this.#send(client, this.host.windows(client.sentSeq, client.watched));
				client.sentSeq = this.host.seq;
				client.sentAt = now;
			}
			if (this.host.eventSeq > client.eventSeq) {
				this.#send(client, this.host.eventsAfter(client.eventSeq));
				client.eventSeq = this.host.eventSeq;
			}
			if (now - client.secondAt >= 1000) {
				client.secondAt = now;
				this.#send(client, this.host.services());
				if (client.watched !== null)
					this.#send(client, this.host.routes(client.watched));
				this.#send(client, this.host.status(this.clients.size));
				if (client.looks)
					this.#send(client, this.host.inflight());
			}
		}
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const [dir, scenario, port] = process.argv.slice(2);
	const feed = new Feed({ dir, scenario, port: Number(port ?? 0) });
	console.log(await feed.start());
}
