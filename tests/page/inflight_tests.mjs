// SPDX-License-Identifier: GPL-2.0-only
// inflight_tests - the panel of requests in flight: what it shows, and that it asks for them only while somebody can see it.
import { readFileSync } from 'node:fs';
import { play } from './feed_tests.mjs';
import { Feed } from './feed.mjs';
import { recording } from './recording.mjs';
import { copied } from './link_tests.mjs';
import { drop, replaying } from './replay_tests.mjs';
import { assert, equal, live, open, require, shoot, test, text, until } from './lib.mjs';

const BUTTON = '#events .look';
const asked = (feed) => feed.asked.filter((m) => m.type === 'look').map((m) => m.inflight).join();
const rows = (page) => page.$$eval('#inflight tbody tr', (all) => all.map((tr) => [...tr.cells].map((td) => td.textContent)));
const some = (page) => until('requests in flight', async () => (await rows(page)).length > 0 && (await rows(page)));
const looks = (feed) => [...feed.clients].filter((c) => c.looks).length;

export async function inflightTests(browser, dir) {
	const run = (name, scenario, check, options) => test(name, () => play(browser, dir, scenario, check, options));

	await run('inflight_shows_the_oldest_requests', 'slow', async (page) => {
		await page.click(BUTTON);
		const all = await some(page);
		equal(all.length, 50, 'rows');
		const [client, blocked, upload, unread, behind, ended] = all;
		equal(client.slice(1).join('|'), 'awaits answer|GET /reports/2026/q3 /reports/:id/q3|asked by gunicorn|10.0.9.2:8000|gunicorn sleeps', 'a client');
		equal(blocked.slice(1).join('|'), 'being served|POST /reports |gunicorn :8000|10.0.4.17:51822|gunicorn blocked', 'a server');
		equal(upload[1], 'comes in', 'stage of an upload');
		equal(unread.slice(1).join('|'), 'not read yet|– |nginx :8080|10.0.4.17:51822|–', 'one that nobody read');
		equal(behind[2], 'GET /users/:id ', 'one that is known by its route');
		equal(ended.slice(1).join('|'), 'being sent|– |–|10.0.4.17:51822|has ended', 'one whose thread is not there');
		assert(/^12m 3\ds$|^12m 4\ds$/.test(client[0]), `age ${client[0]}`);
		assert(/^1m 0\ds$|^1m 1\ds$/.test(blocked[0]), `age ${blocked[0]}`);
		equal(all[6][0], '930 ms', 'age of a young one');
		assert(/the 50 oldest of 1,071 requests, 388 HTTP connections of 412 open, at \d\d:\d\d:\d\d/.test(await text(page, '#inflight small')), await text(page, '#inflight small'));
		equal(await page.getAttribute('#inflight tbody tr:nth-child(2) td:last-child', 'title'), 'gunicorn blocked, pid 4713, thread 4720', 'who it is');
		equal(await page.getAttribute('#inflight tbody tr td', 'class'), 'c-num bad', 'an old one');
		await until('ages that go on', async () => (await rows(page))[1][0] !== blocked[0]);
	});

	await run('inflight_says_that_there_is_nothing', 'calm', async (page, feed) => {
		await page.keyboard.press('f');
		await until('a sentence', async () => (await text(page, '#inflight .empty')) === 'Nothing is in flight: every request has its answer.');
		assert(/^0 requests, 24 HTTP connections of 31 open/.test(await text(page, '#inflight small')), await text(page, '#inflight small'));
		feed.host.now.flying = undefined;
		await until('another sentence', async () => /can not be told, since HTTP is not measured/.test(await text(page, '#inflight .empty')));
		equal(await text(page, '#inflight small'), '', 'summary');
	});

	await run('inflight_is_asked_for_only_while_it_can_be_seen', 'slow', async (page, feed) => {
		await page.waitForSelector('.services tbody tr');
		equal(asked(feed), '', 'asked before it is opened');
		assert(!(await page.isVisible('#inflight')), 'it is open');
		await page.click(BUTTON);
		await some(page);
		equal(asked(feed), 'true', 'asked when opened');
		equal(await page.getAttribute(BUTTON, 'aria-expanded'), 'true', 'expanded');
		await page.keyboard.press(' ');
		await until('not asked for while paused', () => !looks(feed));
		await page.keyboard.press(' ');
		await until('asked for again', () => looks(feed) === 1);
		await page.evaluate(() => {
			Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.away });
			window.away = true;
			document.dispatchEvent(new Event('visibilitychange'));
		});
		await until('not asked for while hidden', () => !looks(feed));
		await page.evaluate(() => {
			window.away = false;
			document.dispatchEvent(new Event('visibilitychange'));
		});
		await until('asked for when it is back', () => looks(feed) === 1);
		await page.click('#inflight .chip');
		await until('not asked for when closed', () => !looks(feed));
		equal(await page.evaluate(() => document.activeElement.className), 'chip look', 'what has the focus');
		equal(asked(feed), 'true,false,true,false,true,false', 'all that was asked');
	});

	await run('inflight_is_asked_for_again_after_a_restart', 'slow', async (page, feed) => {
		await page.click(BUTTON);
		await some(page);
		await feed.stop();
		feed.restart();
		await feed.start();
		await until('asked for on the new connection', () => looks(feed) === 1, 20e3);
		await some(page);
	}, { expects: /WebSocket connection|ERR_CONNECTION/ });

	await run('inflight_stays_open_as_it_was_left', 'slow', async (page, feed) => {
		await page.click(BUTTON);
		await some(page);
		await page.evaluate(() => scrollTo(0, 0));
		await page.reload();
		await some(page);
		equal(await page.evaluate(() => scrollY), 0, 'where the page stands');
		assert(!page.url().includes('open='), 'the address says what is remembered');
		const link = await copied(page, () => page.keyboard.press('y'));
		assert(link.endsWith('&open=inflight'), link);
		await page.click('#inflight .chip');
		await page.reload();
		await page.waitForSelector('.services tbody tr');
		assert(!(await page.isVisible('#inflight')), 'it is open');
		await page.goto('about:blank');
		await page.goto(link);
		await some(page);
		assert(page.url().includes('open=inflight'), 'the address has lost it');
		await page.click('#inflight .chip');
		await until('the address without it', () => !page.url().includes('open='));
		equal(feed.clients.size, 1, 'connections');
	});

	await run('inflight_of_one_service', 'slow', async (page) => {
		await page.click(BUTTON);
		await some(page);
		await page.click('.services tbody tr:has(b:text-is("gunicorn")) button');
		await until('two rows', async () => (await rows(page)).length === 2);
		assert(/^2 of gunicorn :8000 among the 50 oldest of 1,071 requests/.test(await text(page, '#inflight small')), await text(page, '#inflight small'));
		await page.keyboard.press('Escape');
		await until('all rows', async () => (await rows(page)).length === 50);
	});

	await test('inflight_is_not_there_in_a_replay', async () => {
		const feed = new Feed({ dir, scenario: 'slow' });
		const page = await open(browser, await feed.start());
		try {
			await live(page);
			await page.click(BUTTON);
			await some(page);
			await drop(page, JSON.stringify(recording('slow')));
			await replaying(page);
			await until('it is gone', async () => !(await page.isVisible('#inflight')) && !(await page.isVisible(BUTTON)));
			await page.keyboard.press('f');
			assert(!(await page.isVisible('#inflight')), 'a key opens it');
			assert(!page.complaints.length, `the page complained: ${page.complaints.join(' | ')}`);
		} finally {
			await page.close();
			await feed.stop();
		}
	});

	await appearance(run);
}

