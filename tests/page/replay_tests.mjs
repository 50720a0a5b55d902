// SPDX-License-Identifier: GPL-2.0-only
// replay_tests - the page with a recorded snapshot dropped onto it: nothing is attached, nothing is connected.
import { readFileSync } from 'node:fs';
import { Feed } from './feed.mjs';
import { keep, render } from './vega_tests.mjs';
import { recording, RECORDED_T } from './recording.mjs';
import { assert, card, equal, live, open, require, shoot, test, text, until } from './lib.mjs';

const recorded = new Map();
const json = (scenario) => {
	if (!recorded.has(scenario))
		recorded.set(scenario, JSON.stringify(recording(scenario)));
	return recorded.get(scenario);
};

export async function drop(page, content, name = 'web-07.json') {
	const dataTransfer = await page.evaluateHandle(([body, called]) => {
		const transfer = new DataTransfer();
		transfer.items.add(new File([body], called, { type: 'application/json' }));
		return transfer;
	}, [content, name]);
	for (const type of ['dragenter', 'dragover'])
		await page.dispatchEvent('body', type, { dataTransfer });
	assert(await page.isVisible('#drop'), 'the page does not say where to drop');
	await page.dispatchEvent('body', 'drop', { dataTransfer });
	await until('the place to drop goes', async () => !(await page.isVisible('#drop')));
}

export const replaying = (page) => until('a replay', async () => (await page.getAttribute('#pill', 'data-state')) === 'replay' && (await card(page, 'memory')) !== '–');
const verdict = (page, wanted) => until(`the verdict says ${wanted}`, async () => wanted.test(await text(page, '#verdict')));

/** How many pixels of a strip's picture are painted, other than those of the grid, by tenths of its width. */
const painted = (page, strip) => page.evaluate((name) => {
	const { width, height, read } = window.chartPixels(name), data = read(0, 0, width, height);
	const probe = document.body.appendChild(document.createElement('i'));
	probe.style.color = 'var(--grid)';
	const grid = getComputedStyle(probe).color.match(/\d+/g).map(Number);
	probe.remove();
	const tenths = new Array(10).fill(0);
	for (let at = 0; at < data.length; at += 4)
		if (data[at + 3] && grid.some((value, k) => data[at + k] !== value))
			tenths[Math.floor(at / 4 % width / width * 10)]++;
	return tenths;
}, strip);

export async function replayTests(browser, dir) {
	const feed = new Feed({ dir, scenario: 'idle', token: 'nobody-has-it' });
	const origin = (await feed.start()).split('#')[0];
	/** A page of its own with @scenario dropped onto it. */
	const run = (name, scenario, check, options = {}) => test(name, async () => {
		const page = await open(browser, `${origin}#replay`, options);
		try {
			if (scenario) {
				await drop(page, json(scenario));
				await replaying(page);
			}
			await check(page);
			equal(feed.asked.length, 0, 'messages to the server');
			const complaints = page.complaints.filter((c) => !options.expects?.test(c));
			assert(!complaints.length, `the page complained: ${complaints.join(' | ')}`);
		} finally {
			await page.close();
		}
	});
	try {
		await looks(run);
		await charts(run);
		await files(run, browser, dir);
		await accessible(run);
	} finally {
		await feed.stop();
	}
}

async function looks(run) {
	for (const dark of [true, false])
		for (const [width, height] of [[1440, 1150], [390, 844]])
			await run(`replay_shows_who_and_when_${width}_${dark ? 'dark' : 'light'}`, 'slow', async (page) => {
				equal(await text(page, '#replay-host'), 'Replay of web-07', 'host');
				const shown = await page.evaluate((t) => new Date(t).toLocaleTimeString('en-GB'), RECORDED_T + 3000);
				assert((await text(page, '#replay-time')).includes(shown), `the time ${await text(page, '#replay-time')} is not ${shown}`);
				equal(await text(page, '#pill'), 'Replay', 'pill');
				assert((await page.title()).startsWith('Replay of web-07'), 'title');
				await verdict(page, /nginx :8080 is slow\. +p99 .* threads wait for a CPU/);
				const wide = await page.evaluate(() => document.documentElement.scrollWidth);
				assert(wide <= width, `the page is ${wide} px wide in a window of ${width}`);
				if (width === 1440) {
					const high = await page.evaluate(() => document.documentElement.scrollHeight);
					assert(high <= height, `the page is ${high} px high, more than one screen`);
				}
				await until('what is said goes', async () => (await text(page, '#said')) === '', 15e3);
				await shoot(page, `replay-${width}-${dark ? 'dark' : 'light'}`);
			}, { width, height, dark });
	await run('replay_waits_for_a_snapshot', null, async (page) => {
		equal(await text(page, '#replay-host'), 'No snapshot is open', 'bar');
		await verdict(page, /Drop a snapshot onto this page/);
		await shoot(page, 'replay-empty');
	});
}

