// SPDX-License-Identifier: GPL-2.0-only
// store - all that the server has told, ready to be drawn, and the questions that keep it so. No DOM.
import { Questions } from './questions.js';
import { Windows } from './windows.js';

const RECENT_MS = 5000; // what the cards speak of
const EVENTS_KEPT = 100;

export class Store {
	/** @param {(message: object) => boolean} send */
	constructor(send) {
		this.questions = new Questions(send);
		this.hello = null;
		this.windows = null; // of the host
		this.recent = null; // columns of the last seconds merged into one window, and span_ms, t
		this.services = null;
		this.events = [];
		this.eventInfo = null; // {counts, held_back}
		this.status = null;
		this.restartedAt = 0; // Date.now() when another instance answered
		this.upgraded = false; // and it was of another version
		this.missed = 0;
		this.recentAsked = -Infinity;
	}

	/** As new: what comes is of another host. */
	clear() {
		Object.assign(this, new Store(this.questions.send));
	}

	/** @returns {string|null} what changed: hello, picture (new windows), ranged (older ones), recent, services, events, status */
	apply(message) {
		switch (message.type) {
		case 'hello':
			return this.#hello(message);
		case 'windows':
			return this.#windows(message);
		case 'history':
			return this.questions.answer(message);
		case 'services':
			this.services = message;
			return 'services';
		case 'events':
			this.#events(message);
			return 'events';
		case 'status':
			this.status = message;
			return 'status';
		default:
			return null;
		}
	}

	/** Each window of the last minutes. */
	get live() {
		return this.windows?.live ?? null;
	}

	get newestT() {
		return this.live?.lastT ?? NaN;
	}

	/** Before this nothing is known: measuring began, or it is too long ago. */
	get oldestT() {
		return this.hello ? Math.max(this.hello.attached_ms, this.newestT - Math.max(...this.hello.history.map((h) => h.span_ms))) : NaN;
	}

	has(column) {
		return !this.hello || this.hello.columns.includes(column);
	}

	#hello(hello) {
		const sameGeometry = this.hello && this.hello.heat.lows_ns.length === hello.heat.lows_ns.length;
		if (this.hello && this.hello.instance !== hello.instance) {
			this.restartedAt = Date.now();
			this.upgraded = this.hello.tool.version !== hello.tool.version;
			this.events = [];
			this.services = this.status = null;
		}
		this.hello = hello;
		if (!sameGeometry)
			this.windows = new Windows(this.questions, { lowsNs: hello.heat.lows_ns, tickMs: hello.tick_ms });
		this.questions.clear();
		this.windows.ranges.forget();
		this.recentAsked = -Infinity;
		this.windows.fill(hello.now_ms);
		return 'hello';
	}

	#windows(message) {
		this.missed += message.missed || 0;
		return this.windows?.add(message) ? 'picture' : null;
	}

	#events(message) {
		const last = this.events.length ? this.events[0].seq : 0;
		for (const item of message.items)
			if (item.seq > last)
				this.events.unshift(item);
		this.events.length = Math.min(this.events.length, EVENTS_KEPT);
		this.eventInfo = message;
	}

	/** Asks for the last seconds as one window, once a second; more often until there is a first answer. */
	keepRecent() {
		const now = performance.now();
		const end = this.newestT > 0 ? this.newestT : this.hello?.now_ms;
		if (!end || now - this.recentAsked < (this.recent ? 1000 : 300))
			return;
		const asked = this.questions.ask(end - RECENT_MS, end, 1, (m) => {
			if (!m.t.length)
				return null;
			const recent = { t: m.t.at(-1), span_ms: m.span_ms.at(-1) };
			for (const name in m.columns)
				recent[name] = m.columns[name].at(-1);
			this.recent = recent;
			return 'recent';
		});
		if (asked)
			this.recentAsked = now;
	}

	/** See timelineFor() of windows.js. */
	timelineFor(rangeMs, endT, widthPx) {
		return this.windows?.timelineFor(rangeMs, endT, widthPx, this.known) ?? null;
	}

	/** Of which time the server knows something. */
	get known() {
		const { newestT, oldestT, hello } = this;
		return { newestT, oldestT, ticksFromT: newestT - Math.min(...hello.history.map((h) => h.span_ms)) + hello.tick_ms * 50 };
	}
}
