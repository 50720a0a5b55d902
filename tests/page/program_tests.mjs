// SPDX-License-Identifier: GPL-2.0-only
// program_tests - the page with the real program behind it: what it shows is what the snapshot says.
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import { join } from 'node:path';
import { focusProgramTests } from './focus_tests.mjs';
import { drop, replaying } from './replay_tests.mjs';
import { inflightProgramTests } from './inflight_tests.mjs';
import { latencyTests } from './latency_tests.mjs';
import { timeProgramTests } from './time_tests.mjs';
import { assert, binary, card, equal, live, number, open, shoot, skip, temp, test, text, until } from './lib.mjs';

const TOKEN = '00112233445566778899aabbccddeeff';
const tokenFile = join(temp, 'token');

/** Start the program. @returns {{url: string, origin: string, stop: () => Promise<void>}} */
async function start(listen = '127.0.0.1:0') {
	const child = spawn(binary, ['serve', '--listen', listen, '--token-file', tokenFile], { stdio: ['ignore', 'pipe', 'pipe'] });
	let out = '', err = '';
	child.stdout.on('data', (d) => (out += d));
	child.stderr.on('data', (d) => (err += d));
	const ended = new Promise((r) => child.once('exit', r));
	const url = await until('the program says where its dashboard is', () => {
		assert(child.exitCode === null, `the program ended: ${err.trim()}`);
		return out.match(/^rqscope: dashboard at (\S+)$/m)?.[1];
	}, 15e3);
	const stop = async () => {
		child.kill('SIGTERM');
		const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
		await ended;
		clearTimeout(timer);
	};
	return { url, origin: new URL(url).origin, stop };
}

async function snapshot(program) {
	const answer = await fetch(`${program.origin}/api/v1/snapshot`, { headers: { authorization: `Bearer ${TOKEN}` } });
	equal(answer.status, 200, 'status of the snapshot');
	return answer.json();
}

/** A web server in this process. Paths: /slow answers after 30 ms, /error with 503, /hold/MS after so many ms. */
async function webServer() {
	const web = { ended: () => {} }; // is told when an answer is about to end, UNIX ms
	const server = createServer((req, res) => {
		const held = Number(req.url.match(/^\/hold\/(\d+)$/)?.[1] ?? 0);
		res.statusCode = req.url === '/error' ? 503 : 200;
		setTimeout(() => {
			if (held)
				web.ended(performance.timeOrigin + performance.now());
			res.end('hello\n');
		}, req.url === '/slow' ? 30 : held);
	});
	await new Promise((r) => server.listen(0, '127.0.0.1', r));
	const { port } = server.address();
	const agent = new Agent({ keepAlive: true, maxSockets: 4 });
	const ask = (path) => new Promise((ok, no) => get({ port, path, agent }, (res) => res.resume().on('end', ok)).on('error', no));
	return Object.assign(web, { port, ask, close: () => {
		agent.destroy();
		server.closeAllConnections();
		server.close();
	} });
}

/** The cells of the row of the service that answers on @port, or null. */
const row = (page, port) => page.evaluate((wanted) => {
	const found = [...document.querySelectorAll('.services tbody tr')].find((tr) => tr.querySelector('.faint').textContent.split(' · ')[0] === wanted);
	return found ? [...found.cells].map((c) => c.textContent) : null;
}, `:${port}`);

const own = (document, port) => document.services.find((s) => s.port === port && s.role === 'server');

async function withProgram(browser, check, options) {
	const program = await start();
	const web = await webServer();
	let page = null;
	try {
		page = await open(browser, program.url, options);
		await check(page, program, web);
		const complaints = page.complaints.filter((c) => !options?.expects?.test(c));
		assert(!complaints.length, `the page complained: ${complaints.join(' | ')}`);
	} finally {
		await page?.close();
		web.close();
		await program.stop();
	}
}

// Runs in the page: how long after attaching the first number was there.
function timeFirstNumber() {
	const message = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage');
	let attached = 0;
	Object.defineProperty(WebSocket.prototype, 'onmessage', { ...message, set(f) {
		message.set.call(this, (event) => {
			if (!attached && (attached = JSON.parse(event.data).attached_ms ?? 0))
				window.parts = { opened: performance.timeOrigin - attached, hello: Date.now() - attached };
			f(event);
		});
	} });
	const look = () => {
		if (attached && /\d/.test(document.querySelector('[data-card="queue"] .value')?.textContent ?? ''))
			window.firstNumber = Date.now() - attached;
		else
			requestAnimationFrame(look);
	};
	requestAnimationFrame(look);
}

async function firstNumber(browser) {
	const page = await open(browser, null, { init: timeFirstNumber }); // the tab is there before, as a person's is
	const program = await start();
	try {
		await page.goto(program.url);
		const late = await until('a number', () => page.evaluate(() => window.firstNumber));
		const { opened, hello } = await page.evaluate(() => window.parts);
		console.error(`after attaching: address opened ${Math.round(opened)} ms, connected ${Math.round(hello)} ms, first number ${Math.round(late)} ms`);
		return late;
	} finally {
		await page.close();
		await program.stop();
	}
}