async function charts(run) {
	await run('replay_draws_every_chart_over_its_whole_minute', 'slow', async (page) => {
		for (const strip of ['latency', 'split', 'wait', 'status', 'memory'])
			await until(`${strip} is drawn`, async () => (await painted(page, strip)).every((n) => n > 40));
	});
	await run('replay_answers_longer_ranges', 'slow', async (page) => {
		for (const [key, name] of [['3', '10 min'], ['4', '1 h'], ['5', '6 h']]) {
			await page.keyboard.press(key);
			// This host had run for three hours: of six hours, half is a gap.
			await until(`${name} is drawn`, async () => (await painted(page, 'status')).every((n, k) => (name === '6 h' && k < 5 ? n < 400 : n > 400)));
		}
	});
	await run('replay_has_cards_services_events_and_footer', 'slow', async (page) => {
		assert(/^1[78],/.test(await card(page, 'requests')), `${await card(page, 'requests')} requests a second`);
		equal(await card(page, 'latency', '.word'), 'slow', 'latency');
		equal(await card(page, 'queue', '.word'), 'crowded', 'run queue');
		const rows = await page.$$eval('.services tbody tr td:first-child b', (all) => all.map((b) => b.textContent));
		equal(rows.join(), 'nginx,api,gunicorn', 'services');
		await page.click('.services th:first-child button');
		const sorted = await page.$$eval('.services tbody tr td:first-child b', (all) => all.map((b) => b.textContent));
		equal(sorted.join(), 'api,gunicorn,nginx', 'services by name');
		assert((await page.$$('.services .bar i')).length >= 12, 'no bars of where time went');
		const events = await page.$$eval('.events tbody tr', (all) => all.map((tr) => tr.textContent));
		assert(events.length >= 5, `${events.length} events`);
		assert(events.some((e) => /GET \/search 1\.21 s/.test(e)), 'the slow request is not told');
		assert(/12 only counted/.test(await text(page, '.events h2')), 'what was held back is not told');
		assert(/212 TLS connections/.test(await text(page, '#footer')), 'the footer is silent');
	});
	await run('replay_stands_still', 'slow', async (page) => {
		const picture = () => page.evaluate(() => document.querySelector('canvas.sheet').toDataURL() + document.querySelector('.cards').textContent);
		const before = await picture();
		await page.keyboard.press(' ');
		await page.evaluate(() => new Promise((done) => setTimeout(done, 2500))); // as long as anything that ticks would need
		equal(await text(page, '#pill'), 'Replay', 'pill');
		assert((await picture()) === before, 'something moved');
	});
	await run('replay_has_a_crosshair', 'slow', async (page) => {
		const box = await page.locator('.s-latency .plot').boundingBox();
		await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5);
		await until('a tooltip', () => page.isVisible('.tip'));
		assert(/requests, .+ to .+/.test(await text(page, '.tip .cell')), 'no cell');
	});
	for (const dark of [true, false])
		await run(`replay_saves_each_chart_as_vega_lite_${dark ? 'dark' : 'light'}`, 'slow', async (page) => {
			const titles = [['Request latency', 'latency', 'rect', 5000], ['Where the time went', 'split', 'area', 2000], ['Run-queue latency', 'wait', 'rect', 5000],
				['Responses by status', 'status', 'area', 2000], ['Memory', 'memory', 'area', 1000]];
			for (const [title, id, mark, least] of titles) {
				const saving = page.waitForEvent('download');
				await page.click('#share-open');
				await page.click(`#charts button:text-is("${title}")`);
				const download = await saving;
				equal(download.suggestedFilename(), `rqscope-web-07-${id}-20261124T030003Z.vl.json`, 'name of the file');
				const spec = JSON.parse(readFileSync(await download.path(), 'utf8'));
				const drawn = await render(spec);
				keep(`${id}-${dark ? 'dark' : 'light'}`, drawn);
				assert(drawn.marks(mark).length >= least, `${title}: ${drawn.marks(mark).length} marks`);
				assert(drawn.svg.includes(`>${title}<`) && drawn.svg.includes('web-07, 2026-11-24 02:59:03 to 03:00:03 UTC'), `titles of ${title}`);
				const panel = await page.evaluate(() => getComputedStyle(document.querySelector('.panel')).backgroundColor);
				equal(spec.background, panel, 'background');
			}
			assert(/Memory saved/.test(await text(page, '#said')), 'it does not say so');
		}, { dark });
	await run('replay_tells_a_probe_that_was_off', 'probeOff', async (page) => {
		await verdict(page, /HTTP requests are not measured\. +This kernel \(5\.10\)/);
		assert(/HTTP is not measured/.test(await text(page, '.s-latency .note')), 'no note in the chart');
	});
	await run('replay_holds_hostile_names', 'crowd', async (page) => {
		await until('60 rows', async () => (await page.$$('.services tbody tr')).length === 60);
		equal(await page.$$eval('img, script:not([src])', (nodes) => nodes.length), 0, 'elements made from names');
	});
}

