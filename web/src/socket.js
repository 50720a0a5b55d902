// SPDX-License-Identifier: GPL-2.0-only
// socket - the connection to rqscope: connects, decodes, notices silence, comes back with growing pauses.
// docs/protocol.md has the messages. No DOM.

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15000;
const SILENT_MS = 12000; // a connection without a word for so long is dead

/**
 * Phases: connecting, open (hello was received), waiting (until the next attempt), refused (the token is missing or
 * wrong), full (the server has no room), stopped (by the page). on.phase(phase, detail) tells of each change.
 */
export class Socket {
	/** @param {{token: () => string|null, message: (m: object) => void, phase: (p: string) => void}} on */
	constructor(on) {
		this.on = on;
		this.phase = 'connecting';
		this.retryAt = 0; // performance.now() of the next attempt
		this.lostAt = 0; // Date.now() when it was last open
		this.heardAt = 0; // performance.now() of the last message
		this.openedAt = 0;
		this.attempts = 0;
		this.denied = false; // the last attempt failed, though the server answered
		this.reason = null; // what the server said before it closed
		setInterval(() => this.#watch(), 1000);
	}

	connect() {
		clearTimeout(this.timer);
		this.#drop();
		const url = new URL('api/v1/stream', location.href);
		url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
		url.hash = '';
		const token = this.on.token();
		this.tokenUsed = token;
		const protocols = ['rqscope.v1'];
		if (token)
			protocols.push(`rqscope.token.${token}`);
		let ws;
		try {
			ws = new WebSocket(url, protocols);
		} catch {
			setTimeout(() => this.phase === 'connecting' && this.#enter('refused')); // the token has characters that no token has
			return;
		}
		this.ws = ws;
		this.heardAt = performance.now();
		this.#enter('connecting');
		ws.onmessage = (event) => ws === this.ws && this.#receive(event.data);
		ws.onclose = () => ws === this.ws && this.#closed();
	}

	/** Leave it, until connect() is called. */
	stop() {
		clearTimeout(this.timer);
		this.#drop();
		this.#enter('stopped');
	}

	send(message) {
		if (this.ws?.readyState !== WebSocket.OPEN)
			return false;
		this.ws.send(JSON.stringify(message));
		return true;
	}

	#drop() {
		const ws = this.ws;
		this.ws = null;
		ws?.close();
	}

	#receive(text) {
		let message;
		try {
			message = JSON.parse(text);
		} catch {
			return;
		}
		if (typeof message?.type !== 'string')
			return;
		this.heardAt = performance.now();
		if (message.type === 'error')
			this.reason = message;
		if (message.type === 'hello') {
			this.attempts = 0;
			this.denied = false;
			this.reason = null;
			this.openedAt = performance.now();
			this.on.message(message);
			this.#enter('open');
			return;
		}
		this.on.message(message);
	}

	async #closed() {
		const wasOpen = this.phase === 'open';
		const mine = this.ws;
		this.ws = null;
		if (wasOpen)
			this.lostAt = Date.now();
		if (!wasOpen && this.reason?.code !== 'too_many_clients' && (await answers()) && this.ws === null && mine && this.phase !== 'stopped') {
			// The server is there and says no, unless it came up after this attempt: then the next one tells.
			// A browser isn't told why, but only the token is left.
			this.denied = !this.denied;
			if (this.denied)
				this.connect();
			else
				this.#enter('refused');
			return;
		}
		this.denied = false;
		if (this.phase !== 'stopped')
			this.#retry();
	}

	#retry() {
		const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.attempts) * (0.8 + 0.4 * Math.random());
		this.attempts++;
		this.retryAt = performance.now() + pause;
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.connect(), pause);
		this.#enter(this.reason?.code === 'too_many_clients' ? 'full' : 'waiting');
	}

	#watch() {
		if (!this.ws || performance.now() - this.heardAt < SILENT_MS)
			return;
		if (this.phase === 'open')
			this.lostAt = Date.now();
		this.#drop();
		this.#retry();
	}

	#enter(phase) {
		this.phase = phase;
		this.on.phase(phase);
	}
}

async function answers() {
	try {
		return (await fetch('livez', { cache: 'no-store', signal: AbortSignal.timeout(3000) })).ok;
	} catch {
		return false;
	}
}
