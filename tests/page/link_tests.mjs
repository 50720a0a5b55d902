// SPDX-License-Identifier: GPL-2.0-only
// link_tests - a link holds what is looked at, whoever opens it, and nothing that is secret; what is wrong in one is said.
import { play } from './feed_tests.mjs';
import { assert, equal, live, open, test, text, until } from './lib.mjs';
import { readLink, writeLink } from '../../web/src/link.js';

const READ = [
	['', {}],
	['last=600', { rangeMs: 600e3 }],
	['last=7.5&other=1', { rangeMs: 7500 }],
	['from=1790000000000&to=1790000010000', { stretch: { fromT: 1790000000000, toT: 1790000010000, paused: false } }],
	['from=1790000000000&to=1790000010000&paused', { stretch: { fromT: 1790000000000, toT: 1790000010000, paused: true } }],
	['sort=-p99&routes=path', { sort: '-p99', routeSort: 'path' }],
	['service=a%26b+%3C&port=80&role=client', { service: { name: 'a&b <', role: 'client', port: 80, path: null, container: null } }],
	['open=inflight', { inflight: true }],
	['service=x&path=/run/x.sock&container=pod', { service: { name: 'x', role: 'server', port: 0, path: '/run/x.sock', container: 'pod' } }],
];
const REFUSED = [
	['last=', /range/], ['last=abc', /range/], ['last=-5', /range/], ['last=1e9', /range/], ['last=99999999', /range/], ['last=0.1', /range/],
	['from=5', /stretch/], ['from=9&to=3', /stretch/], ['from=0&to=99999999999', /stretch/], ['from=1790000000000&to=1790000010000.x', /stretch/], ['from=9e15&to=9e15', /stretch/],
	['service=', /service/], ['service=x&port=99999', /service/], ['service=x&port=1.5', /service/], ['service=x&role=king', /service/], [`service=${'x'.repeat(300)}`, /service/], ['routes=%00', /routes/],
	['open=', /open panel/], ['open=all', /open panel/],
	['sort=%3Cscript%3E', /order/], ['sort=', /order/],
];

/** What the clipboard holds after @press. */
export async function copied(page, press) {
	await page.evaluate(() => navigator.clipboard.writeText('nothing'));
	await press();
	return until('a link on the clipboard', async () => {
		const link = await page.evaluate(() => navigator.clipboard.readText());
		return link !== 'nothing' && link;
	});
}

export function linkPureTests() {
	return test('link_reads_what_it_writes_and_refuses_the_rest', async () => {
		for (const [fragment, wanted] of READ) {
			const { complaints, ...link } = readLink(fragment);
			equal(JSON.stringify(link), JSON.stringify(wanted), fragment);
			equal(complaints.length, 0, `complaints about ${fragment}`);
		}
		for (const [fragment, what] of REFUSED) {
			const { complaints, ...link } = readLink(fragment);
			equal(JSON.stringify(link), '{}', fragment);
			assert(complaints.length === 1 && what.test(complaints[0]), `${fragment}: ${complaints}`);
		}
		const view = { rangeMs: 12345, endT: 1790000010000.4, paused: true, sort: 'name', service: null };
		equal(writeLink(view, {}), 'from=1789999997655&to=1790000010000&paused&sort=name', 'written');
		equal(writeLink({ rangeMs: 60e3, endT: null, paused: false, sort: '-rate' }, { rangeMs: 60e3, sort: '-rate' }), '', 'what is usual');
		const all = { rangeMs: 7500, endT: null, sort: '-rate', routeSort: '-p99', inflight: true, service: { name: 'é&=#\u202e%', role: 'client', port: 0, path: '@abstract', container: 'c' } };
		const { service, ...rest } = readLink(writeLink(all, {}));
		equal(JSON.stringify(service), JSON.stringify(all.service), 'service, read again');
		equal(JSON.stringify(rest), '{"complaints":[],"rangeMs":7500,"sort":"-rate","routeSort":"-p99","inflight":true}', 'the rest, read again');
	});
}

