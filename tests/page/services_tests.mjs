// SPDX-License-Identifier: GPL-2.0-only
// services_tests - the table of services: every order, finding one among many, walking through it by keys.
import { readFileSync } from 'node:fs';
import { play } from './feed_tests.mjs';
import { assert, equal, require, shoot, test, text, until } from './lib.mjs';

const COLUMNS = ['service', 'requests', 'req/s', 'in flight', '5xx', 'p50', 'p99'];
const names = (page) => page.$$eval('.services tbody tr td:first-child b', (all) => all.map((b) => b.textContent));

/** What stands in column @k, as numbers: durations in ms, null for unknown. */
const values = (page, k) => page.$$eval('.services tbody tr', (rows, at) => rows.map((tr) => {
	const words = tr.cells[at].textContent.trim(), n = parseFloat(words.replaceAll(',', ''));
	return Number.isNaN(n) ? (at ? null : words) : at ? n * (/ µs$/.test(words) ? 1e-3 : / s$/.test(words) ? 1e3 : 1) : words;
}), k);

function sorted(all, down) {
	const known = all.filter((x) => x !== null);
	const order = known.every((x, k) => !k || (typeof x === 'string' ? known[k - 1].localeCompare(x) <= 0 : down ? known[k - 1] >= x : known[k - 1] <= x));
	return order && all.slice(known.length).every((x) => x === null);
}

export async function servicesTests(browser, dir) {
	const run = (name, scenario, check, options) => test(name, () => play(browser, dir, scenario, check, options));

	await run('services_are_sorted_by_each_column', 'crowd', async (page, feed) => {
		await until('60 rows', async () => (await names(page)).length === 60);
		feed.silent = true; // so that what is compared stands still
		await page.hover('.verdict');
		for (const [k, title] of COLUMNS.entries()) {
			const head = `.services th:nth-child(${k + 1})`;
			equal((await text(page, head)).trim(), title, 'column');
			await page.focus(`${head} button`);
			await page.keyboard.press('Enter');
			equal(await page.getAttribute(head, 'aria-sort'), k ? 'descending' : 'ascending', title);
			assert(sorted(await values(page, k), k > 0), `${title}: ${await values(page, k)}`);
			await page.keyboard.press('Enter');
			equal(await page.getAttribute(head, 'aria-sort'), k ? 'ascending' : 'descending', title);
			assert(k === 0 || sorted(await values(page, k), false), `${title}, the other way: ${await values(page, k)}`);
		}
		for (const title of ['last minute', 'where time went']) {
			const before = (await names(page)).join();
			await page.click(`.services th:has-text("${title}") button`);
			assert((await names(page)).join() !== before, `${title} changes nothing`);
		}
		await until('the page notices the silence', async () => (await page.getAttribute('#pill', 'data-state')) === 'stale');
	});
	await run('service_is_found_by_what_is_known_of_it', 'crowd', async (page) => {
		await until('60 rows', async () => (await names(page)).length === 60);
		await page.keyboard.press('/');
		for (const [typed, wanted] of [['envoy', (n) => n.length === 12 && n.every((x) => x === 'envoy')], [':9003', (n) => n.join() === 'puma'], ['POD-1eef0', (n) => n.length === 1],
			['nginx :9010', (n) => n.join() === 'nginx'], ['server', (n) => n.length === 60], ['onerror', (n) => n.length === 1]]) {
			await page.fill('.find', typed);
			await until(`what ${typed} finds`, async () => wanted(await names(page)));
		}
		await shoot(page, 'services-found');
		assert(/^1 of 60 services/.test(await text(page, '.services h2 small')), 'it does not say how many');
		await page.fill('.find', 'nowhere');
		await until('it says that there is none', async () => /None of 60 services/.test(await text(page, '.services .empty')) && !(await page.isVisible('.services table')));
		await page.keyboard.press('Escape');
		await until('all again', async () => (await names(page)).length === 60);
	});
	await run('few_services_need_no_box_to_find_one', 'slow', async (page) => {
		await until('services', async () => (await names(page)).length === 3);
		assert(!(await page.isVisible('.find')), 'there is one');
		await page.keyboard.press('/');
		equal(await page.evaluate(() => document.activeElement.querySelector('b')?.textContent), 'nginx', 'the first row');
	});
	await run('rows_are_walked_by_keys_and_stand_still_meanwhile', 'multitude', async (page, feed) => {
		await until('200 rows', async () => (await names(page)).length === 200);
		await page.keyboard.press('/');
		await page.keyboard.press('ArrowDown');
		const at = () => page.evaluate(() => document.activeElement.querySelector('b')?.textContent);
		const first = await at(), before = await names(page);
		equal(first, before[0], 'the first row');
		for (let k = 0; k < 3; k++)
			await page.keyboard.press('ArrowDown');
		equal(await at(), before[3], 'three rows down');
		const { seq } = feed.host;
		await until('three updates', () => feed.host.seq >= seq + 30);
		equal((await names(page)).join(), before.join(), 'order');
		equal(await at(), before[3], 'focus');
		await page.keyboard.press('End');
		equal(await at(), before[199], 'the last row');
		await until('it is in view', () => page.evaluate(() => {
			const [row, box] = [document.activeElement, document.querySelector('.services .scroll')].map((n) => n.getBoundingClientRect());
			return row.top >= box.top && row.bottom <= box.bottom + 1;
		}));
		equal(await page.$$eval('.services tbody button', (all) => all.filter((b) => b.tabIndex === 0).length), 1, 'rows that Tab reaches');
		assert(/^Live/.test(await text(page, '#pill')), 'the keys moved the charts');
	});
	const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
	for (const dark of [true, false])
		await run(`axe_finds_nothing_on_rows_that_are_pointed_at_${dark ? 'dark' : 'light'}`, 'crowd', async (page) => {
			await until('60 rows', async () => (await names(page)).length === 60);
			await page.hover('.services tbody tr:nth-child(3)');
			await page.keyboard.press('/');
			await page.keyboard.press('ArrowDown');
			await page.keyboard.press('ArrowDown');
			await page.evaluate(axe);
			const { violations } = await page.evaluate(() => window.axe.run());
			const found = violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ')).join(', ')}`);
			assert(!found.length, found.join('; '));
		}, { dark });
	await run('rows_out_of_view_are_kept_current_too', 'multitude', async (page) => {
		await until('200 rows', async () => (await names(page)).length === 200);
		const read = () => page.$$eval('.services tbody tr', (rows) => Object.fromEntries(rows.map((tr) => [tr.querySelector('b').textContent, tr.cells[1].textContent])));
		const before = await read();
		await page.$eval('.services .scroll', (n) => (n.scrollTop = n.scrollHeight));
		await until('those that were scrolled to', async () => {
			const now = await read(), seen = (await names(page)).slice(-8);
			return seen.every((name) => now[name] !== before[name]);
		});
		await until('all of them', async () => Object.entries(await read()).every(([name, n]) => n !== before[name]), 40e3);
	});
}
