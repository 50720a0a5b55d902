// SPDX-License-Identifier: GPL-2.0-only
// time_tests - zooming and going back, with the feed: what is shown is what was asked for, and nothing is lost.
import { play } from './feed_tests.mjs';
import { assert, equal, live, shoot, test, text, until } from './lib.mjs';

const pill = (page) => text(page, '#pill');
const where = (page) => text(page, '.overview .where');
const isLive = (page) => until('live again', async () => /^Live/.test(await pill(page)));

/** The middle and the size of the latency chart's plot. */
async function plot(page) {
	const box = await page.locator('.s-latency .data').boundingBox();
	return { ...box, at: (share) => [box.x + box.width * share, box.y + box.height / 2] };
}

async function drag(page, from, to) {
	await page.mouse.move(...from);
	await page.mouse.down();
	await page.mouse.move((from[0] + to[0]) / 2, from[1], { steps: 3 });
	await page.mouse.move(...to, { steps: 3 });
	await page.mouse.up();
}

/** Seconds of the day that the words beside the overview begin and end with. */
async function shown(page) {
	const [from, to] = (await where(page)).split(' to ').map((t) => t.split(':').reduce((sum, part) => sum * 60 + Number(part), 0));
	return { from, to: to < from ? to + 86400 : to };
}

/** Shares of the columns of a chart in which nothing is painted at the lower edge. */
const blank = (page, strip = 'status') => page.evaluate((id) => {
	const { width, height, read } = window.chartPixels(id), data = read(0, height - 2, width, 1);
	let n = 0;
	for (let x = 0; x < width; x++)
		n += data[x * 4 + 3] === 0;
	return n / width;
}, strip);

/** Fails when more than four questions come in a second. */
function watchQuestions(feed) {
	const times = [];
	const answer = feed.host.history.bind(feed.host);
	feed.host.history = (m) => {
		times.push(Date.now());
		return answer(m);
	};
	return () => {
		for (let k = 4; k < times.length; k++)
			assert(times[k] - times[k - 4] >= 950, `5 questions in ${times[k] - times[k - 4]} ms`);
		return times.length;
	};
}

/** With the real program behind the page: it answers all that is asked, and knows what it showed before. */
export async function timeProgramTests(browser, withProgram) {
	await test('program_history_is_zoomed_into_and_scrolled', () => withProgram(browser, async (page, program, web) => {
		const errors = [];
		page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => String(payload).startsWith('{"type":"error"') && errors.push(payload)));
		const timer = setInterval(() => web.ask('/').catch(() => {}), 20);
		try {
			await page.reload();
			await live(page);
			await page.keyboard.press('1');
			await until('six seconds of responses', async () => (await blank(page)) < 0.1, 20e3);
			const at = await plot(page);
			await drag(page, at.at(0.3), at.at(0.7));
			await until('zoomed', async () => /^Zoomed/.test(await pill(page)));
			const words = await where(page), hidden = await blank(page);
			assert(hidden < 0.05, `${hidden} of the zoomed picture is empty`);
			for (let k = 0; k < 12; k++)
				await page.keyboard.press(k % 3 ? 'ArrowLeft' : '+');
			await page.focus('.track');
			await page.keyboard.press('Home');
			await until('the beginning', async () => /behind/.test(await pill(page)) && (await where(page)) !== words && (await blank(page)) < 1);
			await page.keyboard.press('3');
			await page.keyboard.press('Escape');
			await isLive(page);
			await page.keyboard.press('5');
			await until('six hours, of which little is known', async () => (await blank(page)) < 1);
			equal(errors.join(), '', 'errors from the program');
		} finally {
			clearInterval(timer);
		}
	}), 60e3);
}

