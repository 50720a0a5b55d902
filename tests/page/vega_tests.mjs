// SPDX-License-Identifier: GPL-2.0-only
// vega_tests - charts exported as Vega-Lite, compiled and rendered by the pinned vega-lite and vega: no warning, and
// marks where the picture has them.
import { pathToFileURL } from 'node:url';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Picture } from '../../web/src/picture.js';
import { Replay } from '../../web/src/replay.js';
import { readSnapshot } from '../../web/src/snapshot.js';
import { Store } from '../../web/src/store.js';
import { vegaLite } from '../../web/src/vega.js';
import { assert, equal, modules, shots, test } from './lib.mjs';
import { recording } from './recording.mjs';

const COLOURS = Object.fromEntries(['panel', 'line', 'grid', 'text', 'dim', 'faint', 'queued', 'cpu-wait', 'on-cpu', 'blocked', 's2xx', 's3xx', 's4xx', 's5xx',
	'mem-anonymous', 'mem-other', 'p50', 'p90', 'p99', 'max', 'heat0', 'heat1', 'heat2', 'heat3', 'heat4'].map((name, k) => [name, `rgb(${k + 1}, ${255 - k}, 7)`]));
const WIDTH = 960;

const load = (name, path) => import(pathToFileURL(join(modules, name, path)).href);

/** @returns {Promise<{svg: string, marks: (type: string) => object[], scale: (name: string) => Function}>} */
export async function render(spec) {
	const vegaLiteModule = await load('vega-lite', 'build/index.js'), vega = await load('vega', 'index.js');
	const told = [];
	const logger = { level: () => logger, error: (...x) => (told.push(x), logger), warn: (...x) => (told.push(x), logger), info: () => logger, debug: () => logger };
	const compiled = vegaLiteModule.compile(spec, { logger }).spec;
	const view = new vega.View(vega.parse(compiled), { renderer: 'none', logger });
	await view.runAsync();
	const svg = await view.toSVG();
	assert(!told.length, `it warned: ${JSON.stringify(told).slice(0, 300)}`);
	const found = [];
	const walk = (node) => {
		if (node.marktype && node.role === 'mark')
			found.push(node);
		for (const item of node.items ?? [])
			walk(item);
	};
	walk(view.scenegraph().root);
	view.finalize();
	return { svg, marks: (type) => found.filter((m) => m.marktype === type).flatMap((m) => m.items), scale: (name) => view.scale(name) };
}

/** The picture of a recorded snapshot, @change made to it before. */
async function pictureOf(scenario, rangeMs = 60e3, change = () => {}) {
	const json = recording(scenario);
	change(json);
	let replay = null;
	const store = new Store((message) => replay.send(message));
	replay = new Replay(readSnapshot(JSON.stringify(json)), (message) => store.apply(message));
	replay.start();
	const picture = new Picture();
	for (let k = 0; k < 4 && !picture.data.n; k++) { // asked, and answered
		const timeline = store.timelineFor(rangeMs, null, WIDTH);
		picture.frame({ timeline, rangeMs, endT: null, widthPx: WIDTH, newestT: store.newestT, grows: timeline === store.live, fresh: true });
		await null;
		await null;
	}
	return picture;
}

const chart = (id, more = {}) => ({ id, title: id, subtitle: 'web-07', colours: COLOURS, shows: () => true, ...more });
const HEAT = { heat: { name: 'http.server.duration', low: 20, high: 80 } };
const near = (seen, wanted, what, by = 1) => assert(Math.abs(seen - wanted) <= by, `${what}: ${seen}, not ${wanted}`);
export const keep = (name, { svg }) => writeFileSync(join(shots, `vega-${name}.svg`), svg);

