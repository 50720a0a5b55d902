// SPDX-License-Identifier: GPL-2.0-only
// strips - which charts there are and what each shows.
import * as format from '../format.js';
import { Heat, decadeTicks } from './heat.js';
import { niceMax, niceTicks } from './plot.js';

const largest = (...columns) => {
	let max = 0;
	for (const column of columns)
		for (const value of column)
			if (value > max)
				max = value;
	return max;
};

// Sums of the first, the first two, ... of @columns: the upper edges of a stack. Null where all of it is unknown.
function stack(columns, colours) {
	const tops = columns.map(() => []);
	return (raster, d, strip) => {
		const parts = columns.map((c) => c(d));
		const on = colours.map((c) => strip.legend.shows(c));
		for (let k = raster.first; k < d.n; k++) {
			let sum = null;
			for (let layer = 0; layer < parts.length; layer++) {
				if (on[layer] && parts[layer][k] !== null)
					sum = (sum ?? 0) + parts[layer][k];
				tops[layer][k] = on[layer] ? sum : null;
			}
		}
		raster.areas(tops, colours, strip.plot.yMax);
	};
}

/** Lines over a heatmap: percentiles in rows of the heatmap. */
function heatStrip(spec, name, of) {
	const heat = new Heat(name);
	return {
		...spec,
		heat,
		rows: [
			{ name: 'max', colour: 'max', shape: 'dots', text: (d, k) => format.duration(of(d).max[k]) },
			{ name: 'p99', colour: 'p99', shape: 'line', text: (d, k) => format.duration(of(d).p99[k]) },
			{ name: 'p50', colour: 'p50', shape: 'line', text: (d, k) => format.duration(of(d).p50[k]) },
			...spec.rows,
		],
		plot: {
			yTicks: (max, heightPx) => decadeTicks(heat, heightPx),
			yLabel: (row) => format.tick(heat.decades.get(row)),
			timeAxis: () => spec.id === 'latency' && innerWidth <= 700,
		},
		fit(strip, picture) {
			heat.fit(picture, strip.plot.raster.height);
			strip.plot.yMin = heat.low;
			strip.plot.yMax = heat.top;
		},
		paint(raster, d, strip, picture) {
			const yOf = (ns) => strip.plot.yOf(heat.rowOf(ns));
			heat.paint(raster, picture);
			const line = (key, look) => strip.legend.shows(key) && raster.line(of(d)[key], yOf, { colour: key, ...look });
			line('max', { px: 1, dots: true });
			line('p50', { px: 2, halo: true });
			line('p99', { px: 2, halo: true });
		},
	};
}

/** The largest sum of those of @parts ([colour, column]) that are shown. */
function largestStack(parts, n) {
	let max = 0;
	for (let k = 0; k < n; k++) {
		let sum = 0;
		for (const [, column] of parts)
			sum += column[k];
		if (sum > max)
			max = sum;
	}
	return max;
}

/** A y axis from zero; @parts: [colour, column] of each series of a stack, @whole: the largest value when all are shown. */
const fromZero = (parts, whole, least) => (strip, { data }) => {
	const shown = parts && strip.legend.hidden.size ? parts(data).filter(([colour]) => strip.legend.shows(colour)) : null;
	strip.plot.yMax = niceMax(shown ? largestStack(shown, data.n) : whole(data), strip.plot.fitted ? strip.plot.yMax : 0, least);
	strip.plot.fitted = true;
};

function durationLabel(ns) {
	return ns === 0 ? '0' : format.tick(ns);
}

const latency = () => heatStrip({ id: 'latency', title: 'Request latency', legend: 'requests', rolled: true, rows: [] },
	'http.server.duration', (d) => d.latency);

