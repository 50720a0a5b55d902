// SPDX-License-Identifier: GPL-2.0-only
// feed_tests - every state of the page, played by the feed.
import { readFileSync } from 'node:fs';
import { Feed } from './feed.mjs';
import { scenarios } from './scenarios.mjs';
import { assert, card, equal, live, open, require, shoot, test, text, until } from './lib.mjs';

/** Serve @scenario, open it, run @check, and insist that the page had nothing to complain about. */
export async function play(browser, dir, scenario, check, options = {}) {
	const feed = new Feed({ dir, scenario, token: options.token ?? null });
	const url = await feed.start();
	let page = null;
	try {
		page = await open(browser, options.url?.(url) ?? url, options);
		if (!options.refused)
			await live(page);
		await check(page, feed);
		const complaints = page.complaints.filter((c) => !(options.expects?.test(c)));
		assert(!complaints.length, `the page complained: ${complaints.join(' | ')}`);
	} finally {
		await page?.close();
		await feed.stop();
	}
}

const verdict = (page, wanted) => until(`the verdict says ${wanted}`, async () => wanted.test(await text(page, '#verdict')));
const lost = /WebSocket connection|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/;

/** Rows of the latency heatmap that are painted in its last columns, as runs of pixels: [[from, to], ...]. */
const runs = (page) => page.evaluate(() => {
	const { width, height, read } = window.chartPixels('latency');
	const rows = new Array(height).fill(0);
	const data = read(width - 60, 0, 60, height);
	for (let y = 0; y < height; y++)
		for (let x = 0; x < 60; x++) {
			const [r, g] = data.subarray((y * 60 + x) * 4);
			if (r > 60 && g > 150)
				rows[y]++;
		}
	const found = [];
	let from = -1;
	for (let y = 0; y <= height; y++) {
		const on = y < height && rows[y] > 20;
		if (on && from < 0)
			from = y;
		if (!on && from >= 0) {
			const last = found.at(-1);
			if (last && from - last[1] < height / 12)
				last[1] = y; // a line and its halo, not a gap
			else if (y - from >= 6)
				found.push([from, y]);
			from = -1;
		}
	}
	return found;
});

export async function feedTests(browser, dir) {
	const run = (name, scenario, check, options) => test(name, () => play(browser, dir, scenario, check, options));

	for (const dark of [true, false])
		for (const [width, height] of [[1440, 1150], [1024, 900], [390, 844]])
			await run(`page_shows_a_slow_host_${width}_${dark ? 'dark' : 'light'}`, 'slow', async (page) => {
				await verdict(page, /nginx :8080 is slow\. +p99 .* threads wait for a CPU/);
				await until('a service', () => page.$('.services tbody tr'));
				await until('all cards', async () => (await card(page, 'latency')) !== '–');
				const wide = await page.evaluate(() => document.documentElement.scrollWidth);
				assert(wide <= width, `the page is ${wide} px wide in a window of ${width}`);
				if (width === 1440) {
					const high = await page.evaluate(() => document.documentElement.scrollHeight);
					assert(high <= height, `the page is ${high} px high, more than one screen`);
				}
				await shoot(page, `feed-slow-${width}-${dark ? 'dark' : 'light'}`);
			}, { width, height, dark });

	await run('page_tells_two_populations_apart', 'slow', async (page) => {
		await until('two bands in the heatmap', async () => (await runs(page)).length === 2);
	});
	await run('page_says_that_all_is_well', 'calm', async (page) => {
		await verdict(page, /^\s*All is well\./);
		equal((await runs(page)).length, 1, 'bands in the heatmap');
		await shoot(page, 'feed-calm');
	});
	await run('page_names_the_service_with_errors', 'errors', async (page) => {
		await verdict(page, /api :3000 answers 52 % of its requests with errors/);
		await until('the card says many', async () => (await card(page, 'errors', '.word')) === 'many', 16e3);
		await shoot(page, 'feed-errors');
	});
	await run('page_says_what_to_do_without_traffic', 'idle', async (page, feed) => {
		await verdict(page, /Waiting for the first HTTP request/);
		assert(/curl http:\/\/127/.test(await text(page, '.s-latency .note')), 'no command to copy');
		await shoot(page, 'feed-idle');
		feed.host.now = { ...scenarios.calm(), attachedForMs: 0 };
		feed.host.totals = feed.host.now.services.map(() => ({ requests: 1, errors: 0 }));
		await until('the advice goes away', async () => !(await page.isVisible('.s-latency .note')));
	});
	await run('page_tells_of_tls_only', 'tls', async (page) => {
		await verdict(page, /212 TLS and 3 HTTP\/2 connections were seen/);
		assert(/212 TLS connections/.test(await text(page, '#footer')), 'the footer is silent');
		assert(/3\.1 ms\/s in BPF/.test(await text(page, '#footer')), 'the footer does not tell what the programs cost');
	});
	await run('page_names_a_probe_that_is_off', 'probeOff', async (page) => {
		await verdict(page, /HTTP requests are not measured\. +This kernel \(5\.10\)/);
		assert(/HTTP is not measured/.test(await text(page, '.s-latency .note')), 'no note in the chart');
		equal(await card(page, 'requests'), '–', 'requests');
		equal(await card(page, 'memory', '.word'), 'roomy', 'memory');
		await shoot(page, 'feed-probe-off');
	});
	await run('page_shows_percentiles_where_the_split_is_unknown', 'withoutSplit', async (page) => {
		await until('the other chart', async () => (await text(page, '.s-split h2 span')) === 'Percentiles');
		assert(/can.t be told/.test(await text(page, '.s-split .readout')), 'it does not say why');
	});
	await run('page_warns_of_memory', 'tight', (page) => verdict(page, /Memory is nearly full/), { width: 390, height: 844 });
	await crowd(run);
	await connection(run, browser, dir);
	await controls(run);
	await accessibility(run);
}