export async function vegaTests() {
	await test('vega_heatmap_has_each_cell_at_its_place', async () => {
		const picture = await pictureOf('slow');
		const { data: d, timeline } = picture, heat = timeline.heat['http.server.duration'];
		const drawn = await render(vegaLite(chart('latency', HEAT), picture));
		keep('latency', drawn);
		const rects = drawn.marks('rect');
		let cells = 0;
		for (let i = d.first; i < d.first + d.n; i++)
			for (let row = 20; row < 80; row++)
				cells += heat.counts[i * heat.rows + row] > 0;
		assert(cells > 5000, `${cells} cells`);
		equal(rects.length, cells, 'cells');
		const k = 100, startT = d.t[k] - d.span[k];
		const own = rects.filter((r) => r.datum.start === Math.round(startT));
		equal(own.reduce((sum, r) => sum + r.datum.count, 0), heat.pairs(d.first + k, d.first + k + 1)[0].reduce((sum, n, at) => sum + (at % 2 ? n : 0), 0), 'requests of one window');
		const x = (t) => (t - picture.minT) / (picture.maxT - picture.minT) * WIDTH;
		const y = (ns) => 320 * (1 - Math.log(ns / timeline.lowsNs[20]) / Math.log(timeline.lowsNs[80] / timeline.lowsNs[20]));
		for (const r of own) {
			near(r.x, x(startT), 'left edge');
			near(r.width, x(d.t[k]) - x(startT), 'width');
			const row = timeline.lowsNs.findIndex((low) => Math.abs(low - r.datum.from * 1e6) < low / 1000);
			near(r.y, y(timeline.lowsNs[row + 1]), 'upper edge');
			near(r.y + r.height, y(timeline.lowsNs[row]), 'lower edge');
		}
		const most = rects.reduce((a, b) => (a.datum.count >= b.datum.count ? a : b));
		equal(most.fill.replaceAll(' ', ''), COLOURS.heat4.replaceAll(' ', ''), 'colour of the largest count');
		const lines = drawn.marks('line');
		for (const [series, values] of [['p50', d.latency.p50], ['p99', d.latency.p99], ['max', d.latency.max]]) {
			const points = lines.filter((p) => p.datum.series === series && p.stroke !== COLOURS.panel);
			const at = points.find((p) => p.datum.time === Math.round(startT) && p.datum.value !== null);
			near(at.y, y(values[k]), `${series} of one window`);
			assert(points.every((p) => p.stroke === COLOURS[series]), `colour of ${series}`);
		}
		assert(/>time \(UTC\)</.test(drawn.svg) && />request latency \(ms\)</.test(drawn.svg) && />requests</.test(drawn.svg), 'titles');
	});
	await test('vega_stacks_add_up', async () => {
		const picture = await pictureOf('slow');
		const { data: d } = picture;
		for (const [id, names, sum] of [['split', 'queued,waiting for CPU,on CPU,blocked', d.splitMean[300] / 1e6], ['status', '2xx,3xx,4xx,5xx', d.responses[300]],
			['memory', 'processes,caches, kernel', d.memory.used[300] / 2 ** 30]]) {
			const drawn = await render(vegaLite(chart(id), picture));
			keep(id, drawn);
			const areas = drawn.marks('area');
			equal([...new Set(areas.map((p) => p.datum.series))].sort().join(), names.split(/,(?! )/).sort().join(), `series of ${id}`);
			const here = areas.filter((p) => p.datum.time === Math.round(d.t[300] - d.span[300]) && p.datum.top !== null);
			near(Math.max(...here.map((p) => p.datum.top)), sum, `sum of ${id}`, sum / 1000);
			const top = here.reduce((a, b) => (a.datum.top >= b.datum.top ? a : b));
			near(top.y, drawn.scale('y')(sum), `upper edge of ${id}`);
			const bottom = here.find((p) => p.datum.bottom === 0);
			near(bottom.y + bottom.height, 220, `lower edge of ${id}`);
		}
	});
	await test('vega_keeps_gaps', async () => {
		const picture = await pictureOf('slow', 60e3, ({ history }) => {
			for (const list of [history.t, history.span_ms, ...Object.values(history.columns), ...Object.values(history.heat).slice(1)])
				list.splice(200, 100);
			history.columns['http.server.duration.max_ns'].fill(null, 400, 450);
		});
		const { data: d } = picture, from = Math.round(d.t[199]), to = Math.round(d.t[200] - d.span[200]);
		near(to - from, 10000, 'ms of the gap', 1);
		const latency = await render(vegaLite(chart('latency', HEAT), picture));
		assert(latency.marks('rect').every((r) => r.datum.end <= from || r.datum.start >= to), 'a cell in the gap');
		const status = await render(vegaLite(chart('status'), picture));
		for (const series of ['2xx', '5xx']) {
			const points = status.marks('area').filter((p) => p.datum.series === series);
			equal(points.filter((p) => p.defined === false).length, 2, `breaks of ${series}`);
			assert(!points.some((p) => p.datum.time > from && p.datum.time < to), 'a point in the gap');
		}
		const paths = status.svg.match(/<g class="mark-area[^]*?<\/g>/g).flatMap((g) => g.match(/ d="[^"]+"/g));
		assert(paths.length === 4 && paths.every((path) => path.match(/M/g).length === 2), 'areas are not in two pieces');
		assert(!/NaN|undefined/.test(latency.svg + status.svg), 'NaN in the drawing');
	});
	await test('vega_of_a_long_range_of_the_run_queue_and_without_split', async () => {
		const hour = await pictureOf('slow', 3600e3);
		assert(hour.data.n >= 350, `${hour.data.n} windows`);
		const wait = await render(vegaLite(chart('wait', { heat: { name: 'runqueue.latency', low: 0, high: 105 } }), hour));
		keep('wait', wait);
		assert(wait.marks('rect').length > 2000, 'cells');
		assert(/>run-queue latency \(ms\)</.test(wait.svg) && />waits</.test(wait.svg), 'titles');
		const plain = await render(vegaLite(chart('split', { split: false }), await pictureOf('withoutSplit')));
		equal(new Set(plain.marks('line').map((p) => p.datum.series)).size, 3, 'lines');
	});
	await test('vega_leaves_out_what_is_hidden', async () => {
		const picture = await pictureOf('slow');
		const drawn = await render(vegaLite(chart('status', { shows: (c) => c === 's5xx' }), picture));
		assert(drawn.marks('area').every((p) => p.datum.series === '5xx' && !(p.datum.bottom > 0)), 'others are there');
		assert((await render(vegaLite(chart('latency', { ...HEAT, shows: () => false }), picture))).marks('line').length === 0, 'lines are there');
	});
	await test('vega_of_nothing_is_an_empty_chart', async () => {
		const picture = await pictureOf('idle');
		for (const id of ['latency', 'split', 'status', 'memory'])
			await render(vegaLite(chart(id, id === 'latency' ? HEAT : {}), picture));
	});
}