/** @param {(document: object) => void} change */
const changed = (change) => {
	const document = JSON.parse(json('calm'));
	change(document);
	return JSON.stringify(document);
};

const REFUSED = [
	['not JSON', 'GIF89a', /is not JSON/],
	['JSON of something else', '{"hello": [1, 2]}', /no snapshot of rqscope/],
	['null', 'null', /no snapshot of rqscope/],
	['another schema', () => changed((d) => (d.schema = 'rqscope/snapshot/7')), /another version \(rqscope\/snapshot\/7\)/],
	['cut off', () => json('calm').slice(0, 50000), /cut off/],
	['too large', () => `${json('calm')}${' '.repeat(17 * 2 ** 20)}`, /too large/],
	['no times', () => changed((d) => delete d.history.t), /history\.t is not a list of rising times/],
	['times that fall', () => changed((d) => d.history.t.reverse()), /history\.t is not a list/],
	['times of no calendar', () => changed((d) => d.history.t.push(1e300) && d.history.span_ms.push(100)), /history\.t is not a list/],
	['too few values', () => changed((d) => d.history.columns['http.server.requests'].pop()), /http\.server\.requests does not have a value for each window/],
	['columns of text', () => changed((d) => (d.history.columns['http.server.requests'] = 'many')), /http\.server\.requests does not/],
	['a tick of nothing', () => changed((d) => (d.history.tick_ms = 1e-9)), /tick_ms/],
	['rows without order', () => changed((d) => d.history.heat.lows_ns.reverse()), /lows_ns/],
	['a million rows', () => changed((d) => (d.history.heat.lows_ns = Array.from({ length: 1e6 }, (_, k) => k))), /lows_ns/],
	['a million windows', () => changed((d) => (d.history.t = Array.from({ length: 1e6 }, (_, k) => k))), /history\.t/],
	['nothing measured', () => changed((d) => Object.assign(d.history, { t: [], span_ms: [], columns: {}, heat: {} })), /before there was anything/],
];

const odd = '<img src=x onerror=document.title=1>\u202e';
const SHOWN = [
	['wrong types everywhere', (d) => Object.assign(d, { services: { a: 1 }, events: [3], coverage: 'none', self: [], totals: 7, host: null, tool: 1, slow_ms: 'x', uptime_ns: -5 })],
	['wrong types inside', (d) => {
		d.services = [null, 1, 'x', [], { name: 5, port: -1, recent: [], spark: 'x', pids: { length: 9 } }, { name: odd, port: 1e9, recent: { requests: 'many', split: 3, duration: null }, spark: [1e308, -1, 'x'], in_flight: -4 }];
		d.events = { counts: { slow_request: 'x', __proto__: 1 }, held_back: {}, recent: [null, 7, { at: 'never' }, { at: '2026-11-24T03:00:00Z', level: odd, kind: odd, text: odd, service: {}, split: 'x', pid: 'x' }] };
		d.coverage = { probes: [null, 5, { name: odd, state: 7, reason: {} }], lost: { events: 'x' }, connections: { tls: -1 }, shed: [1] };
	}],
	['numbers without end', (d) => {
		for (const values of Object.values(d.history.columns))
			values.fill(1e308);
		for (const windows of Object.values(d.history.heat).slice(1))
			for (const k in windows)
				windows[k] = [0, 1e308, 3, -7, 'x', 4, 1e9, 5];
	}],
	['hostile heat', (d) => (d.history.heat['http.server.duration'] = d.history.t.map((_, k) => (k % 2 ? 'x' : [{}, null, -1])))],
	['millions of entries and huge strings', (d) => {
		d.services = Array.from({ length: 100000 }, () => ({ name: 'n' }));
		d.events.recent = Array.from({ length: 100000 }, () => ({ at: '2026-11-24T03:00:00Z', text: 'x', level: 'info' }));
		d.events.recent[499].text = 'y'.repeat(4e6);
		d.host.name = 'h'.repeat(1e6);
	}],
	['a snapshot of an older rqscope', (d) => {
		delete d.history.heat;
		delete d.history.ranges;
		delete d.slow_ms;
		for (const s of d.services)
			for (const name of ['recent', 'spark', 'spark_p99_ns', 'slot', 'active'])
				delete s[name];
	}],
];