export async function linkTests(browser, dir) {
	const run = (name, scenario, check, options) => test(name, () => play(browser, dir, scenario, check, options));
	await browser.grantPermissions(['clipboard-read', 'clipboard-write']);

	await run('link_holds_a_stretch_of_time_and_the_order_of_services', 'slow', async (page) => {
		await until('services', () => page.$('.services tbody tr'));
		await page.click('.services th:has-text("5xx") button');
		await page.keyboard.press('ArrowLeft');
		await page.keyboard.press('+');
		const shown = await until('the past', async () => /behind/.test(await text(page, '#pill')) && text(page, '.overview .where'));
		const link = await copied(page, () => page.keyboard.press('y'));
		assert(/#from=\d+&to=\d+&sort=-errors$/.test(link) && !/token|abc123/.test(link), link);
		await until('it says so', async () => /Link copied/.test(await text(page, '#said')));
		await until('the address has it too', () => page.url() === link);
		const other = await open(page.context(), link, { session: { 'rqscope.token': 'abc123' } });
		try {
			equal(await until('the same stretch', async () => (await text(other, '.overview .where')) === shown && shown), shown, 'stretch');
			await until('services', () => other.$('.services tbody tr'));
			equal(await other.getAttribute('.services th:has-text("5xx")', 'aria-sort'), 'descending', 'order');
			assert(!other.complaints.length, `the page complained: ${other.complaints.join(' | ')}`);
		} finally {
			await other.close();
		}
	}, { token: 'abc123' });
	await run('link_holds_a_pause_and_the_share_menu_copies_it', 'slow', async (page) => {
		await page.keyboard.press(' ');
		await until('paused', async () => /^Paused/.test(await text(page, '#pill')));
		const link = await copied(page, async () => {
			await page.click('#share-open');
			await page.click('#link');
		});
		assert(/#from=\d+&to=\d+&paused/.test(link), link);
		await page.goto('about:blank');
		await page.goto(link);
		await until('paused again', async () => /^Paused/.test(await text(page, '#pill')));
		await until('numbers are there', async () => (await page.$('.services tbody tr')) && /\d/.test(await text(page, '[data-card="requests"] .value')));
		await page.keyboard.press(' ');
		await live(page);
	});
	await run('link_holds_a_live_range', 'calm', async (page) => {
		await until('the range of the link', async () => (await text(page, '.seg [aria-pressed="true"]')) === '10 min');
		assert(/^Live/.test(await text(page, '#pill')), 'not live');
		equal(await page.evaluate(() => localStorage.getItem('rqscope.range_ms')), '60000', 'what this person chose');
		await page.keyboard.press('2');
		await until('the address is plain again', () => !page.url().includes('#'));
	}, { url: (url) => `${url}#last=600` });
	await run('link_with_nonsense_is_said_and_left_out', 'calm', async (page) => {
		const said = await until('complaints', () => text(page, '#said-bad'));
		assert(/range could not be read/.test(said) && /stretch of time could not/.test(said) && /column that there is not/.test(said), said);
		equal(await text(page, '.seg [aria-pressed="true"]'), '1 min', 'range');
	}, { url: (url) => `${url}#last=x&from=1&to=0&sort=-nothing` });
	await run('link_to_a_time_that_is_not_known_is_said', 'idle', async (page, feed) => {
		const said = await until('a complaint', () => text(page, '#said-bad'));
		assert(/This link shows .+ to .+; rqscope knows .+ to now\./.test(said), said);
		const { startedT } = feed.host;
		await page.evaluate((hash) => (location.hash = hash), `#from=${startedT - 10e3}&to=${startedT - 5e3}`);
		await until('a link that is opened in the same page', async () => /^Zoomed/.test(await text(page, '#pill')));
	}, { url: (url) => `${url}#from=1690000000000&to=1690000010000` });
	await run('order_of_services_is_remembered', 'slow', async (page) => {
		await until('services', () => page.$('.services tbody tr'));
		await page.focus('.services th:has-text("p99") button');
		await page.keyboard.press('Enter');
		await page.keyboard.press('Enter');
		equal(await page.getAttribute('.services th:has-text("p99")', 'aria-sort'), 'ascending', 'order');
		await page.evaluate(() => history.replaceState(null, '', location.pathname));
		await page.reload();
		await until('services', () => page.$('.services tbody tr'));
		equal(await page.getAttribute('.services th:has-text("p99")', 'aria-sort'), 'ascending', 'order after a reload');
	});
}