export async function timeTests(browser, dir) {
	const run = (name, scenario, check, options) => test(name, () => play(browser, dir, scenario, check, options));

	await run('drag_zooms_and_double_click_returns', 'slow', async (page) => {
		const at = await plot(page);
		await drag(page, at.at(0.5), at.at(0.7));
		await until('zoomed', async () => /^Zoomed, \d+ s behind/.test(await pill(page)));
		const range = await shown(page);
		assert(range.to - range.from >= 10 && range.to - range.from <= 14, `12 s were chosen, ${range.to - range.from} are shown`);
		equal(await text(page, '#pause'), 'Live', 'the button');
		const words = await where(page);
		const before = Number((await pill(page)).match(/\d+/)[0]);
		await until('it falls behind', async () => Number((await pill(page)).match(/\d+/)[0]) >= before + 2);
		equal(await where(page), words, 'a zoomed picture');
		equal(await blank(page), 0, 'blank columns');
		await drag(page, at.at(0.2), at.at(0.6));
		await until('closer', async () => (await shown(page)).to - (await shown(page)).from <= 6);
		await page.mouse.dblclick(...at.at(0.5));
		await until('one step back', async () => (await where(page)) === words);
		await page.mouse.dblclick(...at.at(0.5));
		await isLive(page);
		equal(await text(page, '.seg [aria-pressed="true"]'), '1 min', 'range');
	});
	await run('while_a_stretch_is_chosen_the_picture_stands_still', 'slow', async (page, feed) => {
		const at = await plot(page);
		const picture = () => page.evaluate(() => document.querySelector('canvas.sheet').toDataURL());
		await page.mouse.move(...at.at(0.4));
		await page.mouse.down();
		await page.mouse.move(...at.at(0.6), { steps: 4 });
		await until('how long it is', async () => /^\d+ s$/.test(await text(page, '.select')));
		const before = await picture(), seq = feed.host.seq;
		await until('ten windows', () => feed.host.seq > seq + 10);
		equal(await picture(), before, 'the picture');
		await shoot(page, 'feed-choosing');
		await page.keyboard.press('Escape');
		await page.mouse.up();
		await until('it goes on', async () => (await picture()) !== before);
		assert(/^Live/.test(await pill(page)), 'Escape did not let go');
	});
	await run('numbers_beside_the_charts_are_those_of_the_picture', 'slow', async (page) => {
		const p99 = () => text(page, '.s-latency button.row:has-text("p99") b'), at = await plot(page);
		await until('slow now', async () => /^[23]\d\d ms$/.test(await p99()));
		await drag(page, at.at(0.1), at.at(0.3)); // before it became slow
		await until('what was then', async () => /^1\d ms$/.test(await p99()));
		await page.keyboard.press('Escape');
		await until('slow now', async () => /^[23]\d\d ms$/.test(await p99()));
	});
	await run('wheel_and_shift_drag_move_along_time', 'slow', async (page, feed) => {
		const count = watchQuestions(feed), at = await plot(page);
		await page.mouse.move(...at.at(0.5));
		await page.mouse.wheel(-at.width / 2, 0);
		await until('half a minute behind', async () => /^(29|3\d) s behind/.test(await pill(page)));
		const before = await shown(page);
		await page.keyboard.down('Shift');
		await drag(page, at.at(0.3), at.at(0.8));
		await page.keyboard.up('Shift');
		await until('another half', async () => (await shown(page)).from <= before.from - 28);
		for (let k = 0; k < 12; k++)
			await page.mouse.wheel(-at.width, 0);
		await until('minutes behind, and the picture', async () => /1[0-3]m \d\ds behind/.test(await pill(page)) && (await blank(page)) === 0);
		await shoot(page, 'feed-back');
		for (let k = 0; k < 20; k++)
			await page.mouse.wheel(at.width, 0);
		await isLive(page);
		assert(count() >= 2, 'nothing was asked for');
	});
	await run('overview_goes_back_through_ten_minutes_at_100_ms', 'slow', async (page, feed) => {
		const count = watchQuestions(feed), track = await page.locator('.track').boundingBox();
		await page.keyboard.press('1');
		await until('six seconds', async () => (await text(page, '.seg [aria-pressed="true"]')) === '6 s');
		await page.mouse.move(track.x + track.width - 3, track.y + 10);
		await page.mouse.down();
		for (const share of [0.8, 0.5, 0.2, 0.1])
			await page.mouse.move(track.x + track.width * share, track.y + 10, { steps: 4 });
		await page.mouse.up();
		await until('the picture', async () => /^\d+m \d\ds behind/.test(await pill(page)) && (await blank(page)) === 0);
		const asked = feed.asked.filter((m) => m.type === 'history' && m.points > 1).at(-1);
		equal(Math.round((asked.to_ms - asked.from_ms) / asked.points / 10) * 10, 100, 'ms a point');
		assert(asked.points <= 200, `${asked.points} points for six seconds`);
		await page.keyboard.press('Escape');
		await isLive(page);
		count();
	});
	await run('six_hours_can_be_scrolled_through', 'slow', async (page) => {
		await page.keyboard.press('4');
		await until('an hour', async () => (await blank(page)) < 0.1);
		await page.focus('.track');
		await page.keyboard.press('Home');
		await until('the beginning', async () => /^2h \d\dm behind/.test(await pill(page)) && (await blank(page)) < 0.1);
		equal(await text(page, '.overview .span'), '6 h', 'span of the overview');
		await page.keyboard.press('End');
		await isLive(page);
	});
	await run('keys_zoom_and_go_back', 'slow', async (page) => {
		await page.keyboard.press('ArrowLeft');
		await until('a quarter', async () => /^1[5-9] s behind/.test(await pill(page)));
		await page.keyboard.press('+');
		await until('half the range', async () => (await shown(page)).to - (await shown(page)).from === 30);
		assert(/^Zoomed/.test(await pill(page)), 'the pill does not say so');
		await page.keyboard.press('-');
		await page.keyboard.press('Shift+ArrowLeft');
		await until('a whole range', async () => /^1m \d\ds behind/.test(await pill(page)));
		await page.keyboard.press('Escape');
		await isLive(page);
		await page.keyboard.press('c');
		await page.keyboard.press('Home');
		for (let k = 0; k < 3; k++)
			await page.keyboard.press('Shift+ArrowLeft');
		await until('led out of the picture', async () => /behind/.test(await pill(page)));
	});
	await run('a_finger_zooms', 'slow', async (page) => {
		const cdp = await page.context().newCDPSession(page);
		await cdp.send('Emulation.setTouchEmulationEnabled', { enabled: true });
		await page.locator('.s-split').scrollIntoViewIfNeeded();
		const box = await page.locator('.s-split .data').boundingBox();
		const touch = (type, share) => cdp.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x: box.x + box.width * share, y: box.y + box.height / 2 }] });
		await touch('touchStart', 0.3);
		for (const share of [0.4, 0.5, 0.6])
			await touch('touchMove', share);
		await touch('touchEnd');
		await until('zoomed', async () => /^Zoomed/.test(await pill(page)));
		await shoot(page, 'feed-zoomed-390');
		await page.click('#pause');
		await isLive(page);
	}, { width: 390, height: 844 });
	await run('what_happened_during_a_pause_is_there_afterwards', 'slow', async (page, feed) => {
		await page.keyboard.press('1');
		await page.keyboard.press(' ');
		await until('paused', async () => /^Paused/.test(await pill(page)));
		await feed.stop();
		await until('it noticed', async () => /^Reconnecting/.test(await pill(page)));
		const seq = feed.host.seq;
		await until('two seconds of the host', () => {
			feed.host.advance(Date.now());
			return feed.host.seq > seq + 20;
		});
		await feed.start();
		await until('paused still', async () => /^Paused, [2-9] s behind/.test(await pill(page)));
		await page.keyboard.press('2');
		await page.keyboard.press(' ');
		await isLive(page);
		await until('no gap', async () => (await blank(page)) < 0.003); // one column at the edge may be half begun
	}, { expects: /WebSocket connection|ERR_CONNECTION/ });
}
