// SPDX-License-Identifier: GPL-2.0-only
// vega - a chart as a Vega-Lite specification with its data, that opens in the Vega editor as it is. Pure.
//
// Values hold from the start of a window to its end, so lines and areas go in steps; where nothing was measured a
// point without a value breaks them. Times are UNIX milliseconds on UTC scales.

const SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json';
const WIDTH = 960;
const LEAST_MS = 0.000512; // what stands for the durations that share the lowest row, on a logarithmic axis
const GIB = 2 ** 30;
const MS = 1e-6; // of a ns

const stack = (unit, scale, ...parts) => ({ unit, scale, parts: parts.map(([name, colour, of]) => ({ name, colour, of })) });

// The parts of a stack, the lowest first.
const STACKS = {
	split: stack('mean time of a response (ms)', MS, ['queued', 'queued', (d) => d.split.queued], ['waiting for CPU', 'cpu-wait', (d) => d.split.cpu_wait],
		['on CPU', 'on-cpu', (d) => d.split.on_cpu], ['blocked', 'blocked', (d) => d.split.blocked]),
	status: stack('responses (1/s)', 1, ...['2xx', '3xx', '4xx', '5xx'].map((c) => [c, `s${c}`, (d) => d.status[c]])),
	memory: stack('memory (GiB)', 1 / GIB, ['processes', 'mem-anonymous', (d) => d.memory.anonymous], ['caches, kernel', 'mem-other', (d) => d.memory.other]),
};
const LINES = ['max', 'p99', 'p50'];
const HEATS = {
	latency: { unit: 'request latency (ms)', counts: 'requests', of: (d) => d.latency },
	wait: { unit: 'run-queue latency (ms)', counts: 'waits', of: (d) => d.wait },
};

/**
 * @param {{id: string, title: string, subtitle: string, colours: object, shows: (colour: string) => boolean,
 *	heat?: {name: string, low: number, high: number}}} chart heat: the rows that are shown
 * @param {import('./picture.js').Picture} picture
 */
export function vegaLite(chart, picture) {
	const { colours } = chart;
	const heat = HEATS[chart.id];
	const view = heat ? heatmap(heat, chart, picture)
		: chart.id in STACKS && chart.split !== false ? areas(STACKS[chart.id], chart, picture) : percentiles(chart, picture);
	return {
		$schema: SCHEMA,
		title: { text: chart.title, subtitle: chart.subtitle, anchor: 'start' },
		background: colours.panel,
		width: WIDTH,
		height: heat ? 320 : 220,
		...view,
		config: {
			font: 'system-ui, sans-serif',
			view: { stroke: null },
			title: { color: colours.text, subtitleColor: colours.dim },
			axis: { labelColor: colours.faint, titleColor: colours.dim, gridColor: colours.grid, domainColor: colours.line, tickColor: colours.line, titleFontWeight: 'normal' },
			legend: { labelColor: colours.dim, titleColor: colours.dim, titleFontWeight: 'normal' },
		},
	};
}

const round = (x) => (x === null ? null : Number(x.toPrecision(6)));
const ms = (t) => Math.round(t);

/** Rectangles leave the domain to the lines in the layer above: Vega-Lite would read it twice, for both of their ends, and warn. */
function time(field, { minT, maxT }, domain = true) {
	return { field, type: 'temporal', scale: { type: 'utc', ...(domain && { domain: [ms(minT), ms(maxT)] }) },
		axis: { title: 'time (UTC)', format: maxT - minT <= 600e3 ? '%H:%M:%S' : '%H:%M', grid: false, labelFlush: true } };
}

const fromZero = (values, name) => ({ domain: [0, values.reduce((max, v) => Math.max(max, v[name] ?? 0), 0) || 1], nice: true });

const coloured = (parts, colours, title = null) => ({ field: 'series', type: 'nominal', title, sort: null,
	scale: { domain: parts.map((p) => p.name), range: parts.map((p) => colours[p.colour]) } });

/**
 * Points of steps. @make: members of the point of window k, null where it has none.
 * @returns {object[]} with `time`; one whose members are null at the end of each run of windows
 */
function steps({ data: d, minT, maxT }, make) {
	const points = [];
	const within = (t) => ms(Math.min(maxT, Math.max(minT, t)));
	let last = null, endT = 0;
	const close = () => {
		if (last)
			points.push({ time: within(endT), ...last }, { time: within(endT), ...Object.fromEntries(Object.keys(last).map((name) => [name, null])) });
		last = null;
	};
	for (let k = 0; k < d.n; k++) {
		const point = make(k), startT = d.t[k] - d.span[k];
		if (!point || startT - endT > d.span[k] / 2)
			close();
		if (point)
			points.push({ time: within(last ? endT : startT), ...point });
		last = point;
		endT = d.t[k];
	}
	close();
	return points;
}

