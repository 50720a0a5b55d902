// SPDX-License-Identifier: GPL-2.0-only
// windows - those of the host, or of one service: each of the last minutes as it came, and what is longer, or longer
// ago, as a range of the server's history. No DOM.
import { Ranges } from './ranges.js';
import { Timeline } from './timeline.js';

const LIVE_RANGE_MS = 60e3; // up to here the windows themselves are shown as they come
const LIVE_KEPT_MS = 180e3;
const AHEAD_MS = 2000; // windows that come while the question is on its way
const AGAIN_MS = 1200; // after this long seconds of the server's history are whole
const AGAIN_MOST = 3;

const distribution = (name) => ['count', 'sum_ns', 'max_ns', 'p50_ns', 'p90_ns', 'p99_ns'].map((c) => `${name}.${c}`);
export const HEAT = ['http.server.duration', 'runqueue.latency'];
export const COLUMNS = [
	...['requests', 'responses', 'aborted', 'in_flight', 'status_2xx', 'status_3xx', 'status_4xx', 'status_5xx',
		'status_other', 'split.count', 'split.queued_ns', 'split.cpu_wait_ns', 'split.on_cpu_ns', 'split.blocked_ns',
		'split.unknown'].map((c) => `http.server.${c}`),
	...distribution('http.server.duration'),
	...distribution('runqueue.latency'),
	'runqueue.switches', 'runqueue.length.now', 'runqueue.length.max', 'runqueue.length.mean',
	'memory.total_bytes', 'memory.available_bytes', 'memory.used_bytes', 'memory.anonymous_bytes',
	'pressure.memory_some', 'cpu.idle', 'cpu.steal',
];

export class Windows {
	/**
	 * @param {import('./questions.js').Questions} questions
	 * @param {{lowsNs: number[], tickMs: number, slot?: number}} of slot: of this service, else of the host
	 */
	constructor(questions, { lowsNs, tickMs, slot }) {
		const more = slot === undefined ? {} : { slot };
		this.ask = (from, to, points, take) => questions.ask(from, to, points, take, more);
		this.tickMs = tickMs;
		this.aheadMs = slot === undefined ? 0 : AHEAD_MS;
		this.live = new Timeline(Math.ceil(LIVE_KEPT_MS / tickMs), COLUMNS, HEAT, lowsNs);
		this.ranges = new Ranges({ ask: this.ask, waits: (id) => questions.waits(id) }, COLUMNS, HEAT, lowsNs);
		this.wholeFromT = NaN; // from here on `live` lacks nothing that was measured
		this.asked = 0; // times in a row for the same
	}

	/** @returns {boolean} whether there was something new */
	add(message) {
		// A clock that was set back: what was is no longer comparable.
		if (message.t.length && message.t[message.t.length - 1] < this.live.lastT - 2 * message.span_ms[0])
			this.live.clear();
		return this.live.add(message) > 0;
	}

	/** Asks for the last minute, which may have gone by without this page. @returns {boolean} false: try again later */
	fill(nowT) {
		const { live, tickMs } = this;
		const from = nowT - LIVE_RANGE_MS - 1000, to = nowT + this.aheadMs, points = Math.min(2000, Math.ceil((LIVE_RANGE_MS + this.aheadMs) / tickMs) + 10);
		if (!(live.lastT >= from))
			this.wholeFromT = from;
		return this.ask(from, to, points, (m) => this.#filled(m)) > 0;
	}

	/** No more questions of its own. */
	stop() {
		this.asked = AGAIN_MOST;
	}

	#filled(message) {
		const { live, tickMs } = this;
		const lastT = message.t.at(-1), seconds = message.resolution_ms > tickMs;
		// Where the server has seconds only, they stand for the ticks in them: parts of both would be counted twice.
		if (seconds && message.t[0] <= live.firstT)
			live.keep(lastT + 1, Infinity);
		const gap = seconds && !(live.firstT - lastT < tickMs / 2); // until the second is over in which this began
		const fresh = live.add(message);
		if (gap && this.asked < AGAIN_MOST) {
			this.asked++;
			setTimeout(() => this.fill((lastT || live.lastT) + AGAIN_MS), AGAIN_MS);
		}
		return fresh ? 'ranged' : null;
	}

	/**
	 * The timeline that has the @rangeMs up to @endT (null: now), and questions to the server for what it lacks.
	 * @param {number} widthPx points that can be told apart
	 * @param {{newestT: number, oldestT: number, ticksFromT: number}} known ticksFromT: from there on the server knows each tick
	 */
	timelineFor(rangeMs, endT, widthPx, { newestT, oldestT, ticksFromT }) {
		const { live, ranges, tickMs } = this;
		const end = endT ?? newestT, knownFromT = Math.max(this.wholeFromT, live.firstT);
		if (rangeMs <= LIVE_RANGE_MS && (endT === null || end - rangeMs >= knownFromT || knownFromT <= oldestT + tickMs))
			return live;
		return ranges.need(end - rangeMs, end, endT === null, { tickMs, widthPx, oldestT, newestT, ticksFromT });
	}
}
