// SPDX-License-Identifier: GPL-2.0-only
// store - all that the server has told, ready to be drawn, and the questions that keep it so. No DOM.
//
// Two timelines: `live` has each window of the last minutes, `ranged` the long range that is being looked at, merged
// by the server to as many points as fit. Long ranges grow at their end by small questions, never by asking for all.
import { Timeline } from './timeline.js';

export const LIVE_RANGE_MS = 60e3; // up to here the windows themselves are shown
const LIVE_KEPT_MS = 180e3;
const RECENT_MS = 5000; // what the cards speak of
const EVENTS_KEPT = 100;
const POINTS_MAX = 1200;
const RESOLUTIONS_MS = [100, 200, 500, 1e3, 2e3, 5e3, 10e3, 20e3, 30e3, 60e3, 120e3, 300e3];
const ANSWER_MS = 3000; // after this long a question is taken for lost

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
		this.send = send;
		this.hello = null;
		this.live = null;
		this.ranged = null;
		this.rangedResolution = 0;
		this.recent = null; // columns of the last seconds merged into one window, and span_ms, t
		this.services = null;
		this.events = [];
		this.eventInfo = null; // {counts, held_back}
		this.status = null;
		this.restartedAt = 0; // Date.now() when another instance answered
		this.missed = 0;
		this.questions = new Map(); // id -> {take, at}
		this.nextId = 1;
		this.recentAsked = -Infinity;
	}

	/** @returns {string|null} what changed: hello, picture, recent, services, events, status */
	apply(message) {
		switch (message.type) {
		case 'hello':
			return this.#hello(message);
		case 'windows':
			return this.#windows(message);
		case 'history': {
			const question = this.questions.get(message.id);
			this.questions.delete(message.id);
			return question ? question.take(message) : null;
		}
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

	has(column) {
		return !this.hello || this.hello.columns.includes(column);
	}

	#hello(hello) {
		const sameGeometry = this.hello && this.hello.heat.lows_ns.length === hello.heat.lows_ns.length;
		if (this.hello && this.hello.instance !== hello.instance) {
			this.restartedAt = Date.now();
			this.events = [];
			this.services = this.status = null;
		}
		this.hello = hello;
		if (!sameGeometry) {
			const lows = hello.heat.lows_ns;
			this.live = new Timeline(Math.ceil(LIVE_KEPT_MS / hello.tick_ms), COLUMNS, HEAT, lows);
			this.ranged = new Timeline(POINTS_MAX + 100, COLUMNS, HEAT, lows);
		}
		this.questions.clear();
		this.rangedResolution = 0;
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

	#ask(fromMs, toMs, points, take) {
		const id = this.nextId++;
		const sent = this.send({ type: 'history', id, from_ms: Math.floor(fromMs), to_ms: Math.ceil(toMs), points });
		if (sent)
			this.questions.set(id, { take, at: performance.now() });
		return sent ? id : 0;
	}

	#waitsFor(id) {
		const question = this.questions.get(id);
		if (!question)
			return false;
		if (performance.now() - question.at < ANSWER_MS)
			return true;
		this.questions.delete(id);
		return false;
	}

	#askLive(nowMs) {
		const points = Math.min(2000, Math.ceil(LIVE_RANGE_MS / this.hello.tick_ms) + 10);
		this.#ask(nowMs - LIVE_RANGE_MS - 1000, nowMs, points, (m) => (this.live.add(m) ? 'picture' : null));
	}

	/** Asks for the last seconds as one window, once a second; more often until there is a first answer. */
	keepRecent() {
		const now = performance.now();
		const end = this.newestT > 0 ? this.newestT : this.hello?.now_ms;
		if (!end || now - this.recentAsked < (this.recent ? 1000 : 300))
			return;
		this.recentAsked = now;
		this.#ask(end - RECENT_MS, end, 1, (m) => {
			if (!m.t.length)
				return null;
			const recent = { t: m.t.at(-1), span_ms: m.span_ms.at(-1) };
			for (const name in m.columns)
				recent[name] = m.columns[name].at(-1);
			this.recent = recent;
			return 'recent';
		});
	}

	/**
	 * The timeline for a range that ends at @endT (null: now), and questions to the server where it needs them.
	 * @param {number} widthPx points that can be told apart
	 */
	timelineFor(rangeMs, endT, widthPx) {
		if (!this.live)
			return null;
		const end = endT ?? this.newestT;
		const have = this.live.firstT;
		if (rangeMs <= LIVE_RANGE_MS && (endT === null || have <= end - rangeMs || this.live.length < this.live.capacity))
			return this.live;
		const resolution = RESOLUTIONS_MS.find((r) => r >= this.hello.tick_ms && rangeMs / r <= Math.min(POINTS_MAX, widthPx))
			?? RESOLUTIONS_MS.at(-1);
		if (!(end > 0) || this.#waitsFor(this.rangedQuestion))
			return this.ranged;
		const key = `${rangeMs}/${resolution}/${endT ?? ''}`;
		if (this.rangedKey !== key || !this.rangedResolution)
			this.#askRange(key, rangeMs, resolution, end);
		else if (endT === null && end - this.rangedTo >= Math.max(resolution, 500))
			this.#askTail(resolution, end);
		return this.ranged;
	}

	#askRange(key, rangeMs, resolution, end) {
		const to = Math.floor(end / resolution) * resolution;
		this.rangedQuestion = this.#ask(to - rangeMs, to, Math.round(rangeMs / resolution), (m) => {
			this.rangedKey = key;
			this.rangedResolution = resolution;
			this.rangedTo = to;
			this.ranged.clear();
			this.ranged.add(m);
			return 'ranged';
		});
	}

	#askTail(resolution, end) {
		const from = this.rangedTo;
		const points = Math.min(POINTS_MAX, Math.floor((end - from) / resolution));
		const to = from + points * resolution;
		this.rangedQuestion = this.#ask(from, to, points, (m) => {
			this.rangedTo = to;
			this.ranged.add(m);
			return 'ranged';
		});
	}
}