function lines(parts, picture, scale, least = -Infinity) {
	return parts.flatMap(({ name, of }) => {
		const values = of(picture.data);
		return steps(picture, (k) => (values[k] === null ? null : { value: round(Math.max(least, values[k] * scale)) })).map((p) => ({ ...p, series: name }));
	});
}

function areas({ unit, scale, parts }, { colours, shows }, picture) {
	const shown = parts.filter((p) => shows(p.colour)), columns = shown.map((p) => p.of(picture.data));
	const values = shown.flatMap(({ name }, layer) => steps(picture, (k) => {
		const sum = (n) => columns.slice(0, n).reduce((all, c) => all + (c[k] ?? 0), 0) * scale;
		return columns[layer][k] === null ? null : { bottom: round(sum(layer)), top: round(sum(layer + 1)) };
	}).map((p) => ({ ...p, series: name })));
	return {
		data: { values },
		mark: { type: 'area', interpolate: 'step-after', invalid: 'break-paths-show-path-domains' },
		encoding: {
			x: time('time', picture),
			y: { field: 'top', type: 'quantitative', stack: null, title: unit, scale: fromZero(values, 'top') },
			y2: { field: 'bottom' },
			color: coloured([...shown].reverse(), colours),
		},
	};
}

/** Instead of the split, on a kernel that can't tell it. */
function percentiles({ colours, shows }, picture) {
	const parts = ['p99', 'p90', 'p50'].filter(shows).map((p) => ({ name: p, colour: p, of: (d) => d.latency[p] }));
	const values = lines(parts, picture, MS);
	return {
		data: { values },
		mark: { type: 'line', interpolate: 'step-after', strokeWidth: 1.5, invalid: 'break-paths-show-path-domains' },
		encoding: { x: time('time', picture), y: { field: 'value', type: 'quantitative', title: 'request latency (ms)', scale: fromZero(values, 'value') }, color: coloured(parts, colours) },
	};
}

function cells({ name, low, high }, { data: d, timeline, minT, maxT }) {
	const { counts, rows } = timeline.heat[name], { lowsNs } = timeline;
	const values = [];
	let most = 2;
	for (let k = 0; k < d.n; k++)
		for (let row = low; row < Math.min(high, rows); row++) {
			const count = counts[(d.first + k) * rows + row];
			if (!count)
				continue;
			most = Math.max(most, count);
			values.push({ start: ms(Math.max(minT, d.t[k] - d.span[k])), end: ms(Math.min(maxT, d.t[k])), from: edge(lowsNs, row), to: edge(lowsNs, row + 1), count });
		}
	return { values, most };
}

const edge = (lowsNs, row) => round(Math.max(LEAST_MS, (lowsNs[row] ?? lowsNs.at(-1) * 1.25) * MS));

function heatmap({ unit, counts, of }, { colours, shows, heat }, picture) {
	const { values, most } = cells(heat, picture), { lowsNs } = picture.timeline;
	const parts = LINES.filter(shows).map((p) => ({ name: p, colour: p, of: (d) => of(d)[p] }));
	const domain = [edge(lowsNs, heat.low), edge(lowsNs, Math.min(heat.high, lowsNs.length))];
	const decades = [1e-3, 1e-2, 0.1, 1, 10, 100, 1e3, 1e4, 1e5].filter((v) => v >= domain[0] && v <= domain[1]);
	const y = (field) => ({ field, type: 'quantitative', title: unit, scale: { type: 'log', domain, nice: false }, axis: { format: '~g', values: decades } });
	const line = (look, color) => ({
		mark: { type: 'line', interpolate: 'step-after', invalid: 'break-paths-show-path-domains', ...look },
		encoding: { x: time('time', picture), y: y('value'), ...color },
	});
	return {
		layer: [
			{
				data: { values },
				mark: { type: 'rect', tooltip: true },
				encoding: {
					x: time('start', picture, false), x2: { field: 'end' }, y: y('from'), y2: { field: 'to' },
					color: { field: 'count', type: 'quantitative', title: counts,
						scale: { type: 'log', domain: [1, most], range: [1, 2, 3, 4].map((n) => colours[`heat${n}`]), interpolate: 'rgb' } },
				},
			},
			{
				data: { values: lines(parts, picture, MS, domain[0]) },
				layer: [
					line({ strokeWidth: 4 }, { detail: { field: 'series' }, color: { value: colours.panel } }),
					line({ strokeWidth: 1.5 }, { color: coloured(parts, colours),
						strokeDash: { field: 'series', type: 'nominal', legend: null, scale: { domain: parts.map((p) => p.name), range: parts.map((p) => (p.name === 'max' ? [2, 2] : [1, 0])) } } }),
				],
			},
		],
		resolve: { scale: { color: 'independent' } },
	};
}
