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

/** @to becomes the sum of @columns, null where all are. The columns of a stack are such sums. */
function addUp(to, columns) {
	const n = columns[0].length;
	to.length = n;
	for (let k = 0; k < n; k++) {
		let sum = 0, known = false;
		for (const column of columns)
			if (column[k] !== null) {
				sum += column[k];
				known = true;
			}
		to[k] = known ? sum : null;
	}
	return to;
}

function stack(columns) {
	const sums = columns.map(() => []);
	return (d) => {
		const parts = columns.map((c) => c(d));
		return sums.map((to, k) => addUp(to, parts.slice(0, k + 1)));
	};
}

const areas = (colours) => colours.map((colour, k) => ({ colour, kind: 'area', base: k }));

/** Lines over a heatmap: percentiles in rows of the heatmap. */
function heatStrip(spec, name, of) {
	const heat = new Heat(name);
	const columns = [[], [], []];
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
			series: [
				{ colour: 'max', kind: 'line', width: 1, dash: 'dots' },
				{ colour: 'p50', kind: 'line', width: 1.5, halo: true },
				{ colour: 'p99', kind: 'line', width: 1.75, halo: true },
			],
			yTicks: (max, heightPx) => decadeTicks(heat, heightPx),
			yLabel: (row) => format.tick(heat.decades.get(row)),
			timeAxis: () => spec.id === 'latency' && innerWidth <= 700,
		},
		fit(strip, picture) {
			heat.fit(picture, strip.plot.u.bbox.height);
			strip.plot.yMin = heat.low;
			strip.plot.yMax = heat.top;
		},
		columns(d) {
			['max', 'p50', 'p99'].forEach((c, at) => {
				const from = of(d)[c], to = columns[at];
				to.length = from.length;
				for (let k = 0; k < from.length; k++)
					to[k] = heat.rowOf(from[k]);
			});
			return columns;
		},
	};
}

/** A y axis from zero; @max finds the largest value in a picture. */
const fromZero = (max, least) => (strip, picture) => {
	strip.plot.yMax = niceMax(max(picture.data, strip), strip.plot.fitted ? strip.plot.yMax : 0, least);
	strip.plot.fitted = true;
};

function durationLabel(ns) {
	return ns === 0 ? '0' : format.tick(ns);
}

const latency = () => heatStrip({ id: 'latency', title: 'Request latency', legend: 'requests', rolled: true, rows: [] },
	'http.server.duration', (d) => d.latency);

const split = () => {
	const tops = stack([(d) => d.split.queued, (d) => d.split.cpu_wait, (d) => d.split.on_cpu, (d) => d.split.blocked]);
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
		plot: { series: areas(['queued', 'cpu-wait', 'on-cpu', 'blocked']), yTicks: niceTicks, yLabel: durationLabel },
		fit: fromZero((d) => largest(d.splitMean), 100e3),
		columns: tops,
	};
};

/** Instead of the split, on a kernel that can't tell it. */
const percentiles = () => ({
	id: 'split',
	title: 'Percentiles',
	remark: 'Where the time went can’t be told on this kernel.',
	rows: ['p99', 'p90', 'p50'].map((p) => ({ name: p, colour: p, shape: 'line', text: (d, k) => format.duration(d.latency[p][k]) })),
	plot: { series: ['p50', 'p90', 'p99'].map((colour) => ({ colour, kind: 'line', width: 1.5 })), yTicks: niceTicks, yLabel: durationLabel },
	fit: fromZero((d) => largest(d.latency.p99), 100e3),
	columns: (d) => [d.latency.p50, d.latency.p90, d.latency.p99],
});

const wait = () => heatStrip({
	id: 'wait',
	title: 'Run-queue latency',
	legend: 'waits',
	rows: [{ name: 'tasks waiting', text: (d, k) => format.decimal(d.waiting[k]) }],
}, 'runqueue.latency', (d) => d.wait);

const status = () => {
	const row = (name) => ({ name, colour: `s${name}`, text: (d, k) => rate(d.status[name][k]) });
	return {
		id: 'status',
		title: 'Responses by status',
		rows: ['5xx', '4xx', '3xx', '2xx'].map(row),
		plot: {
			series: areas(['s2xx', 's3xx', 's4xx', 's5xx']),
			yTicks: niceTicks,
			yLabel: (v, max) => (v === 0 ? '0' : max >= 10e3 ? `${+(v / 1e3).toFixed(1)}k/s` : `${format.tickCount(v)}/s`),
		},
		fit: fromZero((d) => largest(d.requests, addUp([], ['2xx', '3xx', '4xx', '5xx'].map((c) => d.status[c]))), 5),
		columns: stack(['2xx', '3xx', '4xx', '5xx'].map((c) => (d) => d.status[c])),
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
	rows: [
		{ name: 'caches, kernel', colour: 'mem-other', text: (d, k) => format.bytes(d.memory.other[k]) },
		{ name: 'processes', colour: 'mem-anonymous', text: (d, k) => format.bytes(d.memory.anonymous[k]) },
		{ name: 'total', sum: true, text: (d, k) => format.bytes(d.memory.total[k]) },
	],
	plot: {
		series: areas(['mem-anonymous', 'mem-other']),
		yTicks: byteTicks,
		yLabel: (v, max) => (v === 0 ? '0' : format.bytesParts(v, max).join(' ').replace('.0 ', ' ')),
		timeAxis: () => true,
	},
	fit(strip, picture) {
		strip.plot.yMax = largest(picture.data.memory.total) || strip.plot.yMax;
	},
	columns: stack([(d) => d.memory.anonymous, (d) => d.memory.other]),
});

export const specs = { latency, split, percentiles, wait, status, memory };
