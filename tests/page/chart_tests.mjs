// SPDX-License-Identifier: GPL-2.0-only
// chart_tests - reading the charts, with the feed: bands that are picked, names that are clicked, tables.
import { play } from './feed_tests.mjs';
import { assert, equal, shoot, test, text, until } from './lib.mjs';

/** Collects what the charts tell as picked. */
const listen = (page) => page.evaluate(() => {
	window.bands = [];
	document.getElementById('scope').addEventListener('band', (e) => window.bands.push(e.detail && { ...e.detail }));
});
const bands = (page) => page.evaluate(() => window.bands);

/** How many pixels of a chart have the colour of the style sheet's variable @name. */
const painted = (page, strip, name) => page.evaluate(([id, variable]) => {
	const probe = document.body.appendChild(document.createElement('i'));
	probe.style.color = `var(--${variable})`;
	const wanted = getComputedStyle(probe).color.match(/\d+/g).map(Number);
	probe.remove();
	const { width, height, read } = window.chartPixels(id), data = read(0, 0, width, height);
	let n = 0;
	for (let k = 0; k < data.length; k += 4)
		n += data[k] === wanted[0] && data[k + 1] === wanted[1] && data[k + 2] === wanted[2] && data[k + 3] > 0;
	return n;
}, [strip, name]);

const pressed = (page, strip) => page.$$eval(`.s-${strip} button.row`, (rows) => rows.map((r) => r.getAttribute('aria-pressed')).join());

