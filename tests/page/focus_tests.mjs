// SPDX-License-Identifier: GPL-2.0-only
// focus_tests - one service alone: all that the page shows is of it, or says that it is not; and the ways in and out.
import { readFileSync } from 'node:fs';
import { Feed } from './feed.mjs';
import { play } from './feed_tests.mjs';
import { copied } from './link_tests.mjs';
import { drop, replaying } from './replay_tests.mjs';
import { recording } from './recording.mjs';
import { assert, card, equal, live, number, open, require, shoot, test, text, until } from './lib.mjs';

const row = (name) => `.services tbody tr:has-text("${name}")`;
const alone = (page, name) => until(`${name} alone`, async () => (await page.isVisible('#only')) && (await text(page, '#only-name')) === name);
const all = (page) => until('all services', async () => !(await page.isVisible('#only')) && (await page.isVisible('.services tbody tr')));
const rate = async (page) => number(await card(page, 'requests'));
const verdict = (page, wanted) => until(`the verdict says ${wanted}`, async () => wanted.test(await text(page, '#verdict')));

/** What stands beside a chart, by the name of the row. */
const beside = (page, strip) => page.$$eval(`.s-${strip} .readout .row`, (rows) => Object.fromEntries(rows.map((r) => [r.querySelector('span').textContent, r.querySelector('b').textContent])));

/** Shares of a chart's columns in which something is painted. */
const painted = (page, strip) => page.evaluate((id) => {
	const { width, height, read } = window.chartPixels(id), data = read(0, height - 2, width, 1);
	let n = 0;
	for (let x = 0; x < width; x++)
		n += data[x * 4 + 3] !== 0;
	return n / width;
}, strip);

/** What the last watch asked for. */
const watched = (feed) => feed.asked.findLast((m) => m.type === 'watch')?.slot;

async function services(page) {
	await until('services', () => page.isVisible('.services tbody tr'));
}

export async function focusTests(browser, dir) {
	const run = (name, scenario, check, options) => test(name, () => play(browser, dir, scenario, check, options));
	await shown(run);
	await ways(run);
	await going(run);
	await replayed(browser, dir);
	await looks(run);
}