/** With the program: a request that is held is there, at both ends, as long as it is held. */
export async function inflightProgramTests(browser, withProgram) {
	await test('program_page_shows_what_is_in_flight', () => withProgram(browser, async (page, program, web) => {
		await live(page);
		await web.ask('/');
		await page.click(BUTTON);
		const asked = performance.now();
		let answered = false;
		web.ask('/hold/4000').then(() => (answered = true));
		const own = await until('both ends of it', async () => {
			const all = (await rows(page)).filter((cells) => cells[2] === 'GET /hold/4000 /hold/:id');
			return all.length === 2 && all.every(([age]) => /^[1-4] s$/.test(age)) && all;
		});
		const seconds = (performance.now() - asked) / 1000;
		equal(own.map((cells) => cells[1]).sort().join(), 'awaits answer,being served', 'stages');
		const server = own.find((cells) => cells[1] === 'being served'), client = own.find((cells) => cells[1] !== 'being served');
		assert(Number.parseInt(server[0], 10) <= seconds && Number.parseInt(server[0], 10) >= seconds - 2, `age ${server[0]} of ${seconds.toFixed(1)} s`);
		equal(server[3], `node :${web.port}`, 'service');
		equal(client[3], 'asked by node', 'who asks');
		equal(client[4], `127.0.0.1:${web.port}`, 'peer');
		assert(/^127\.0\.0\.1:\d+$/.test(server[4]), `peer ${server[4]}`);
		const pid = await page.getAttribute('#inflight tbody tr td:last-child', 'title');
		assert(pid.endsWith(`, pid ${process.pid}, thread ${process.pid}`), pid);
		await until('it is gone', async () => answered && !(await rows(page)).some((cells) => cells[2].startsWith('GET /hold/4000')));
	}));
}

async function appearance(run) {
	const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
	for (const dark of [true, false])
		for (const [width, height] of [[1440, 1150], [1024, 900], [390, 844]])
			await run(`axe_finds_nothing_in_flight_${width}_${dark ? 'dark' : 'light'}`, 'slow', async (page) => {
				await page.click(BUTTON);
				await some(page);
				await page.mouse.move(2, 2);
				await shoot(page, `inflight-${width}-${dark ? 'dark' : 'light'}`);
				const wide = await page.evaluate(() => document.documentElement.scrollWidth);
				assert(wide <= width, `the page is ${wide} px wide in a window of ${width}`);
				const cut = await page.$$eval('#inflight tr > :is(.c-num, .c-stage)', (cells) => cells.filter((c) => c.scrollWidth > c.clientWidth).map((c) => c.textContent));
				equal(cut.join(), '', 'ages and stages that are cut off');
				await page.evaluate(axe);
				const { violations } = await page.evaluate(() => window.axe.run());
				const found = violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`);
				assert(!found.length, found.join('; '));
			}, { width, height, dark });
}