export async function programTests(browser) {
	const probe = spawnSync(binary, ['check'], { timeout: 20e3 });
	if (probe.status === 3) {
		skip('program', String(probe.stdout || probe.stderr).trim().split('\n')[0]);
		return;
	}
	writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });

	await test('program_first_data_on_the_page_within_1_s_of_attaching', async () => {
		const tries = [];
		// A busy machine can spoil one try; what the program and the page need shows in the best.
		while (tries.length < 3 && !(Math.min(...tries) < 1000))
			tries.push(await firstNumber(browser));
		assert(Math.min(...tries) < 1000, `${tries.map(Math.round).join(', ')} ms`);
	}, 60e3);

	await test('program_page_shows_what_the_snapshot_says', () => withProgram(browser, async (page, program, web) => {
		await live(page);
		for (let k = 0; k < 40; k++)
			await web.ask(k % 10 === 0 ? '/error' : k % 4 === 0 ? '/slow' : '/');
		const seen = await until('all 40 requests on the page', async () => {
			const cells = await row(page, web.port);
			return cells?.[1] === '40' ? cells : null;
		});
		const document = await snapshot(program);
		const service = own(document, web.port);
		equal(service.requests, 40, 'requests in the snapshot');
		equal(service.errors, 4, 'errors in the snapshot');
		equal(number(seen[1]), service.requests, 'requests on the page');
		equal(seen[3], String(service.in_flight), 'in flight');
		equal(await until('the errors', async () => (await row(page, web.port))[4].trim()), '10 %', 'error rate');
		const [p50, p99] = [service.duration.p50_ns, service.duration.p99_ns].map((ns) => ns / 1e6);
		const shown = [seen[5], seen[6]].map((s) => (s.endsWith('µs') ? parseFloat(s) / 1000 : parseFloat(s)));
		assert(Math.abs(shown[0] - p50) <= Math.max(0.06, p50 * 0.06), `p50 ${seen[5]}, not ${p50} ms`);
		assert(Math.abs(shown[1] - p99) <= Math.max(0.06, p99 * 0.06), `p99 ${seen[6]}, not ${p99} ms`);
		assert((await text(page, '#host')).startsWith(`${document.host.name} · Linux ${document.host.kernel} · ${document.host.cpus} CPU`), 'host');
		const gib = (bytes) => bytes / 2 ** 30;
		const [used, total] = (await card(page, 'memory', '.sub')).match(/[\d.,]+/g).map(number);
		assert(Math.abs(total - gib(document.totals.memory.total_bytes)) < 0.06, `total memory ${total}`);
		assert(Math.abs(used - gib(document.totals.memory.used_bytes)) < 0.3, `used memory ${used}`);
		await until('the 4 errors as events', async () => (await page.$$eval('.events tbody tr', (rows, port) => rows.filter((r) => r.textContent.includes(`:${port} GET /error`)).length, web.port)) === 4);
		assert(document.events.counts.server_error >= 4, 'events in the snapshot');
	}));

	await test('program_snapshot_is_replayed', () => withProgram(browser, async (page, program, web) => {
		await live(page);
		for (let k = 0; k < 40; k++)
			await web.ask(k % 10 === 0 ? '/error' : k % 4 === 0 ? '/slow' : '/');
		const seen = await until('all 40 requests on the page', async () => {
			const cells = await row(page, web.port);
			return cells?.[1] === '40' && cells[4].trim() === '10 %' ? cells : null;
		});
		const remote = spawnSync(binary, ['snapshot', '--from', program.origin, '--token-file', tokenFile], { encoding: 'utf8', timeout: 10e3, maxBuffer: 2 ** 26 });
		equal(remote.status, 0, `status of rqscope snapshot: ${remote.stderr}`);
		const members = (x) => (x && typeof x === 'object' && !Array.isArray(x) ? Object.keys(x).map((k) => [k, k === 'columns' ? '' : members(x[k])]) : '');
		equal(JSON.stringify(members(JSON.parse(remote.stdout))), JSON.stringify(members(await snapshot(program))), 'members of both snapshots');
		await drop(page, remote.stdout);
		await replaying(page);
		const replayed = await until('the service', () => row(page, web.port));
		for (const k of [0, 1, 4, 5, 6])
			equal(replayed[k], seen[k], `cell ${k} of the service`);
		const events = await page.$$eval('.events tbody tr', (rows, port) => rows.filter((r) => r.textContent.includes(`:${port} GET /error`)).length, web.port);
		equal(events, 4, 'errors as events');
		await shoot(page, 'program-replay');
		await page.click(`.services tbody tr:has-text(":${web.port}"):not(:has-text("asks"))`);
		const routes = await until('its routes', async () => {
			const all = await page.$$eval('.routes tbody tr', (trs) => trs.map((tr) => [...tr.cells].slice(0, 3).map((c) => c.textContent.trim()).join(' ')));
			return all.length === 3 && all.sort().join();
		});
		equal(routes, 'GET / 28,GET /error 4,GET /slow 8', 'routes in the snapshot');
	}));

	await test('program_page_at_10_requests_a_second', () => withProgram(browser, async (page, program, web) => {
		const timer = setInterval(() => web.ask('/').catch(() => {}), 100);
		try {
			await agrees(page, web.port, 8, 12);
		} finally {
			clearInterval(timer);
		}
	}), 60e3);
	if (has('nginx') && has('wrk'))
		await test('program_page_at_10000_requests_a_second', () => withProgram(browser, fast), 60e3);
	else
		skip('program_page_at_10000_requests_a_second', 'nginx or wrk is missing');

	await test('program_page_comes_back_when_the_program_does', async () => {
		let program = await start();
		const { port } = new URL(program.url);
		const web = await webServer();
		let page = null;
		try {
			page = await open(browser, program.url);
			await live(page);
			await web.ask('/');
			await until('its row', () => row(page, web.port));
			await page.click(`.services tbody tr:has-text(":${web.port}"):not(:has-text("asks"))`);
			await until('its route', async () => (await page.$$('.routes tbody tr')).length === 1);
			await program.stop();
			await until('it says so', async () => /Connection lost/.test(await text(page, '#verdict')));
			program = await start(`127.0.0.1:${port}`);
			await until('it tells of the restart', async () => (await text(page, '#pill')) === 'rqscope was restarted', 20e3);
			await until('the service is not there yet', async () => /rqscope was restarted and has not seen it since/.test(await text(page, '#verdict')));
			await web.ask('/again');
			await until('it is shown again', async () => /again/.test(await text(page, '.routes tbody')) && !/not there/.test(await text(page, '#verdict')));
			const complaints = page.complaints.filter((c) => !/WebSocket connection|ERR_CONNECTION_REFUSED/.test(c));
			assert(!complaints.length, `the page complained: ${complaints.join(' | ')}`);
		} finally {
			await page?.close();
			web.close();
			await program.stop();
		}
	}, 60e3);
	await focusProgramTests(browser, withProgram);
	await inflightProgramTests(browser, withProgram);
	await timeProgramTests(browser, withProgram);
	await latencyTests(browser, withProgram);
}

