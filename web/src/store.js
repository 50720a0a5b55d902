// SPDX-License-Identifier: GPL-2.0-only
// store - all that the server has told, ready to be drawn, and the questions that keep it so. No DOM.
//
// `live` has each window of the last minutes; what is longer, or longer ago, is a range of the server's history.
import { Questions } from './questions.js';
import { Ranges } from './ranges.js';
import { Timeline } from './timeline.js';

const LIVE_RANGE_MS = 60e3; // up to here the windows themselves are shown as they come
const LIVE_KEPT_MS = 180e3;
const RECENT_MS = 5000; // what the cards speak of
const EVENTS_KEPT = 100;

const distribution = (name) => ['count', 'sum_ns', 'max_ns', 'p50_ns', 'p90_ns', 'p99_ns'].map((c) => `${name}.${c}`);
const HEAT = ['http.server.duration', 'runqueue.latency'];
const COLUMNS = [
	...['requests', 'responses', 'aborted', 'in_flight', 'status_2xx', 'status_3xx', 'status_4xx', 'status_5xx',
		'status_other', 'split.count', 'split.queued_ns', 'split.cpu_wait_ns', 'split.on_cpu_ns', 'split.blocked_ns',
		'split.unknown'].map((c) => `http.server.${c}`),
	...distribution('http.server.duration'),
	...distribution('runqueue.latency'),
	'runqueue.switches', 'runqueue.length.now', 'runqueue.length.max', 'runqueue.length.mean',
	'memory.total_bytes', 'memory.available_bytes', 'memory.used_bytes', 'memory.anonymous_bytes',
	'pressure.memory_some', 'cpu.idle', 'cpu.steal',
];

export class Store {
	/** @param {(message: object) => boolean} send */
	constructor(send) {
		this.questions = new Questions(send);
		this.hello = null;
		this.live = null;
		this.wholeFromT = NaN; // from here on `live` lacks nothing that was measured
		this.ranges = null;
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
		if (!sameGeometry) {
			const lows = hello.heat.lows_ns;
			this.live = new Timeline(Math.ceil(LIVE_KEPT_MS / hello.tick_ms), COLUMNS, HEAT, lows);
			this.ranges = new Ranges(this.questions, COLUMNS, HEAT, lows);
		}
		this.questions.clear();
		this.ranges.forget();
		this.recentAsked = -Infinity;
		this.#askLive(hello.now_ms);
		return 'hello';
	}

	#windows(message) {
		if (!this.live)
			return null;
		this.missed += message.missed || 0;
		// A clock that was set back: what was is no longer comparable.
		if (message.t.length && message.t[message.t.length - 1] < this.live.lastT - 2 * message.span_ms[0])
			this.live.clear();
		return this.live.add(message) ? 'picture' : null;
	}

	#events(message) {
		const last = this.events.length ? this.events[0].seq : 0;
		for (const item of message.items)
			if (item.seq > last)
				this.events.unshift(item);
		this.events.length = Math.min(this.events.length, EVENTS_KEPT);
		this.eventInfo = message;
	}

	#askLive(nowMs) {
		const from = nowMs - LIVE_RANGE_MS - 1000, points = Math.min(2000, Math.ceil(LIVE_RANGE_MS / this.hello.tick_ms) + 10);
		if (!(this.live.lastT >= from))
			this.wholeFromT = from;
		this.questions.ask(from, nowMs, points, (m) => (this.live.add(m) ? 'ranged' : null));
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

	/**
	 * The timeline that has the @rangeMs up to @endT (null: now), and questions to the server for what it lacks.
	 * @param {number} widthPx points that can be told apart
	 */
	timelineFor(rangeMs, endT, widthPx) {
		const { live, hello, newestT, oldestT } = this;
		if (!live)
			return null;
		const end = endT ?? newestT;
		const knownFromT = Math.max(this.wholeFromT, live.firstT);
		if (rangeMs <= LIVE_RANGE_MS && (endT === null || end - rangeMs >= knownFromT || knownFromT <= oldestT + hello.tick_ms))
			return live;
		return this.ranges.need(end - rangeMs, end, endT === null, { tickMs: hello.tick_ms, widthPx, oldestT, newestT,
			ticksFromT: newestT - Math.min(...hello.history.map((h) => h.span_ms)) + hello.tick_ms * 50 });
	}
}