async function crowd(run) {
	await run('page_holds_60_services_and_hostile_names', 'crowd', async (page) => {
		await until('60 rows', async () => (await page.$$('.services tbody tr')).length === 60);
		equal(await page.$$eval('img, script:not([src])', (nodes) => nodes.length), 0, 'elements made from names');
		assert((await page.title()).endsWith('rqscope'), 'a name ran as script');
		assert((await text(page, '.services tbody')).includes('<img src=x onerror'), 'the name is not shown as it is');
		const widths = await page.$$eval('.services table, .services .scroll', (nodes) => nodes.map((n) => n.scrollWidth - n.clientWidth));
		assert(widths.every((w) => w <= 0), `a name widened the table by ${widths} px`);
		const rows = await page.$eval('.services .scroll', (n) => n.clientHeight / 28);
		assert(rows <= 13.5, `${rows} rows high`);
		await page.click('.services th:first-child button');
		const names = await page.$$eval('.services tbody tr td:first-child b', (nodes) => nodes.map((n) => n.textContent));
		assert(names.every((n, k) => !k || names[k - 1].localeCompare(n) <= 0), 'not sorted by name');
		equal(await page.getAttribute('.services th:first-child', 'aria-sort'), 'ascending', 'aria-sort');
		await shoot(page, 'feed-crowd');
	});
	await run('page_keeps_100_events_newest_first', 'crowd', async (page, feed) => {
		for (let k = 0; k < 130; k++) {
			feed.host.events.push({ seq: ++feed.host.eventSeq, t: feed.host.lastT, level: 'info', kind: 'service_start', service: `s${k}`, text: 'answers' });
			feed.host.events = feed.host.events.slice(-100);
		}
		await until('the newest event', async () => (await page.$$eval('.events tbody tr', (rows) => rows.slice(0, 40).map((r) => r.textContent).join())).includes('s129'));
		equal((await page.$$('.events tbody tr')).length, 100, 'events');
	});
}

