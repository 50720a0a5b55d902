// SPDX-License-Identifier: GPL-2.0-only
// picture - a stretch of a timeline as the numbers that charts show. No DOM.
//
// On short ranges a window of 100 ms holds few requests, so rates and percentiles are taken over the last `rollMs`:
// counts and times are added, percentiles are read from added rows of the heatmap (four rows an octave, so within
// 10 %, about the height of a row). Without rolling they are the server's own, within 1.6 %. Unknown is null.

const WAITS = ['queued', 'cpu_wait', 'on_cpu', 'blocked'];
const CLASSES = ['2xx', '3xx', '4xx', '5xx'];
const HELD_MS = 1600; // memory is read once a second: a reading stands for its second

const fresh = () => ({ n: 0, first: 0, t: [], span: [], latency: lines(), wait: lines(), split: groups(WAITS), status: groups(CLASSES),
	requests: [], errors: [], splitMean: [], unknown: [], counts: [], waiting: [], memory: { used: [], anonymous: [], other: [], total: [] } });
const lines = () => ({ p50: [], p90: [], p99: [], max: [] });
const groups = (names) => Object.fromEntries(names.map((name) => [name, []]));
const orNull = (x) => (x === x ? x : null);

export class Picture {
	constructor() {
		this.data = fresh();
		this.minT = this.maxT = 0;
	}

	/** Takes the windows of @timeline that end in (minT, maxT]. */
	take(timeline, minT, maxT, rollMs) {
		const d = this.data;
		const first = timeline.find(minT + 0.5);
		const last = timeline.find(maxT + 0.5);
		this.minT = minT;
		this.maxT = maxT;
		this.timeline = timeline;
		this.rollMs = rollMs;
		d.first = first;
		d.n = last - first;
		each(d, (array) => (array.length = d.n));
		for (let k = 0; k < d.n; k++) {
			d.t[k] = timeline.t[first + k];
			d.span[k] = timeline.span[first + k];
		}
		this.#sums(timeline, rollMs);
		this.#memory(timeline);
		this.#percentiles(timeline, 'http.server.duration', d.latency, rollMs);
		this.#percentiles(timeline, 'runqueue.latency', d.wait, rollMs);
	}

	/** The window under the moment @t, or -1 in a gap. */
	indexAt(t) {
		const k = this.timeline ? this.timeline.find(t) - this.data.first : -1;
		return k >= 0 && k < this.data.n && this.data.t[k] - this.data.span[k] <= t ? k : -1;
	}

	/** The largest count in a cell of the heatmap @name. */
	heatMax(name) {
		const heat = this.timeline.heat[name];
		let max = 0;
		for (let i = this.data.first; i < this.data.first + this.data.n; i++)
			max = Math.max(max, heat.max[i]);
		return max;
	}

	#sums(timeline, rollMs) {
		const d = this.data;
		const column = (name) => timeline.columns[`http.server.${name}`];
		const span = new Rolling(timeline, null, rollMs, d.first);
		const roll = (values) => new Rolling(timeline, values, rollMs, d.first);
		const requests = roll(column('requests')), responses = roll(column('responses'));
		const counted = roll(column('split.count')), unknown = roll(column('split.unknown'));
		const classes = CLASSES.map((c) => [d.status[c], roll(column(`status_${c}`))]);
		const waits = WAITS.map((w) => [d.split[w], roll(column(`split.${w}_ns`))]);
		const length = timeline.columns['runqueue.length.mean'];
		const waiting = roll(length);
		const durations = column('duration.count');
		for (let k = 0; k < d.n; k++) {
			const i = d.first + k;
			const seconds = span.at(i) / 1000;
			const n = counted.at(i), all = responses.at(i);
			d.requests[k] = orNull(requests.at(i) / seconds);
			d.counts[k] = orNull(durations[i]);
			for (const [to, from] of classes)
				to[k] = orNull(from.at(i) / seconds);
			d.errors[k] = all > 0 ? d.status['5xx'][k] * seconds / all : null;
			let mean = 0;
			for (const [to, from] of waits) {
				to[k] = n > 0 ? orNull(from.at(i) / n) : null;
				mean += to[k];
			}
			d.splitMean[k] = n > 0 ? mean : null;
			d.unknown[k] = n >= 0 ? orNull(unknown.at(i) / (n + unknown.at(i))) : null;
			d.waiting[k] = rollMs ? orNull(waiting.at(i) / waiting.windows) : orNull(length[i]);
		}
	}

	#memory(timeline) {
		const d = this.data;
		const { 'memory.used_bytes': used, 'memory.anonymous_bytes': anonymous, 'memory.total_bytes': total } = timeline.columns;
		let at = Math.max(timeline.start, d.first - 20), seen = -1;
		for (let k = 0; k < d.n; k++) {
			const i = d.first + k;
			for (; at <= i; at++)
				if (total[at] === total[at])
					seen = at;
			const holds = seen >= 0 && timeline.t[i] - timeline.span[i] - timeline.t[seen] < HELD_MS;
			d.memory.used[k] = holds ? orNull(used[seen]) : null;
			d.memory.anonymous[k] = holds ? orNull(anonymous[seen]) : null;
			d.memory.other[k] = holds ? orNull(Math.max(0, used[seen] - anonymous[seen])) : null;
			d.memory.total[k] = holds ? orNull(total[seen]) : null;
		}
	}

	#percentiles(timeline, name, to, rollMs) {
		const d = this.data;
		const exact = (c) => timeline.columns[`${name}.${c}_ns`];
		if (!rollMs) {
			for (const c of ['p50', 'p90', 'p99', 'max'])
				for (let k = 0; k < d.n; k++)
					to[c][k] = orNull(exact(c)[d.first + k]);
			return;
		}
		const sum = new RollingHeat(timeline, timeline.heat[name], exact('max'), rollMs, d.first);
		for (let k = 0; k < d.n; k++) {
			sum.moveTo(d.first + k);
			to.p50[k] = sum.percentile(0.5);
			to.p90[k] = sum.percentile(0.9);
			to.p99[k] = sum.percentile(0.99);
			to.max[k] = sum.count ? orNull(sum.max()) : null;
		}
	}
}

