// SPDX-License-Identifier: GPL-2.0-only
// Tests of the page in Chromium: node tests/page/run.mjs [REGEXP]
//   RQSCOPE_BIN   the program; without it only the feed is used
//   RQSCOPE_NPM   node_modules with playwright-core (npm/node_modules beside the program, or in build/)
//   CHROMIUM      the browser (/usr/bin/chromium)
//   SHOTS         where screenshots go
import { assert, binary, build, finish, launch, test } from './lib.mjs';
import { chartTests } from './chart_tests.mjs';
import { costTests } from './cost_tests.mjs';
import { feedTests } from './feed_tests.mjs';
import { focusTests } from './focus_tests.mjs';
import { inflightTests } from './inflight_tests.mjs';
import { linkPureTests, linkTests } from './link_tests.mjs';
import { programTests } from './program_tests.mjs';
import { replayTests } from './replay_tests.mjs';
import { servicesTests } from './services_tests.mjs';
import { pureTests } from './pure_tests.mjs';
import { vegaTests } from './vega_tests.mjs';
import { timeTests } from './time_tests.mjs';

let dir = null, why = null;
try {
	dir = build();
} catch (error) {
	why = error;
}
await test('page_builds_within_its_size', async () => {
	if (why)
		throw why;
});
await pureTests();
await linkPureTests();
await vegaTests();
if (dir) {
	const browser = await launch();
	try {
		await feedTests(browser, dir);
		await servicesTests(browser, dir);
		await linkTests(browser, dir);
		await focusTests(browser, dir);
		await inflightTests(browser, dir);
		await timeTests(browser, dir);
		await chartTests(browser, dir);
		await costTests(browser, dir);
		await replayTests(browser, dir);
		if (binary)
			await programTests(browser);
		await test('browser_survived', async () => assert(browser.pages().length > 0, 'no page left'));
	} finally {
		await browser.close();
	}
}
finish();
