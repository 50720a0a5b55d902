// SPDX-License-Identifier: GPL-2.0-only
// picture - a stretch of a timeline as the numbers that charts show. No DOM.
//
// On short ranges a window of 100 ms holds few requests, so rates and percentiles are taken over the last `rollMs`:
// counts and times are added, percentiles are read from added rows of the heatmap (four rows an octave, so within
// 10 %, about the height of a row). Without rolling they are the server's own, within 1.6 %. Unknown is null.
// As time goes by windows leave at one end and come at the other; what is known of the rest is kept.
import { Rolling, RollingHeat } from './rolling.js';

const WAITS = ['queued', 'cpu_wait', 'on_cpu', 'blocked'];
const CLASSES = ['2xx', '3xx', '4xx', '5xx'];
const QUANTILES = { p50: 0.5, p90: 0.9, p99: 0.99 };
const ROLL_MS = 1000;
const ROLL_FROM_MS = 15e3; // a window of a shorter range is wide enough to be seen by itself
const FINE_MS = 250; // windows that are longer stand for themselves
const HELD_MS = 1600; // memory is read once a second: a reading stands for its second

const lists = (names) => Object.fromEntries(names.map((name) => [name, []]));
const orNull = (x) => (x === x ? x : null);

function emptyData() {
	return {
		n: 0,
		first: 0, // index of window 0 in the timeline
		t: [], span: [], requests: [], responses: [], errors: [], splitMean: [], waiting: [],
		latency: lists(['p50', 'p90', 'p99', 'max']), wait: lists(['p50', 'p90', 'p99', 'max']),
		split: lists(WAITS), status: lists(CLASSES), memory: lists(['used', 'anonymous', 'other', 'total']),
	};
}

function allLists(data) {
	return Object.values(data).flatMap((v) => (Array.isArray(v) ? [v] : typeof v === 'object' ? Object.values(v) : []));
}

export class Picture {
	constructor() {
		this.data = emptyData();
		this.lists = allLists(this.data);
		this.minT = this.maxT = 0;
		this.generation = 0; // rises when what was there is no longer part of the picture
	}

	/**
	 * Takes what a view shows, on whole pixels: a window keeps its shape as it moves along.
	 * @param {{timeline: object, rangeMs: number, endT: number|null, widthPx: number, newestT: number, grows: boolean, fresh: boolean}} o
	 *	grows: new windows are at the end of this timeline; fresh: it may look different even with the same windows
	 * @returns {boolean} whether there is something to draw
	 */
	frame({ timeline, rangeMs, endT, widthPx, newestT, grows, fresh }) {
		const perPx = rangeMs / widthPx;
		const end = endT ?? (grows || !timeline.length ? newestT : timeline.lastT);
		if (!(end > 0) || (!fresh && !(grows && endT === null)))
			return false;
		const maxT = (endT === null ? Math.ceil(end / perPx) : Math.round(end / perPx)) * perPx;
		this.#rolled(timeline, maxT - rangeMs, maxT);
		return true;
	}

	/** Takes the stretch of time of the picture @other, of another timeline. */
	beside(other, timeline) {
		this.#rolled(timeline, other.minT, other.maxT);
	}