async function connection(run, browser, dir) {
	await run('page_comes_back_after_a_lost_connection', 'calm', async (page, feed) => {
		await feed.stop();
		await until('it says so', async () => /Connection lost since \d\d:\d\d/.test(await text(page, '#verdict')));
		equal(await page.getAttribute('#main', 'data-link'), 'lost', 'the picture');
		await shoot(page, 'feed-lost');
		await until('it counts down', async () => /Reconnecting in \d+ s/.test(await text(page, '#pill')));
		await feed.start();
		await live(page);
		equal(await page.getAttribute('#main', 'data-link'), 'open', 'the picture');
	}, { expects: lost });
	await run('page_pauses_longer_after_each_attempt', 'calm', async (page, feed) => {
		await page.evaluate(() => {
			const real = window.WebSocket;
			window.attempts = [];
			window.WebSocket = class extends real {
				constructor(...args) {
					super(...args);
					window.attempts.push(performance.now());
				}
			};
		});
		await feed.stop();
		const times = await until('four attempts', async () => {
			const all = await page.evaluate(() => window.attempts);
			return all.length >= 4 ? all : null;
		}, 20e3);
		const pauses = times.slice(1).map((t, k) => t - times[k]);
		assert(pauses[1] > pauses[0] * 1.1 && pauses[2] > pauses[1] * 1.1, `pauses of ${pauses.map(Math.round)} ms`);
		await feed.start();
	}, { expects: lost });
	await run('page_says_that_rqscope_was_restarted', 'calm', async (page, feed) => {
		await feed.stop();
		feed.restart();
		await feed.start();
		await until('restarted', async () => (await text(page, '#pill')) === 'rqscope was restarted');
	}, { expects: lost });
	await run('page_tells_an_upgrade_from_a_restart', 'calm', async (page, feed) => {
		await feed.stop();
		feed.restart('calm', '0.2.0');
		await feed.start();
		await until('upgraded', async () => (await text(page, '#pill')) === 'rqscope was upgraded to 0.2.0');
		await feed.stop();
		feed.restart();
		await feed.start();
		await until('restarted', async () => (await text(page, '#pill')) === 'rqscope was restarted');
	}, { expects: lost });
	await run('page_tells_silence_from_life', 'calm', async (page, feed) => {
		feed.silent = true;
		await until('stale', async () => (await page.getAttribute('#pill', 'data-state')) === 'stale');
		feed.silent = false;
		await live(page);
	});
	await run('page_takes_the_token_from_the_address_and_clears_it', 'calm', async (page) => {
		assert(!page.url().includes('token'), `the address is ${page.url()}`);
		equal(await page.evaluate(() => sessionStorage.getItem('rqscope.token')), 'abc123', 'kept token');
		await page.reload();
		await live(page);
	}, { token: 'abc123' });
	await run('page_asks_for_a_token', 'calm', async (page) => {
		await until('the question', () => page.isVisible('#ask-token'));
		await page.fill('#ask-token', 'wrong');
		await page.click('#ask .primary');
		await until('a refusal', async () => /not accepted/.test(await text(page, '#ask-refusal')));
		await shoot(page, 'feed-token');
		await page.fill('#ask-token', 'has spaces');
		await page.click('#ask .primary');
		await until('a refusal', async () => /not accepted/.test(await text(page, '#ask-refusal')));
		await page.fill('#ask-token', 'abc123');
		await page.click('#ask .primary');
		await live(page);
		assert(!(await page.isVisible('#ask')), 'it still asks');
	}, { token: 'abc123', url: (url) => url.split('#')[0], refused: true, expects: lost });
}