const split = () => {
	const part = (name, colour, key) => ({ name, colour, text: (d, k) => format.duration(d.split[key][k]) });
	return {
		id: 'split',
		title: 'Where the time went',
		rows: [
			part('blocked', 'blocked', 'blocked'),
			part('on CPU', 'on-cpu', 'on_cpu'),
			part('waiting for CPU', 'cpu-wait', 'cpu_wait'),
			part('queued', 'queued', 'queued'),
			{ name: 'a response', sum: true, text: (d, k) => format.duration(d.splitMean[k]) },
		],
		plot: { yTicks: niceTicks, yLabel: durationLabel },
		fit: fromZero((d) => [['queued', d.split.queued], ['cpu-wait', d.split.cpu_wait], ['on-cpu', d.split.on_cpu], ['blocked', d.split.blocked]],
			(d) => largest(d.splitMean), 100e3),
		paint: stack([(d) => d.split.queued, (d) => d.split.cpu_wait, (d) => d.split.on_cpu, (d) => d.split.blocked],
			['queued', 'cpu-wait', 'on-cpu', 'blocked']),
	};
};

/** Instead of the split, on a kernel that can't tell it. */
const percentiles = () => ({
	id: 'split',
	title: 'Percentiles',
	remark: 'Where the time went can’t be told on this kernel.',
	rows: ['p99', 'p90', 'p50'].map((p) => ({ name: p, colour: p, shape: 'line', text: (d, k) => format.duration(d.latency[p][k]) })),
	plot: { yTicks: niceTicks, yLabel: durationLabel },
	fit: fromZero(null, (d) => largest(d.latency.p99), 100e3),
	paint(raster, d, strip) {
		for (const p of ['p50', 'p90', 'p99'].filter((one) => strip.legend.shows(one)))
			raster.line(d.latency[p], strip.plot.yOf, { colour: p, px: 1.5 });
	},
});

const wait = () => heatStrip({
	id: 'wait',
	title: 'Run-queue latency',
	hostTitle: 'Host run queue',
	legend: 'waits',
	rows: [{ name: 'tasks waiting', text: (d, k) => format.decimal(d.waiting[k]) }],
}, 'runqueue.latency', (d) => d.wait);

const CLASSES = ['2xx', '3xx', '4xx', '5xx'];

const status = () => {
	const row = (name) => ({ name, colour: `s${name}`, text: (d, k) => rate(d.status[name][k]) });
	return {
		id: 'status',
		title: 'Responses by status',
		rows: [...CLASSES].reverse().map(row),
		plot: {
			yTicks: niceTicks,
			yLabel: (v, max) => (v === 0 ? '0' : max >= 10e3 ? `${+(v / 1e3).toFixed(1)}k/s` : `${format.tickCount(v)}/s`),
		},
		fit: fromZero((d) => CLASSES.map((c) => [`s${c}`, d.status[c]]), (d) => largest(d.responses), 5),
		paint: stack(CLASSES.map((c) => (d) => d.status[c]), CLASSES.map((c) => `s${c}`)),
	};
};

const rate = (x) => (x === null ? format.NONE : `${format.rate(x)}/s`);

function byteTicks(max, heightPx) {
	const unit = 1024 ** Math.floor(Math.log2(max) / 10);
	return niceTicks(max / unit, heightPx).map((v) => v * unit);
}

const memory = () => ({
	id: 'memory',
	title: 'Memory',
	hostTitle: 'Host memory',
	rows: [
		{ name: 'caches, kernel', colour: 'mem-other', text: (d, k) => format.bytes(d.memory.other[k]) },
		{ name: 'processes', colour: 'mem-anonymous', text: (d, k) => format.bytes(d.memory.anonymous[k]) },
		{ name: 'total', sum: true, text: (d, k) => format.bytes(d.memory.total[k]) },
	],
	plot: {
		yTicks: byteTicks,
		yLabel: (v, max) => (v === 0 ? '0' : format.bytesParts(v, max).join(' ').replace('.0 ', ' ')),
		timeAxis: () => true,
	},
	fit(strip, picture) {
		strip.plot.yMax = largest(picture.data.memory.total) || strip.plot.yMax;
	},
	paint: stack([(d) => d.memory.anonymous, (d) => d.memory.other], ['mem-anonymous', 'mem-other']),
});

export const specs = { latency, split, percentiles, wait, status, memory };