/** With the real program: what it tells of one service, and no other, is what that service was asked. */
export async function focusProgramTests(browser, withProgram) {
	await test('program_page_shows_one_service_alone', () => withProgram(browser, async (page, program, web) => {
		const told = [];
		page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => /^\{"type":"(service_windows|error)/.test(String(payload)) && told.push(JSON.parse(payload))));
		await page.reload();
		await live(page);
		const ask = async (n) => {
			for (let k = 0; k < n; k++)
				await web.ask(k % 10 === 0 ? '/error' : `/users/${1000 + k}`);
		};
		await ask(40);
		const one = `.services tbody tr:has-text(":${web.port}"):not(:has-text("asks"))`;
		await until('its row', async () => (await page.$(one)) && (await page.textContent(`${one} td:nth-child(2)`)) === '40');
		await page.click(one);
		await until('it alone', () => page.isVisible('#only'));
		await until('its windows', () => told.some((m) => m.type === 'service_windows'));
		await ask(60);
		const rows = await until('all 100 requests in its routes', async () => {
			const all = await page.$$eval('.routes tbody tr', (trs) => trs.map((tr) => [...tr.cells].map((c) => c.textContent.trim())));
			return all.reduce((sum, r) => sum + number(r[2]), 0) === 100 && all;
		});
		equal(rows.map((r) => r.slice(0, 3).join(' ')).sort().join(), 'GET /error 10,GET /users/:id 90', 'routes');
		equal(rows.find((r) => r[1] === '/error')[4], '100 %', 'errors of a route');
		const sum = (name) => told.reduce((n, m) => n + (m.columns?.[name] ?? []).reduce((a, b) => a + b, 0), 0);
		await until('the 60 requests since in its windows', () => sum('service.requests') === 60);
		equal(sum('service.status_5xx'), 6, 'errors in its windows');
		const before = await until('those before in its picture too', () => page.evaluate(() => {
			const { width, height, read } = window.chartPixels('status');
			return read(0, height - 2, width, 1).some((x, k) => k % 4 === 3 && x);
		}));
		assert(before, 'nothing is painted');
		assert(!told.some((m) => m.type === 'error'), `errors: ${JSON.stringify(told.find((m) => m.type === 'error'))}`);
		await page.keyboard.press('3');
		await until('ten minutes of it', async () => /min/.test(await text(page, '.seg [aria-pressed="true"]')) && (await painted(page, 'status')) > 0);
		await shoot(page, 'program-focus');
		await page.keyboard.press('Escape');
		await all(page);
		told.length = 0;
		await page.click(`.services tbody tr:has-text("asks :${web.port}")`);
		await until('who asks, alone', async () => new RegExp(` asking :${web.port}$`).test(await text(page, '#only-name')));
		const link = await copied(page, () => page.keyboard.press('y'));
		assert(new RegExp(`port=${web.port}&role=client`).test(link) && !link.includes('token'), link);
		await until('its windows', () => told.some((m) => m.type === 'service_windows'));
		await ask(20);
		await until('the 20 requests that it sent since', () => sum('service.requests') === 20);
	}), 60e3);
}

async function shown(run) {
	await run('focus_shows_numbers_charts_events_and_routes_of_one_service', 'slow', async (page, feed) => {
		await services(page);
		const host = await until('the host\'s rate', async () => (await rate(page)) || null);
		await page.click(row('api'));
		await alone(page, 'api :3000');
		equal(watched(feed), 2, 'slot that is watched');
		equal(await page.title(), 'api :3000 · web-07 · rqscope', 'title');
		equal(await text(page, '#only-where'), 'pod-6f9', 'container');
		await until('its rate', async () => Math.abs((await rate(page)) / host - 0.24) < 0.03);
		await until('its verdict', async () => /^\s*(api :3000 is|The run queue is crowded)/.test(await text(page, '#verdict')));
		equal(await text(page, '[data-card="queue"] h2 span'), 'Host queue', 'a card of the host');
		equal(await text(page, '[data-card="requests"] h2 span'), 'Requests', 'a card of the service');
		equal(await text(page, '.s-wait h2 span'), 'Host run queue', 'a chart of the host');
		await until('a whole minute of it', async () => (await painted(page, 'status')) > 0.99);
		const status = await until('its responses', async () => {
			const all = await beside(page, 'status'), sum = Object.values(all).reduce((n, t) => n + number(t.replace('/s', '')), 0);
			return Math.abs(sum / host - 0.24) < 0.03 && all;
		});
		assert(number(status['2xx'].replace('/s', '')) > 1000, `2xx ${status['2xx']}`);
		const p99 = (await beside(page, 'latency')).p99;
		assert(parseFloat(p99) > 10 && parseFloat(p99) < 30 && p99.endsWith('ms'), `p99 of a service that is not slow: ${p99}`);
		const events = await page.$$eval('.events tbody tr', (rows) => rows.map((r) => r.textContent));
		assert(events.length >= 1 && events.every((e) => /api :3000/.test(e)), `events of others: ${events}`);
		const paths = await until('its routes', async () => {
			const found = await page.$$eval('.routes tbody td:nth-child(2)', (cells) => cells.map((c) => c.textContent));
			return found.length === 6 && found;
		});
		equal(paths.join(), '/users/:id,/search,/orders,/static/*,/carts/:id/items/:id,other', 'routes, the busiest first');
		assert(!(await page.isVisible('.services')), 'the table of services is still there');
		await page.keyboard.press('Escape');
		await all(page);
		equal(watched(feed), null, 'slot that is watched');
		await until('the host\'s rate again', async () => Math.abs((await rate(page)) / host - 1) < 0.1);
		equal(await text(page, '[data-card="queue"] h2 span'), 'Run queue', 'a card of the host');
		equal(await text(page, '.s-wait h2 span'), 'Run-queue latency', 'a chart of the host');
	});
	await run('events_of_one_service_are_not_those_of_its_namesakes', 'twins', async (page) => {
		await services(page);
		for (const [title, mine] of [['blue', 'web :80 blue POST /blue 502 after 31 ms|web :80 blue GET /blue 502 after 31 ms'], ['green', 'web :80 green GET /green 502 after 31 ms'],
			['asks', 'web asking :80 green GET /asked 502 after 31 ms']]) {
			await page.click(`.services tbody tr:has-text("${title}")${title === 'green' ? ':not(:has-text("asks"))' : ''}`);
			await until(`only its events: ${title}`, async () => (await page.$$eval('.events tbody td:last-child', (cells) => cells.map((c) => c.textContent.replace(/ +/g, ' ').trim()))).join('|') === mine);
			await page.keyboard.press('Escape');
			await all(page);
		}
	});
	await run('routes_are_sorted_by_each_column_and_other_stays_last', 'slow', async (page, feed) => {
		await services(page);
		await page.click(row('nginx'));
		await until('routes', async () => (await page.$$('.routes tbody tr')).length === 6);
		feed.silent = true;
		const paths = () => page.$$eval('.routes tbody td:nth-child(2)', (cells) => cells.map((c) => c.textContent));
		for (const [title, first] of [['path', '/carts/:id/items/:id'], ['requests', '/users/:id'], ['p99', '/search'], ['5xx', '/search'], ['method', '/carts/:id/items/:id'], ['req/s', '/users/:id']]) {
			await page.focus(`.routes th:has-text("${title}") button`);
			await page.keyboard.press('Enter');
			const order = await paths();
			equal(order.at(-1), 'other', `last by ${title}`);
			equal(order[0], first, `first by ${title}`);
			assert(/ing$/.test(await page.getAttribute(`.routes th:has-text("${title}")`, 'aria-sort')), 'aria-sort');
		}
		await until('the page notices the silence', async () => (await page.getAttribute('#pill', 'data-state')) === 'stale');
	});
	await run('focus_looks_as_far_back_as_is_known_of_a_service', 'calm', async (page, feed) => {
		await services(page);
		await page.click(row('gunicorn'));
		await alone(page, 'gunicorn :8000');
		for (const [key, rangeMs, share] of [['3', 600e3, 1], ['4', 3600e3, 1 / 6]]) {
			await page.keyboard.press(key);
			await until(`${rangeMs} ms of it`, async () => Math.abs((await painted(page, 'status')) - share) < 0.04);
			const asked = feed.asked.filter((m) => m.type === 'history' && m.slot === 3).at(-1);
			assert(asked.points > 1 && asked.points <= 1200, `${asked.points} points`);
		}
		assert(/10 min are kept of it/.test(await text(page, '.began')), 'it does not say why');
		await shoot(page, 'focus-1h');
		await page.keyboard.press('1');
		await until('six seconds', async () => (await painted(page, 'status')) > 0.97);
	});
	await run('focus_joins_seconds_and_ticks_without_gap', 'trickle', async (page, feed) => {
		feed.host.now.secondsOnly = true;
		await services(page);
		await page.click(row('nginx'));
		await alone(page, 'nginx :8080');
		await until('no gap', async () => (await painted(page, 'status')) > 0.985, 15e3);
	});
	await run('charts_of_one_service_leave_under_its_name', 'slow', async (page) => {
		await services(page);
		await page.click(row('api'));
		await until('its minute', async () => (await painted(page, 'status')) > 0.99);
		for (const [title, whose] of [['Request latency', 'web-07, api :3000, '], ['Memory', 'web-07, 2']]) {
			const saving = page.waitForEvent('download');
			await page.click('#share-open');
			await page.click(`#charts button:text-is("${title}")`);
			const spec = JSON.parse(readFileSync(await (await saving).path(), 'utf8'));
			assert(spec.title.subtitle.startsWith(whose), `${title}: ${spec.title.subtitle}`);
		}
		for (const [strip, whose] of [['status', 'Responses by status of api :3000,'], ['wait', 'Host run queue of the whole host,']]) {
			await page.click(`.s-${strip} .as-table`);
			await until(`the table of ${whose}`, async () => (await text(page, '#table-caption')).startsWith(whose));
			assert((await page.$$('#table-body tr')).length >= 50, 'too few rows');
			await page.keyboard.press('Escape');
		}
		assert(number((await beside(page, 'status'))['2xx'].replace('/s', '')) > 1000, 'responses');
	});
	await run('focus_in_the_past_is_of_the_service_too', 'slow', async (page) => {
		await services(page);
		await page.click(row('gunicorn'));
		await alone(page, 'gunicorn :8000');
		await page.keyboard.press('Shift+ArrowLeft');
		await page.keyboard.press('Shift+ArrowLeft');
		await until('its past', async () => (await painted(page, 'status')) > 0.97 && /behind/.test(await text(page, '#pill')));
		const box = await page.locator('.s-status .data').boundingBox();
		await page.mouse.move(box.x + box.width / 2, box.y + 5);
		const at = await until('numbers under the crosshair', async () => number((await beside(page, 'status'))['2xx'].replace('/s', '')) || null);
		assert(at > 800 && at < 1300, `${at} responses a second`);
	});
	await run('focus_while_paused_shows_the_service_and_stands_still', 'slow', async (page) => {
		await services(page);
		const host = await until('the host\'s rate', async () => (await rate(page)) || null);
		await page.keyboard.press(' ');
		await until('paused', async () => /^Paused/.test(await text(page, '#pill')));
		await page.click(row('gunicorn'));
		await until('its rate', async () => Math.abs((await rate(page)) / host - 0.06) < 0.02);
		await until('its minute', async () => (await painted(page, 'status')) > 0.97);
		await until('its routes', async () => (await page.$$('.routes tbody tr')).length === 6);
	});
}

async function ways(run) {
	await run('focus_is_reached_and_left_by_keys', 'slow', async (page, feed) => {
		await services(page);
		await page.keyboard.press('/');
		await page.keyboard.press('ArrowDown');
		await page.keyboard.press('Enter');
		await alone(page, 'api :3000');
		await page.keyboard.press(']');
		await alone(page, 'gunicorn :8000');
		equal(await until('it is watched', () => watched(feed)), 3, 'slot');
		await page.keyboard.press('[');
		await page.keyboard.press('[');
		await alone(page, 'nginx :8080');
		await page.keyboard.press('ArrowLeft');
		await until('the past', async () => /behind/.test(await text(page, '#pill')));
		await page.keyboard.press('Escape');
		await live(page);
		await alone(page, 'nginx :8080');
		await page.keyboard.press('Escape');
		await all(page);
		await page.keyboard.press('[');
		await alone(page, 'nginx :8080');
		await page.click('#only');
		await all(page);
		await page.keyboard.press('[');
		await alone(page, 'nginx :8080');
		await page.click('#routes .chip');
		await all(page);
		await page.keyboard.press('[');
		await alone(page, 'nginx :8080');
		await page.keyboard.press('/');
		await all(page);
		equal(await until('a row', () => page.evaluate(() => document.activeElement.querySelector('b')?.textContent)), 'api', 'row that / goes to: the last one');
	});
	await run('browser_goes_back_to_all_services', 'slow', async (page, feed) => {
		await services(page);
		await page.click(row('api'));
		await alone(page, 'api :3000');
		await page.keyboard.press(']');
		await alone(page, 'gunicorn :8000');
		await page.keyboard.press('3');
		await until('the range is in the address', () => page.evaluate(() => localStorage.getItem('rqscope.range_ms') === '600000'));
		await page.goBack();
		await alone(page, 'api :3000');
		await page.goBack();
		await all(page);
		await page.goForward();
		await alone(page, 'api :3000');
		equal(await until('it is watched', () => watched(feed)), 2, 'slot');
		equal(feed.clients.size, 1, 'connections');
	});
	await run('link_holds_the_service', 'slow', async (page, feed) => {
		await services(page);
		await page.click(row('api'));
		await until('routes', () => page.$('.routes tbody tr'));
		await page.click('.routes th:has-text("p99") button');
		const link = await copied(page, () => page.keyboard.press('y'));
		assert(/service=api&port=3000&role=server&container=pod-6f9&sort=-rate&routes=-p99$/.test(link), link);
		await until('the address has it too', () => page.url().includes('service=api'));
		feed.host.now.services.reverse(); // another slot, as after a restart
		await page.goto('about:blank');
		await page.goto(link);
		await alone(page, 'api :3000');
		await until('its routes', () => page.$('.routes tbody tr'));
		equal(await page.getAttribute('.routes th:has-text("p99")', 'aria-sort'), 'descending', 'order of routes');
		assert(/[/]search/.test(await text(page, '.routes tbody tr')), 'first route');
		await page.evaluate(() => (location.hash = 'last=60'));
		await all(page);
	});
	await run('link_to_a_service_that_is_not_there_says_so', 'calm', async (page, feed) => {
		await verdict(page, /caddy :2015 is not there\..+rqscope has not seen it/);
		equal(await card(page, 'requests'), '–', 'requests');
		feed.host.now.services.push({ name: 'caddy', port: 2015, share: 0.1, errors: 0 });
		feed.host.totals.push({ requests: 5, errors: 0 });
		await verdict(page, /caddy :2015 is well/);
		await until('its routes', () => page.$('.routes tbody tr'));
	}, { url: (url) => `${url}#service=caddy&port=2015` });
}

async function going(run) {
	const lost = /WebSocket connection|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/;
	await run('service_that_ends_is_told_and_comes_back', 'slow', async (page, feed) => {
		await services(page);
		await page.click(row('gunicorn'));
		await until('its minute', async () => (await painted(page, 'status')) > 0.97);
		const own = feed.host.now.services[2];
		feed.host.now.services[2] = { ...own, share: 0, active: false };
		await verdict(page, /gunicorn :8000 has ended\. +None of its programs is left/);
		feed.host.now.services[2] = own;
		await until('it goes on', async () => !/has ended/.test(await text(page, '#verdict')));
		feed.replace(3, { name: 'redis-http', port: 7000, share: 0.1, errors: 0 });
		await verdict(page, /gunicorn :8000 is gone\..+comes back here by itself/);
		equal(await card(page, 'requests'), '–', 'requests');
		await until('what it did is still shown', async () => (await painted(page, 'status')) > 0.5);
		await until('its end is a gap, not a line', async () => (await beside(page, 'status'))['2xx'] === '–');
		await shoot(page, 'focus-gone');
		feed.host.now.services.push({ name: 'gunicorn', port: 8000, share: 0.06, errors: 0 });
		feed.host.totals.push({ requests: 5, errors: 0 });
		await until('it is watched at its new place', () => watched(feed) === 4);
		await until('numbers again', async () => (await rate(page)) > 500);
		feed.replace(4, null);
		await verdict(page, /gunicorn :8000 is gone/);
		await page.click('#verdict-all');
		await all(page);
	});
	await run('service_of_which_nothing_is_counted_is_said_and_asked_for_again', 'slow', async (page, feed) => {
		await services(page);
		feed.refuses = true;
		await page.click(row('api'));
		await until('a sentence', async () => /nothing is counted in its place.+asked again each second/.test(await text(page, '#routes .empty')));
		await until('it asks again', () => feed.asked.filter((m) => m.type === 'watch' && m.slot === 2).length >= 3);
		await shoot(page, 'focus-refused');
		feed.refuses = false;
		await until('its routes', async () => (await page.$$('.routes tbody tr')).length === 6);
	});
	await run('service_that_has_ended_is_listed_without_a_slot', 'slow', async (page, feed) => {
		await services(page);
		const { services: list } = feed.host.now;
		list.push({ name: 'gunicorn', port: 8000, container: 'old', share: 0.05, errors: 0, active: false, noSlot: true });
		feed.host.totals.push({ requests: 5, errors: 0 });
		await page.click(row('old'));
		await verdict(page, /gunicorn :8000 is gone\. +It ended, and its place is another's now/);
		equal(await text(page, '#routes .empty'), 'It is not there.', 'routes');
		await page.keyboard.press('f');
		await until('none of it in flight', async () => /None of the 50 oldest requests is of gunicorn/.test(await text(page, '#inflight .empty')));
		assert(!feed.asked.some((m) => m.type === 'watch' && m.slot !== null), 'it is watched');
		delete list[3].noSlot;
		await until('it is watched at its place', () => watched(feed) === 4);
	});
	await run('service_is_found_again_after_a_restart', 'slow', async (page, feed) => {
		await services(page);
		await page.click(row('api'));
		await alone(page, 'api :3000');
		await until('numbers', async () => (await rate(page)) > 500);
		await feed.stop();
		feed.restart();
		const { services: list } = feed.host.now;
		const [api] = list.splice(1, 1);
		feed.host.totals = list.map(() => ({ requests: 1, errors: 0 }));
		await feed.start();
		await verdict(page, /api :3000 is not there\. +rqscope was restarted and has not seen it since/);
		list.push(api);
		feed.host.totals.push({ requests: 1, errors: 0 });
		await until('it is watched at its new place', () => watched(feed) === 3);
		await until('numbers again', async () => (await rate(page)) > 500);
		assert(!/not there/.test(await text(page, '#verdict')), 'it still says that it is not there');
	}, { expects: lost });
	await run('focus_without_windows_by_service_shows_what_there_is', 'calm', async (page, feed) => {
		feed.host.now.withoutServiceWindows = true;
		await page.reload();
		await live(page);
		await services(page);
		await page.click(row('api'));
		await until('it says what is not told', async () => /does not tell this of api :3000 alone/.test(await text(page, '.s-split .note')));
		await until('p99 of the last minute', async () => /ms$/.test((await beside(page, 'latency')).p99));
		await until('its routes', () => page.$('.routes tbody tr'));
		assert(!feed.asked.some((m) => m.type === 'history' && m.slot), 'it asks for what there is not');
	});
}

async function replayed(browser, dir) {
	await test('focus_in_a_replay_shows_what_the_snapshot_has_and_says_what_not', async () => {
		const feed = new Feed({ dir, scenario: 'idle', token: 'nobody-has-it' });
		const page = await open(browser, `${(await feed.start()).split('#')[0]}#replay`);
		try {
			await drop(page, JSON.stringify(recording('slow')));
			await replaying(page);
			await page.click(row('nginx'));
			await alone(page, 'nginx :8080');
			await until('it says what is not held', async () => /snapshot does not hold this of nginx :8080 alone/.test(await text(page, '.s-split .note')));
			await until('p99 of the last minute', async () => / ms$/.test((await beside(page, 'latency')).p99));
			assert(/^1[23],\d\d\d$/.test(await card(page, 'requests')), `${await card(page, 'requests')} requests a second`);
			await until('its routes', async () => (await page.$$('.routes tbody tr')).length === 6);
			assert(/5 routes, numbers since attaching/.test(await text(page, '.routes h2')), 'since when');
			await until('what is said goes', async () => (await text(page, '#said')) === '', 15e3);
			await shoot(page, 'focus-replay');
			await page.keyboard.press('y');
			await until('a link can not hold it', async () => /A link cannot hold a snapshot/.test(await text(page, '#said-bad')));
			await page.keyboard.press('Escape');
			await all(page);
			equal(feed.asked.length, 0, 'messages to the server');
			assert(!page.complaints.length, `the page complained: ${page.complaints.join(' | ')}`);
		} finally {
			await page.close();
			await feed.stop();
		}
	});
}

async function looks(run) {
	for (const [width, height] of [[1440, 1150], [390, 844]])
		await run(`focus_on_a_name_of_200_characters_widens_nothing_${width}`, 'crowd', async (page) => {
			await services(page);
			await page.click(row('worker-'));
			await until('routes', () => page.$('.routes tbody tr'));
			await until('its events', async () => /among the last/.test(await text(page, '.events h2')));
			const wide = await page.$$eval('html, .panel > h2, .verdict, .top', (all) => all.map((n) => n.scrollWidth - n.clientWidth));
			assert(wide.every((w) => w <= 0), `too wide by ${wide}`);
			assert(/×$/.test((await text(page, '#only')).trim()) && (await page.isVisible('#only span:last-child')), 'no way back');
			await shoot(page, `focus-hostile-${width}`);
		}, { width, height });
	const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
	for (const dark of [true, false])
		for (const [width, height] of [[1440, 1150], [1024, 900], [390, 844]])
			await run(`axe_finds_nothing_in_focus_${width}_${dark ? 'dark' : 'light'}`, 'slow', async (page) => {
				await services(page);
				await page.click(row('nginx'));
				await until('routes', () => page.$('.routes tbody tr'));
				await until('its minute', async () => (await painted(page, 'status')) > 0.97);
				await page.mouse.move(2, 2);
				await shoot(page, `focus-${width}-${dark ? 'dark' : 'light'}`);
				const wide = await page.evaluate(() => document.documentElement.scrollWidth);
				assert(wide <= width, `the page is ${wide} px wide in a window of ${width}`);
				if (width === 1440) {
					const high = await page.evaluate(() => document.documentElement.scrollHeight);
					assert(high <= height, `the page is ${high} px high, more than one screen`);
				}
				await page.evaluate(axe);
				const { violations } = await page.evaluate(() => window.axe.run());
				const found = violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`);
				assert(!found.length, found.join('; '));
			}, { width, height, dark });
}