async function controls(run) {
	await run('space_stops_the_picture_and_nothing_else', 'slow', async (page) => {
		const picture = () => page.evaluate(() => document.querySelector('canvas.sheet').toDataURL());
		await page.keyboard.press(' ');
		await until('paused', async () => /Paused/.test(await text(page, '#pill')));
		const before = await picture();
		await until('it falls behind', async () => /Paused, [3-9] s behind/.test(await text(page, '#pill')));
		assert((await picture()) === before, 'the picture moved');
		await shoot(page, 'feed-paused');
		await page.keyboard.press(' ');
		await live(page);
		await until('it goes on', async () => (await picture()) !== before);
	});
	await run('ranges_ask_for_as_many_points_as_fit', 'calm', async (page, feed) => {
		for (const [key, rangeMs] of [['3', 600e3], ['4', 3600e3], ['5', 21600e3]]) {
			feed.asked.length = 0;
			await page.keyboard.press(key);
			const asked = await until(`a question for ${rangeMs} ms`, () => feed.asked.find((m) => m.type === 'history' && m.points > 1 && m.to_ms - m.from_ms >= Math.min(rangeMs, feed.host.lastT - feed.host.attachedT) * 0.99));
			assert(asked.points >= 200 && asked.points <= 1200, `${asked.points} points`);
			await until('the picture', () => page.evaluate(() => {
				const { width, height, read } = window.chartPixels('status');
				return read(Math.floor(width * 0.75), height - 2, 1, 1)[3] > 0;
			}));
		}
		await page.keyboard.press('1');
		await until('the shortest range', async () => (await text(page, '.seg [aria-pressed="true"]')) === '6 s');
		await page.reload();
		await live(page);
		equal(await text(page, '.seg [aria-pressed="true"]'), '6 s', 'range after a reload');
	});
	await run('update_rate_is_told_to_the_server', 'calm', async (page, feed) => {
		await page.selectOption('#rate', '100');
		await until('subscribed', () => feed.asked.some((m) => m.type === 'subscribe' && m.rate_ms === 100));
		await until('the pill', async () => (await text(page, '#pill')) === 'Live, 100 ms');
	});
	await run('crosshair_shows_one_moment_in_all_charts', 'slow', async (page) => {
		const box = await page.locator('.s-latency .plot').boundingBox();
		await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5);
		await until('a tooltip', () => page.isVisible('.tip'));
		assert(/^\d\d:\d\d:\d\d/.test(await text(page, '.hair time')), 'no time');
		assert(/requests, .+ to .+/.test(await text(page, '.tip .cell')), 'no cell');
		assert(/ms|µs/.test(await text(page, '.s-split .row:nth-of-type(1) b')), 'no value beside another chart');
		await shoot(page, 'feed-crosshair');
		await page.mouse.move(5, 5);
		await until('it goes', async () => !(await page.isVisible('.tip')));
	});
	await run('keyboard_reaches_everything', 'slow', async (page) => {
		await page.keyboard.press('?');
		assert(await page.isVisible('#help'), 'no help');
		await page.keyboard.press('Escape');
		await page.keyboard.press('c');
		await page.keyboard.press('ArrowLeft');
		await until('a crosshair', () => page.isVisible('.hair'));
		const before = await text(page, '.hair time');
		for (let k = 0; k < 20; k++)
			await page.keyboard.press('Shift+ArrowLeft');
		await until('it moved', async () => (await text(page, '.hair time')) !== before);
		await page.keyboard.press('Escape');
		await until('it let go', async () => !(await page.isVisible('.hair')));
		const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
		const dark = await colour();
		await page.keyboard.press('t');
		await until('the light theme', async () => (await colour()) !== dark);
	});
	await run('hidden_tab_draws_nothing_and_catches_up', 'slow', async (page, feed) => {
		await page.evaluate(() => {
			Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.away });
			window.away = true;
			window.changes = 0;
			document.dispatchEvent(new Event('visibilitychange'));
		});
		await until('a slower rate', () => feed.asked.at(-1)?.rate_ms === 1000);
		// What was on its way to the screen when the tab was hidden may still arrive: two frames later it has.
		await page.evaluate(() => new Promise((ready) => requestAnimationFrame(() => requestAnimationFrame(() => {
			new MutationObserver((all) => (window.changes += all.length)).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
			const put = CanvasRenderingContext2D.prototype.putImageData;
			CanvasRenderingContext2D.prototype.putImageData = function (...args) {
				window.changes++;
				return put.apply(this, args);
			};
			ready();
		}))));
		const seq = feed.host.seq;
		await until('25 windows', () => feed.host.seq >= seq + 25);
		equal(await page.evaluate(() => window.changes), 0, 'changes while hidden');
		await page.evaluate(() => {
			window.away = false;
			document.dispatchEvent(new Event('visibilitychange'));
		});
		await until('drawing', () => page.evaluate(() => window.changes > 5));
		await live(page);
	});
}

async function accessibility(run) {
	const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
	for (const [scenario, dark, key] of [['slow', true], ['slow', false], ['slow', true, 'd'], ['slow', false, 'ArrowLeft'], ['idle', true], ['crowd', false]])
		await run(`axe_finds_nothing_${scenario}_${dark ? 'dark' : 'light'}${key ? `_after_${key}` : ''}`, scenario, async (page) => {
			await until('services or advice', () => page.$('.services tbody tr, .note h3'));
			await page.evaluate(axe);
			if (key)
				await page.keyboard.press(key);
			const { violations } = await page.evaluate(() => window.axe.run());
			const found = violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`);
			assert(!found.length, found.join('; '));
		}, { dark });
}