const has = (name) => spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${name}`]).status === 0;

// nginx under wrk, as fast as they go.
async function fast(page) {
	const port = await freePort();
	const config = join(temp, 'nginx.conf');
	writeFileSync(config, `daemon off; worker_processes 1; pid ${temp}/nginx.pid; error_log stderr crit; events {}
		http { access_log off; keepalive_requests 1000000000; client_body_temp_path ${temp}/b; proxy_temp_path ${temp}/p;
		fastcgi_temp_path ${temp}/f; uwsgi_temp_path ${temp}/u; scgi_temp_path ${temp}/s;
		server { listen 127.0.0.1:${port}; location / { return 200 hello; } } }\n`);
	const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
	const nginx = spawn('nginx', ['-p', temp, '-c', config], { stdio: ['ignore', 'ignore', 'pipe'], env });
	const four = join(temp, 'four.lua'); // requests sent at once: so many a second even on a busy machine
	writeFileSync(four, 'function init() local one = wrk.format(); four = one .. one .. one .. one end\nfunction request() return four end\n');
	let wrk = null;
	try {
		await until('nginx answers', async () => {
			assert(nginx.exitCode === null, 'nginx ended');
			return fetch(`http://127.0.0.1:${port}/`).then((r) => r.ok, () => false);
		});
		wrk = spawn('wrk', ['-t1', '-c32', '-d50s', '-s', four, `http://127.0.0.1:${port}/`], { stdio: 'ignore' });
		await agrees(page, port, 10000, Infinity);
	} finally {
		wrk?.kill();
		nginx.kill();
	}
}

async function freePort() {
	const server = createServer();
	await new Promise((r) => server.listen(0, '127.0.0.1', r));
	const { port } = server.address();
	await new Promise((r) => server.close(r));
	return port;
}

// Waits until row and card show a rate between @low and @high, then takes screenshots.
async function agrees(page, port, low, high) {
	await live(page);
	let rate = 0;
	await until(`the row shows ${low}/s or more`, async () => {
		rate = number((await row(page, port))?.[2] ?? '0');
		return rate >= low && rate <= high;
	}, 30e3).catch((error) => {
		throw new Error(`${error.message}; it shows ${rate}/s`);
	});
	await until('the card shows it', async () => number(await card(page, 'requests')) >= low);
	for (const dark of [true, false])
		for (const [width, height] of [[1440, 1150], [390, 844]]) {
			await page.setViewportSize({ width, height });
			await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
			await page.waitForFunction((w) => document.querySelector('.s-latency .data').clientWidth < w, width);
			await shoot(page, `program-${low === 8 ? 10 : low}-${width}-${dark ? 'dark' : 'light'}`);
		}
}