async function files(run, browser, dir) {
	for (const [what, content, sentence] of REFUSED)
		await run(`replay_refuses_${what.replaceAll(' ', '_')}`, null, async (page) => {
			await drop(page, typeof content === 'string' ? content : content());
			await until(`it says ${sentence}`, async () => sentence.test(await text(page, '#said-bad')));
			equal(await text(page, '#replay-host'), 'No snapshot is open', 'bar');
			await drop(page, json('calm'));
			await replaying(page);
		});
	for (const [what, change] of SHOWN)
		await run(`replay_survives_${what.replaceAll(' ', '_')}`, null, async (page) => {
			await drop(page, changed(change));
			await until('it is shown', async () => /^Replay of /.test(await text(page, '#replay-host')));
			for (const key of ['3', '5', '1', '2']) {
				await page.keyboard.press(key);
				await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
			}
			equal(await page.$$eval('img, script:not([src])', (nodes) => nodes.length), 0, 'elements made from names');
			assert((await page.$$('.services tbody tr')).length <= 512 && (await page.$$('.events tbody tr')).length <= 100, 'too many rows');
			const wide = await page.evaluate(() => document.documentElement.scrollWidth);
			assert(wide <= 1440, `${wide} px wide`);
		});
	await run('replay_opens_a_chosen_file_by_keyboard', null, async (page) => {
		const chooser = page.waitForEvent('filechooser');
		await page.evaluate('0'); // until then the browser knows that the chooser is ours
		await page.keyboard.press('o');
		await (await chooser).setFiles({ name: 'saved.json', mimeType: 'application/json', buffer: Buffer.from(json('errors')) });
		await replaying(page);
		await verdict(page, /api :3000 answers 52 % of its requests with errors/);
		equal(await page.getAttribute('#replay-time', 'title'), `${new Date(RECORDED_T + 3000).toISOString()}, saved.json`, 'moment and file');
		const again = page.waitForEvent('filechooser');
		await page.focus('#share-open');
		await page.keyboard.press('Enter');
		await page.focus('#open');
		await page.keyboard.press('Enter');
		await (await again).setFiles({ name: 'other.json', mimeType: 'application/json', buffer: Buffer.from(json('calm')) });
		await verdict(page, /^\s*All is well\./);
		assert(!(await text(page, '.events')).includes('502'), 'events of the other snapshot stayed');
	});
	await test('saved_snapshot_is_replayed_as_it_was_live', async () => {
		const feed = new Feed({ dir, scenario: 'errors', token: 'abc123' });
		const page = await open(browser, await feed.start());
		try {
			await live(page);
			await until('all cards', async () => (await card(page, 'latency')) !== '–');
			const saving = page.waitForEvent('download');
			await page.keyboard.press('s');
			const download = await saving;
			assert(/^rqscope-web-07-\d{8}T\d{6}Z\.json$/.test(download.suggestedFilename()), `called ${download.suggestedFilename()}`);
			await until('it says so', async () => /Snapshot saved, [\d.]+ (KiB|MiB)/.test(await text(page, '#said')));
			const saved = readFileSync(await download.path(), 'utf8');
			equal(JSON.parse(saved).schema, 'rqscope/snapshot/1', 'schema');
			await drop(page, saved);
			await replaying(page);
			equal(feed.clients.size, 0, 'connections of a page that replays');
			await verdict(page, /api :3000 answers 52 % of its requests with errors/);
			const again = page.waitForEvent('download');
			await page.click('#share-open');
			await page.click('#save');
			equal(readFileSync(await (await again).path(), 'utf8'), saved, 'the snapshot saved from its replay');
			await page.click('#replay-live');
			await live(page);
			assert(!(await page.isVisible('#replay')), 'the bar stays');
			assert(!page.complaints.length, `the page complained: ${page.complaints.join(' | ')}`);
		} finally {
			await page.close();
			await feed.stop();
		}
	});
	await test('snapshot_can_be_dropped_while_the_token_is_asked_for', async () => {
		const feed = new Feed({ dir, scenario: 'calm', token: 'abc123' });
		const page = await open(browser, (await feed.start()).split('#')[0]);
		try {
			await until('the question', () => page.isVisible('#ask-token'));
			await drop(page, 'nonsense');
			await until('a refusal', async () => /not JSON/.test(await text(page, '#ask-refusal')));
			await drop(page, json('calm'));
			await replaying(page);
			assert(!(await page.isVisible('#ask')), 'it still asks');
		} finally {
			await page.close();
			await feed.stop();
		}
	});
}

async function accessible(run) {
	const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
	for (const [scenario, dark] of [['slow', true], ['slow', false], [null, true]])
		await run(`axe_finds_nothing_replay_${scenario ?? 'empty'}_${dark ? 'dark' : 'light'}`, scenario, async (page) => {
			await page.click('#share-open');
			await shoot(page, `replay-menu-${scenario}-${dark ? 'dark' : 'light'}`);
			await page.evaluate(axe);
			const { violations } = await page.evaluate(() => window.axe.run());
			const found = violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`);
			assert(!found.length, found.join('; '));
		}, { dark });
}