	#rolled(timeline, minT, maxT) {
		const at = timeline.find(maxT), windowMs = at < timeline.end ? timeline.span[at] : timeline.length ? timeline.span[timeline.end - 1] : 0;
		this.take(timeline, minT, maxT, maxT - minT > ROLL_FROM_MS && windowMs <= FINE_MS ? ROLL_MS : 0);
	}

	/** Takes the windows of @timeline that end in (minT, maxT], and the one in which a picture of the past ends. */
	take(timeline, minT, maxT, rollMs) {
		const d = this.data;
		const first = timeline.find(minT + 0.5), last = timeline.find(maxT + 0.5);
		const end = last < timeline.end && timeline.t[last] - timeline.span[last] < maxT - 0.5 ? last + 1 : last;
		const same = this.timeline === timeline && this.rollMs === rollMs && this.shuffled === timeline.shuffled && first >= d.first
			&& end >= d.first + d.n && first <= d.first + d.n;
		if (!same) {
			this.generation++;
			this.timeline = timeline;
			this.rollMs = rollMs;
			this.shuffled = timeline.shuffled;
			this.#start(timeline, first);
			d.n = 0;
			d.first = first;
		}
		const gone = first - d.first;
		for (const list of this.lists) {
			if (gone)
				list.copyWithin(0, gone, d.n);
			list.length = end - first;
		}
		for (let i = d.first + d.n; i < end; i++)
			this.#window(i, i - first);
		d.first = first;
		d.n = end - first;
		this.minT = minT;
		this.maxT = maxT;
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

	#start(timeline, first) {
		const column = (name) => timeline.columns[`http.server.${name}`];
		const roll = (values) => new Rolling(timeline, values, this.rollMs, first);
		const heat = (name) => new RollingHeat(timeline, timeline.heat[name], timeline.columns[`${name}.max_ns`], this.rollMs, first);
		this.rolls = {
			span: roll(timeline.span), requests: roll(column('requests')), responses: roll(column('responses')), counted: roll(column('split.count')),
			status: CLASSES.map((c) => roll(column(`status_${c}`))), split: WAITS.map((w) => roll(column(`split.${w}_ns`))),
			waiting: roll(timeline.columns['runqueue.length.mean']),
			latency: heat('http.server.duration'), wait: heat('runqueue.latency'),
		};
		this.memoryAt = Math.max(timeline.start, first - 20);
		this.memorySeen = -1;
	}

	#window(i, k) {
		const d = this.data, r = this.rolls, { timeline } = this;
		d.t[k] = timeline.t[i];
		d.span[k] = timeline.span[i];
		const seconds = r.span.at(i) / 1000;
		const n = r.counted.at(i), responses = r.responses.at(i);
		d.requests[k] = orNull(r.requests.at(i) / seconds);
		d.responses[k] = orNull(responses / seconds);
		CLASSES.forEach((c, at) => (d.status[c][k] = orNull(r.status[at].at(i) / seconds)));
		d.errors[k] = responses > 0 && d.status['5xx'][k] !== null ? d.status['5xx'][k] * seconds / responses : null;
		let mean = 0;
		WAITS.forEach((w, at) => {
			const sum = r.split[at].at(i);
			d.split[w][k] = n > 0 ? orNull(sum / n) : null;
			mean += d.split[w][k];
		});
		d.splitMean[k] = n > 0 ? mean : null;
		d.waiting[k] = orNull(r.waiting.at(i) / r.waiting.windows);
		this.#percentiles(i, k, 'http.server.duration', d.latency, r.latency);
		this.#percentiles(i, k, 'runqueue.latency', d.wait, r.wait);
		this.#memory(i, k);
	}

	#percentiles(i, k, name, to, rolling) {
		if (!this.rollMs) {
			for (const q in to)
				to[q][k] = orNull(this.timeline.columns[`${name}.${q}_ns`][i]);
			return;
		}
		rolling.moveTo(i);
		for (const q in QUANTILES)
			to[q][k] = rolling.percentile(QUANTILES[q]);
		to.max[k] = rolling.count ? orNull(rolling.max()) : null;
	}

	#memory(i, k) {
		const { memory } = this.data, { timeline } = this;
		const { 'memory.used_bytes': used, 'memory.anonymous_bytes': anonymous, 'memory.total_bytes': total } = timeline.columns;
		for (; this.memoryAt <= i; this.memoryAt++)
			if (total[this.memoryAt] === total[this.memoryAt])
				this.memorySeen = this.memoryAt;
		const at = this.memorySeen;
		const holds = at >= 0 && timeline.t[i] - timeline.span[i] - timeline.t[at] < HELD_MS;
		memory.used[k] = holds ? orNull(used[at]) : null;
		memory.anonymous[k] = holds ? orNull(anonymous[at]) : null;
		memory.other[k] = holds ? orNull(Math.max(0, used[at] - anonymous[at])) : null;
		memory.total[k] = holds ? orNull(total[at]) : null;
	}
}