function each(node, f) {
	for (const value of Object.values(node)) {
		if (Array.isArray(value))
			f(value);
		else if (value && typeof value === 'object')
			each(value, f);
	}
}

/** First window that belongs to the @rollMs that end with window @i. */
function tail(timeline, i, from, rollMs) {
	const edge = timeline.t[i] - rollMs - 1;
	while (from < i && timeline.t[from] - timeline.span[from] < edge)
		from++;
	return from;
}

// The sum of a column (of the spans where it is null) over the last rollMs; asked for windows one after the other.
class Rolling {
	constructor(timeline, values, rollMs, first) {
		this.timeline = timeline;
		this.values = values ?? timeline.span;
		this.rollMs = rollMs;
		this.sum = 0;
		this.known = 0;
		this.from = this.to = timeline.start;
		if (rollMs && first > timeline.start)
			this.from = this.to = tail(timeline, first, timeline.start, rollMs);
	}

	get windows() {
		return this.known;
	}

	at(i) {
		if (!this.rollMs)
			return this.values[i];
		for (; this.to <= i; this.to++)
			this.#add(this.to, 1);
		const from = tail(this.timeline, i, this.from, this.rollMs);
		for (; this.from < from; this.from++)
			this.#add(this.from, -1);
		return this.known ? this.sum : NaN;
	}

	#add(i, sign) {
		const value = this.values[i];
		if (value !== value)
			return;
		this.sum += sign * value;
		this.known += sign;
		if (!this.known)
			this.sum = 0; // no rounding rest
	}
}

class RollingHeat {
	constructor(timeline, heat, max, rollMs, first) {
		Object.assign(this, { timeline, heat, maxima: max, rollMs });
		this.rows = new Float64Array(timeline.rows);
		this.count = 0;
		this.from = this.to = first > timeline.start ? tail(timeline, first, timeline.start, rollMs) : timeline.start;
	}

	moveTo(i) {
		for (; this.to <= i; this.to++)
			this.#add(this.to, 1);
		const from = tail(this.timeline, i, this.from, this.rollMs);
		for (; this.from < from; this.from++)
			this.#add(this.from, -1);
	}

	max() {
		let max = NaN;
		for (let i = this.from; i < this.to; i++)
			if (!(this.maxima[i] <= max))
				max = this.maxima[i] === this.maxima[i] ? this.maxima[i] : max;
		return max;
	}

	percentile(q) {
		const rank = Math.max(1, Math.ceil(q * this.count));
		let before = 0;
		if (!this.count)
			return null;
		for (let row = 0; row < this.rows.length; row++) {
			const n = this.rows[row];
			if (before + n < rank) {
				before += n;
				continue;
			}
			const low = this.timeline.lowsNs[row] || 512;
			const high = this.timeline.lowsNs[row + 1] ?? low * 1.25;
			const value = low * (high / low) ** ((rank - before - 0.5) / n);
			const max = this.max();
			return value > max ? max : value;
		}
		return null;
	}

	#add(i, sign) {
		const { counts, low, high, rows } = this.heat;
		for (let row = low[i]; row <= high[i]; row++) {
			const n = sign * counts[i * rows + row];
			this.rows[row] += n;
			this.count += n;
		}
	}
}