export async function chartTests(browser, dir) {
	const run = (name, scenario, check, options) => test(name, () => play(browser, dir, scenario, check, options));

	await run('a_click_into_a_band_tells_its_time_and_durations', 'slow', async (page, feed) => {
		await listen(page);
		await page.keyboard.press(' '); // so that the time under a pixel is known
		const box = await page.locator('.s-latency .data').boundingBox();
		let jog = 0; // the first picture may still be on its way: nothing is under a pointer before
		await until('something under the pointer', async () => {
			await page.mouse.move(box.x + box.width * 0.9, box.y + 10 + (jog++ & 1));
			return page.$('.tip .cell');
		});
		for (let y = 10; y < box.height && !/^[1-9].* requests, [1-9]\d\d ms/.test(await text(page, '.tip .cell')); y += 2) {
			await page.mouse.move(box.x + box.width * 0.9, box.y + y);
			await page.evaluate(() => new Promise(requestAnimationFrame));
		}
		const cell = await text(page, '.tip .cell'), at = await text(page, '.hair time');
		await page.mouse.down();
		await page.mouse.up();
		const [band] = await until('a band', async () => ((await bands(page)).length ? bands(page) : null));
		const low = Number(cell.match(/([\d.]+) ms to/)[1]) * 1e6;
		equal(band.strip, 'latency', 'chart');
		assert(band.lowNs <= low && band.highNs > low && band.highNs / band.lowNs < 2, `${band.lowNs} to ${band.highNs} around ${cell}`);
		const inDay = (t) => (t / 1000) % 3600, seen = at.split(':').slice(1).reduce((sum, part) => sum * 60 + Number(part), 0);
		assert(inDay(band.fromT) <= seen + 0.06 && inDay(band.toT) >= seen - 0.06 && band.toT - band.fromT < 2000, `${inDay(band.fromT)} to ${inDay(band.toT)} around ${seen}`);
		assert(band.count > 0 && await page.isVisible('.s-latency .band'), 'it is not marked');
		await shoot(page, 'feed-band');
		await page.mouse.dblclick(box.x + box.width * 0.9, box.y + 30);
		equal((await bands(page)).at(-1), null, 'after a double click');
		assert(!(await page.isVisible('.band')), 'it is marked still');
		equal(feed.silent, false, 'feed');
	});
	await run('a_picked_band_shows_its_events_until_the_chip_is_clicked', 'slow', async (page, feed) => {
		const events = () => page.$$eval('.events tbody tr', (rows) => rows.map((r) => r.textContent));
		await until('events', async () => (await events()).length >= 3);
		await page.keyboard.press(' '); // so that the time under a pixel is known
		const { t } = feed.host.events.findLast((e) => e.kind === 'slow_request');
		const pick = (band) => page.evaluate((detail) => document.getElementById('scope').dispatchEvent(new CustomEvent('band', { detail })), band);
		await pick({ strip: 'latency', fromT: t - 100, toT: t + 100, lowNs: 0.9e9, highNs: 1.6e9 });
		const own = await events();
		assert(own.length === 1 && /GET \/search/.test(own[0]), `shown: ${own.join(' | ')}`);
		assert(/\d\d:\d\d:\d\d\.\d, 900 ms to 1\.60 s ×/.test(await text(page, '.events .chip:not(.look)')), `chip: ${await text(page, '.events .chip:not(.look)')}`);
		await pick({ strip: 'latency', fromT: t - 100, toT: t + 100, lowNs: 1e6, highNs: 2e6 });
		equal((await events()).length, 0, 'events of a millisecond');
		assert(/they were counted/.test(await text(page, '.events .empty')), 'it does not say why');
		await page.keyboard.press('c');
		await page.keyboard.press('ArrowUp');
		await page.keyboard.press('Enter');
		await until('a chip of what was really picked', async () => /ms/.test(await text(page, '.events .chip:not(.look)')) && page.isVisible('.band'));
		await page.click('.events .chip:not(.look)');
		await until('all again', async () => (await events()).length >= 3 && !(await page.isVisible('.events .chip:not(.look)')) && !(await page.isVisible('.band')));
	});
	await run('keys_pick_a_band_of_either_heatmap', 'slow', async (page) => {
		await listen(page);
		await page.keyboard.press('c');
		await page.keyboard.press('ArrowUp');
		await page.keyboard.press('ArrowDown');
		await page.keyboard.press('Enter');
		const first = await until('a band', async () => (await bands(page))[0]);
		equal(first.strip, 'latency', 'chart');
		await until('it is said', async () => /requests, .+Request latency: max/.test(await text(page, '#scope [role="status"]')));
		for (let k = 0; k < 30 && (await bands(page)).at(-1)?.strip !== 'wait'; k++) {
			await page.keyboard.press('Shift+ArrowDown');
			for (let row = 0; row < 3; row++)
				await page.keyboard.press('ArrowDown');
			await page.keyboard.press('Enter');
		}
		equal((await bands(page)).at(-1)?.strip, 'wait', 'chart further down');
	});
	await run('a_click_on_a_name_isolates_and_ctrl_click_toggles', 'slow', async (page) => {
		const before = await painted(page, 'split', 'on-cpu');
		assert(before > 500, `${before} pixels on CPU`);
		await page.click('.s-split button.row:has-text("waiting for CPU")');
		equal(await pressed(page, 'split'), 'false,false,true,false', 'names that are on');
		await until('the others are gone', async () => (await painted(page, 'split', 'on-cpu')) === 0 && (await painted(page, 'split', 'cpu-wait')) > 500);
		await page.click('.s-split button.row:has-text("on CPU")', { modifiers: ['Control'] });
		await until('one more', async () => (await painted(page, 'split', 'on-cpu')) > 500);
		const look = await page.$eval('.s-split button.row:has-text("blocked")', (r) => getComputedStyle(r).textDecorationLine);
		equal(look, 'line-through', 'more than colour');
		await page.focus('.s-split button.row:has-text("on CPU")');
		await page.keyboard.press('Control+Enter');
		await until('off again by key', async () => (await pressed(page, 'split')) === 'false,false,true,false');
		await page.click('.s-split button.row:has-text("waiting for CPU")');
		await until('all', async () => (await painted(page, 'split', 'on-cpu')) > 500);
		await page.click('.s-latency button.row:has-text("p99")', { modifiers: ['Control'] });
		await until('no line', async () => (await painted(page, 'latency', 'p99')) === 0);
	});
	await run('each_chart_can_be_read_as_a_table', 'slow', async (page) => {
		await page.click('.s-split .as-table');
		const rows = () => page.$$eval('#table tbody tr', (all) => all.map((tr) => [...tr.cells].map((c) => c.textContent)));
		const first = await until('rows', async () => ((await rows()).length > 50 ? rows() : null));
		assert(first.length <= 60, `${first.length} rows`);
		equal(await page.$$eval('#table thead th', (all) => all.map((th) => th.textContent).join()), 'time,blocked,on CPU,waiting for CPU,queued,a response', 'columns');
		assert(/^\d\d:\d\d:\d\d\.\d$/.test(first[0][0]) && first[0].slice(1).every((t) => /^[\d.]+ (µs|ms|s)$/.test(t)), `a row says ${first[0]}`);
		assert(first[0][0] > first[1][0], 'not the newest first');
		assert(/a row stands for 1 s/.test(await text(page, '#table-caption')), 'caption');
		await until('new rows', async () => (await rows())[0][0] !== first[0][0]);
		await page.evaluate(() => {
			window.fills = [];
			new MutationObserver(() => window.fills.push(performance.now())).observe(document.querySelector('#table tbody'), { subtree: true, childList: true, characterData: true });
		});
		const fills = await until('three fills', () => page.evaluate(() => (window.fills.length >= 3 ? window.fills : null)));
		assert(fills[2] - fills[0] >= 1900, `three fills in ${fills[2] - fills[0]} ms`);
		equal(await page.getAttribute('#table', 'aria-live'), null, 'aria-live');
		for (const [name, unit] of [['Request latency', /^[\d.]+ (µs|ms|s)$/], ['Memory', /^[\d.]+ GiB$/], ['Responses by status', /^[\d,.]+\/s$/]]) {
			await page.click(`#table-charts button:has-text("${name}")`);
			await until(name, async () => unit.test((await rows())[5]?.at(-1) ?? ''));
		}
		await shoot(page, 'feed-table');
		await page.keyboard.press('Escape');
		assert(!(await page.isVisible('#table')), 'it is open still');
		await page.keyboard.press('d');
		assert(await page.isVisible('#table'), 'the key does not open it');
	});
}
