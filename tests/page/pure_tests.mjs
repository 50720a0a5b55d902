// SPDX-License-Identifier: GPL-2.0-only
// pure_tests - modules of the page that need no browser.
import { equal, test } from './lib.mjs';
import { tail } from '../../web/src/format.js';
import { View } from '../../web/src/view.js';

const seen = (view) => JSON.stringify(Object.values(view.get()));

export async function pureTests() {
	await test('view_zooms_and_takes_back_each_zoom', async () => {
		const view = new View(60e3);
		let told = 0;
		const end = view.subscribe(() => told++);
		view.zoom(100e3, 130e3);
		equal(seen(view), '[30000,130000,false]', 'after a zoom');
		view.zoom(110e3, 110.2e3);
		equal(seen(view), '[1000,110600,false]', 'a range that is too short');
		view.back();
		equal(seen(view), '[30000,130000,false]', 'after one step back');
		view.back();
		equal(seen(view), '[60000,null,false]', 'after two');
		view.set({ rangeMs: 60e3 });
		equal(told, 4, 'changes told');
		end();
		view.follow();
		equal(told, 4, 'changes told after the end');
	});
	await test('a_long_path_is_told_by_its_end', async () => {
		equal(tail(':8080'), ':8080', 'a port');
		equal(tail('/run/app.sock'), '/run/app.sock', 'a short path');
		equal(tail('/var/lib/service/run/gunicorn.sock'), '…ice/run/gunicorn.sock', 'a long path');
		equal(tail('/var/lib/service/run/gunicorn.sock').length, 22, 'its length');
	});
	await test('view_moves_between_the_oldest_and_now', async () => {
		const view = new View(60e3);
		view.move(-10e3, 0, 500e3);
		equal(seen(view), '[60000,490000,false]', 'ten seconds back');
		view.move(-1e6, 100e3, 500e3);
		equal(seen(view), '[60000,160000,false]', 'no further than the oldest');
		view.move(1e6, 100e3, 500e3);
		equal(seen(view), '[60000,null,false]', 'at the end it follows');
	});
	await test('view_pauses_and_goes_on_at_the_length_that_was_chosen', async () => {
		const view = new View(60e3);
		view.togglePause(NaN);
		equal(view.live, true, 'without a window there is nothing to hold');
		view.togglePause(500e3);
		equal(seen(view), '[60000,500000,true]', 'paused');
		view.zoom(450e3, 460e3);
		equal(seen(view), '[10000,460000,true]', 'a zoom does not end the pause');
		view.togglePause(520e3);
		equal(seen(view), '[60000,null,false]', 'it goes on');
		view.set({ paused: true });
		equal(view.paused, false, 'what is live is not paused');
	});
	await test('view_keeps_its_middle_when_another_length_is_chosen', async () => {
		const view = new View(60e3);
		view.zoom(1000e3, 1010e3);
		view.choose(600e3, 2000e3);
		equal(seen(view), '[600000,1305000,false]', 'there is as much after it');
		view.choose(3600e3, 2000e3);
		equal(seen(view), '[3600000,null,false]', 'there is not');
		view.scale(0.5, 2000e3, 2000e3);
		equal(seen(view), '[1800000,null,false]', 'half of the range around now');
		view.scale(0.5, 1500e3, 2000e3);
		equal(seen(view), '[900000,1750000,false]', 'half of it around a moment');
	});
}
