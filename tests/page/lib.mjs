// SPDX-License-Identifier: GPL-2.0-only
// lib - what the tests of the page share: running and counting, waiting for conditions, browser pages that collect
// their complaints.
import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repo = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const binary = process.env.RQSCOPE_BIN ? resolve(process.env.RQSCOPE_BIN) : null;
const beside = binary && join(dirname(binary), 'npm/node_modules');
export const modules = resolve(process.env.RQSCOPE_NPM ?? (beside && existsSync(beside) ? beside : join(repo, 'build/npm/node_modules')));
export const require = createRequire(join(modules, 'x.js'));
export const temp = mkdtempSync(join(tmpdir(), 'rqscope-page-'));
export const shots = process.env.SHOTS ? resolve(process.env.SHOTS) : join(temp, 'shots');
mkdirSync(shots, { recursive: true });
process.on('exit', () => rmSync(temp, { recursive: true, force: true, maxRetries: 3 }));

const counted = { passed: 0, failed: 0, skipped: 0 };
const only = process.argv[2] ? new RegExp(process.argv[2]) : null;

/** Run one test; it fails by throwing, or after @limitMs. */
export async function test(name, run, limitMs = 40e3) {
	let timer;
	if (only && !only.test(name))
		return;
	try {
		const limit = new Promise((ok, no) => {
			timer = setTimeout(() => no(new Error(`not done after ${limitMs / 1000} s`)), limitMs);
		});
		await Promise.race([run(), limit]);
		counted.passed++;
		console.log(`ok ${name}`);
	} catch (error) {
		counted.failed++;
		console.log(`not ok ${name}: ${String(error?.message ?? error).split('\n').slice(0, 3).join(' ')}`);
		if (process.env.V)
			console.error(error);
	} finally {
		clearTimeout(timer);
	}
}

export function skip(name, reason) {
	counted.skipped++;
	console.log(`skipped ${name}: ${reason}`);
}

export function finish() {
	console.log(`${counted.passed} passed, ${counted.failed} failed${counted.skipped ? `, ${counted.skipped} skipped` : ''}`);
	process.exitCode = counted.failed ? 1 : 0;
}

export function assert(condition, message) {
	if (!condition)
		throw new Error(message);
}

export function equal(seen, wanted, what) {
	if (seen !== wanted)
		throw new Error(`${what}: ${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}`);
}

/** Waits until @check returns something true. @returns what it returned */
export async function until(what, check, limitMs = 10e3) {
	const end = Date.now() + limitMs;
	for (;;) {
		const value = await check();
		if (value)
			return value;
		if (Date.now() > end)
			throw new Error(`waited ${limitMs / 1000} s in vain: ${what}`);
		await new Promise((r) => setTimeout(r, 25));
	}
}

/** The page, built as it is for the program. */
export function build() {
	const dir = join(temp, 'page');
	execFileSync(process.execPath, [join(repo, 'web/build.mjs'), dir, modules], { stdio: ['ignore', 'inherit', 'inherit'] });
	return dir;
}

export async function launch() {
	const { chromium } = require('playwright-core');
	return chromium.launchPersistentContext(join(temp, 'profile'), {
		executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
		headless: true,
		viewport: { width: 1440, height: 1150 },
		args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
			'--disable-component-update', '--disable-sync'],
	});
}

/**
 * A tab with what it complained about: console errors, exceptions, CSP violations. In it chartPixels(id) tells where the plot of a
 * chart is on the sheet, and read() its pixels as RGBA.
 */
export async function open(browser, url, { width = 1440, height = 1150, dark = true, init, stored = {}, session = {} } = {}) {
	const page = await browser.newPage();
	page.complaints = [];
	page.on('console', (m) => (m.type() === 'error' || m.type() === 'warning') && page.complaints.push(m.text()));
	page.on('pageerror', (e) => page.complaints.push(`exception: ${e.message}`));
	await page.setViewportSize({ width, height });
	await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
	await page.addInitScript(({ kept, mine }) => {
		if (location.protocol === 'about:')
			return;
		document.addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`));
		if (!sessionStorage.getItem('tests.began'))
			for (const [key, value] of Object.entries(kept))
				localStorage.setItem(key, value);
		sessionStorage.setItem('tests.began', 'yes');
		for (const [key, value] of Object.entries(mine))
			sessionStorage.setItem(key, value);
	}, { kept: { 'rqscope.theme': 'auto', 'rqscope.rate_ms': '250', 'rqscope.range_ms': '60000', ...stored }, mine: session });
	await page.addInitScript(() => (window.chartPixels = (id) => {
		const canvas = document.querySelector('canvas.sheet'), whole = canvas.getBoundingClientRect(), ratio = devicePixelRatio;
		const box = document.querySelector(`.s-${id} .data`).getBoundingClientRect();
		const [left, top, width, height] = [box.left - whole.left, box.top - whole.top, box.width, box.height].map((px) => Math.round(px * ratio));
		return { left, top, width, height, read: (x, y, w, h) => canvas.getContext('2d').getImageData(left + x, top + y, w, h).data };
	}));
	if (init)
		await page.addInitScript(init);
	if (url)
		await page.goto(url);
	return page;
}

export const text = (page, selector) => page.textContent(selector);
export const number = (s) => Number(s.replaceAll(',', ''));
export const card = (page, key, part = '.value span') => text(page, `[data-card="${key}"] ${part}`);

export async function live(page) {
	await until('the page is live', async () => (await page.getAttribute('#pill', 'data-state')) === 'live' && (await card(page, 'memory')) !== '–');
}

export async function shoot(page, name) {
	await page.screenshot({ path: join(shots, `${name}.png`), fullPage: page.viewportSize().width < 500 });
}
