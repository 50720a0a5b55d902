// SPDX-License-Identifier: GPL-2.0-only
// latency_tests - with the real program: how long after a request has ended its pixel is on the screen.
import { get } from 'node:http';
import { assert, live, test, text, until } from './lib.mjs';

const LIMIT_MS = 150; // p99 at the 100 ms rate
const SAMPLES = 50;
const ROUNDS = 3;
const SERVED_MS = 730; // in the middle of a row of the heatmap that little else falls into
const APART_MS = 400;
const EDGE_PX = 4; // well inside of the newest window

// Runs in the page: tells when the row at @y of the latency heatmap begins to be painted at the right edge.
function watchEdge({ y, edge }) {
	const chart = window.chartPixels('latency');
	const put = CanvasRenderingContext2D.prototype.putImageData;
	const probe = document.body.appendChild(document.createElement('i'));
	probe.style.color = 'var(--grid)';
	const [red, green, blue] = getComputedStyle(probe).color.match(/\d+/g).map(Number);
	probe.remove();
	let on = false;
	window.seen = [];
	CanvasRenderingContext2D.prototype.putImageData = function (image, ...at) {
		put.call(this, image, ...at);
		if (at[1] !== chart.top || image.height !== chart.height)
			return;
		const data = chart.read(chart.width - edge, y, 1, 1); // what is on the canvas, not what should be
		const lit = data[3] > 0 && !(data[0] === red && data[1] === green && data[2] === blue);
		if (lit && !on) {
			const painted = performance.timeOrigin + performance.now();
			// The next frame begins when this one was handed on.
			requestAnimationFrame(() => window.seen.push({ painted, shown: performance.timeOrigin + performance.now() }));
		}
		on = lit;
	};
}

/** Where the tooltip says that such a duration is, in px from the upper edge of the plot. */
async function rowOf(page, wantedNs) {
	const box = await page.locator('.s-latency .data').boundingBox();
	const rows = [];
	for (let y = 1; y < box.height; y++) {
		await page.mouse.move(box.x + box.width / 2, box.y + y);
		await page.evaluate(() => new Promise(requestAnimationFrame));
		const found = (await text(page, '.tip .cell')).match(/, ([\d.]+) (µs|ms|s) to ([\d.]+) (µs|ms|s)/);
		const ns = (number, unit) => Number(number) * { 'µs': 1e3, ms: 1e6, s: 1e9 }[unit];
		if (found && ns(found[1], found[2]) <= wantedNs && ns(found[3], found[4]) > wantedNs)
			rows.push(y);
	}
	await page.mouse.move(5, 5);
	return rows.length ? rows[rows.length >> 1] : -1;
}

/** One round. @returns {{painted: number[], shown: number[]}} ms after the end of each request, rising */
async function round(page, web) {
	const ends = [];
	const request = () => new Promise((done, failed) => get({ port: web.port, path: `/hold/${SERVED_MS}`, agent: false }, (res) => {
		res.resume().on('end', done);
	}).on('error', failed));
	web.ended = (t) => ends.push(t);
	await page.evaluate(() => (window.seen.length = 0));
	const all = [];
	// At any phase of the tick, and apart enough that each begins in a window of its own.
	for (let k = 0; k < SAMPLES; k++) {
		all.push(request());
		await new Promise((next) => setTimeout(next, APART_MS + 100 * Math.random()));
	}
	await Promise.all(all);
	await until('the last one', () => page.evaluate((n) => window.seen.length >= n, SAMPLES), 5e3).catch(() => {});
	const seen = await page.evaluate(() => window.seen);
	const after = ends.map((t) => seen.find((s) => s.painted > t - 2 && s.painted < t + APART_MS)).map((s, k) => s && { painted: s.painted - ends[k], shown: s.shown - ends[k] });
	const missing = after.filter((s) => !s).length;
	assert(missing <= SAMPLES / 10, `${missing} of ${SAMPLES} requests were not seen on the screen`);
	const sorted = (key) => after.filter(Boolean).map((s) => s[key]).sort((a, b) => a - b);
	return { painted: sorted('painted'), shown: sorted('shown') };
}

export async function latencyTests(browser, withProgram) {
	await test('program_a_request_is_on_the_screen_150_ms_after_its_end', () => withProgram(browser, async (page, program, web) => {
		const rounds = [];
		await live(page);
		await page.keyboard.press('1');
		await web.ask(`/hold/${SERVED_MS}`);
		await until('its service', async () => (await text(page, '.services tbody')).includes(`:${web.port}`));
		const y = await until('its row', async () => {
			const found = await rowOf(page, (SERVED_MS + 3) * 1e6);
			return found > 0 ? found : null;
		}, 20e3);
		await page.evaluate(watchEdge, { y, edge: EDGE_PX });
		// A busy machine makes anything late: the quietest of three rounds is nearest to the truth.
		while (rounds.length < ROUNDS && !rounds.some((r) => r.p99 < LIMIT_MS)) {
			const { painted, shown } = await round(page, web);
			const of = (list, q) => list[Math.ceil(q * list.length) - 1];
			rounds.push({ p99: of(shown, 0.99) });
			console.error(`from a request's end to the screen: p50 ${of(shown, 0.5).toFixed(0)} ms, p90 ${of(shown, 0.9).toFixed(0)}, p99 ${of(shown, 0.99).toFixed(0)} (painted: ${of(painted, 0.5).toFixed(0)}, ${of(painted, 0.9).toFixed(0)}, ${of(painted, 0.99).toFixed(0)})`);
		}
		assert(rounds.at(-1).p99 < LIMIT_MS, `p99 of ${rounds.map((r) => Math.round(r.p99)).join(', ')} ms`);
	}, { stored: { 'rqscope.rate_ms': '100' } }), 180e3);
}
