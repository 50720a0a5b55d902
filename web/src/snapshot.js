// SPDX-License-Identifier: GPL-2.0-only
// snapshot - reads a snapshot that anybody may have made: what is shown of it is taken out piece by piece, each with its
// type and size checked, so that no file can do more than be refused. Pure.
import { serviceName } from './assess.js';

export const MOST_BYTES = 16 * 2 ** 20; // the largest that rqscope writes have 3 MB
const SCHEMA = 'rqscope/snapshot/';
const MOST = { windows: 20000, ranges: 16, columns: 256, rows: 250, services: 512, routes: 512, events: 500, probes: 32, cpus: 4096, names: 64, text: 2000 };
const LARGEST = 2 ** 60, LATEST_MS = 8.64e15; // of a number; of a Date

/** Says in its message, to a person, why a file can't be shown. */
export class Unreadable extends Error {}

const damaged = (where, what) => new Unreadable(`This snapshot is damaged: ${where} ${what}.`);

/** @param {string} text @returns {object} what replay.js plays */
export function readSnapshot(text) {
	let json;
	try {
		json = JSON.parse(text);
	} catch {
		throw new Unreadable(text.trimStart().slice(0, 80).includes(SCHEMA) ? 'This snapshot was cut off: its end is missing.' : 'This file is not JSON, so it is no snapshot.');
	}
	const schema = json?.schema;
	if (typeof schema !== 'string' || !schema.startsWith(SCHEMA))
		throw new Unreadable('This JSON is no snapshot of rqscope.');
	if (schema !== `${SCHEMA}1`)
		throw new Unreadable(`This snapshot is of another version (${words(schema, 40)}); this page reads ${SCHEMA}1. The rqscope that made it can show it.`);
	return taken(json);
}

function taken(json) {
	const lows = json.history?.heat?.lows_ns ?? usualLows();
	if (!Array.isArray(lows) || lows.length < 2 || lows.length > MOST.rows || !lows.every((x, k) => number(x) !== null && (!k || x > lows[k - 1])))
		throw damaged('history.heat.lows_ns', 'is not a list of rising numbers');
	const tickMs = json.history?.tick_ms;
	if (!(tickMs >= 10 && tickMs <= 60e3))
		throw damaged('history.tick_ms', 'is not the length of a tick');
	const history = windows(json.history, 'history', lows.length, tickMs);
	if (!history.t.length)
		throw new Unreadable('This snapshot was taken before there was anything to show.');
	const ranges = list(json.history.ranges, MOST.ranges)
		.map((r, k) => windows(r, `history.ranges[${k}]`, lows.length, Math.min(LARGEST, Math.max(tickMs, count(r?.resolution_ms)))));
	const host = object(json.host), totals = object(json.totals), runqueue = object(totals.runqueue), coverage = object(json.coverage);
	const endT = history.t.at(-1);
	return {
		tool: { name: 'rqscope', version: words(object(json.tool).version, 40) },
		host: { name: words(host.name, 253) || 'an unnamed host', kernel: words(host.kernel, 100), arch: words(host.arch, 40), cpus: Math.max(1, Math.round(count(host.cpus))) },
		uptime_ms: Math.min(count(json.uptime_ns) / 1e6, Math.abs(endT)),
		slow_ms: number(json.slow_ms) > 0 ? json.slow_ms : 1000,
		lows_ns: lows,
		history,
		ranges,
		services: list(json.services, MOST.services).map(service),
		events: events(object(json.events)),
		status: {
			coverage: { probes: list(coverage.probes, MOST.probes).map((p) => texts(object(p), ['name', 'state', 'tap', 'reason'])),
				lost: counts(coverage.lost), shed: list(coverage.shed, MOST.names).map((name) => words(name, 40)) },
			connections: counts(coverage.connections),
			...(totals.runqueue && { runqueue: {
				cpus: list(runqueue.cpus, MOST.cpus).map(counts),
				waiting: list(runqueue.waiting, 8).map((w) => ({ ...counts(w), name: words(object(w).name, 64) })),
			} }),
			self: numbers(object(json.self)),
		},
	};
}

const object = (x) => (x !== null && typeof x === 'object' && !Array.isArray(x) ? x : {});
const list = (x, most) => (Array.isArray(x) ? x.slice(0, most) : []);
const number = (x) => (typeof x === 'number' && x >= 0 && x <= LARGEST ? x : null);
const count = (x) => number(x) ?? 0;
const orNull = (x) => number(typeof x === 'number' && x < 0 ? 0 : x);

/** Text without what would turn or hide other text. */
const words = (x, most = MOST.text) => (typeof x === 'string' ? x.slice(0, most).replace(/[\0-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd') : '');
const texts = (x, names) => Object.fromEntries(names.map((name) => [name, words(x[name]) || null]));

/** Members with a plain name, each made by @make. */
const members = (x, make, most = MOST.names) => Object.fromEntries(Object.keys(object(x)).filter((name) => /^[a-z0-9][\w.]{0,80}$/i.test(name)).slice(0, most)
	.map((name) => [name, make(x[name])]));
const counts = (x) => members(x, count);
const numbers = (x) => members(x, orNull);

// The rows of docs/protocol.md, for a snapshot without a heatmap.
function usualLows() {
	const lows = [0];
	for (let octave = 10; octave < 36; octave++)
		for (let quarter = 4; quarter < 8; quarter++)
			lows.push(quarter * 2 ** (octave - 2));
	return [...lows, 2 ** 36];
}

function windows(x, where, rows, resolution) {
	const { t, span_ms: spans } = object(x);
	if (!Array.isArray(t) || t.length > MOST.windows || !t.every((end, k) => typeof end === 'number' && Math.abs(end) < LATEST_MS && (!k || end > t[k - 1])))
		throw damaged(`${where}.t`, 'is not a list of rising times');
	if (!Array.isArray(spans) || spans.length !== t.length || !spans.every((ms) => number(ms) !== null))
		throw damaged(`${where}.span_ms`, 'does not give each window its length');
	const equallyLong = (name, values) => {
		if (!Array.isArray(values) || values.length !== t.length)
			throw damaged(`${where}: ${name}`, 'does not have a value for each window');
		return values;
	};
	const named = (all, make) => Object.fromEntries(Object.keys(object(all)).filter((name) => /^[a-z]\w*\.[\w.]{1,60}$/.test(name)).slice(0, MOST.columns)
		.map((name) => [name, equallyLong(name, all[name]).map(make)]));
	const pairs = (cells) => {
		const clean = list(cells, 2 * rows);
		for (let k = 0; k < clean.length; k++)
			clean[k] = Math.min(count(clean[k]), k % 2 ? 2 ** 32 - 1 : rows - 1) >>> 0;
		return clean;
	};
	return { resolution_ms: resolution, t, span_ms: spans, columns: named(x.columns, orNull), heat: named(x.heat, pairs) };
}

function distribution(x) {
	const d = numbers(x);
	return { ...d, count: d.count ?? 0, sum_ns: d.sum_ns ?? 0 };
}

const BOOKS = ['requests', 'responses', 'upgrades', 'aborted', 'in_flight', 'errors', 'untimed'];
const books = (x) => Object.fromEntries(BOOKS.map((name) => [name, count(x[name])]));

function recent(x) {
	return { requests: count(x.requests), responses: count(x.responses), errors: count(x.errors), span_ms: count(x.span_ms) || 10000,
		duration: distribution(x.duration), ...(x.split && { split: counts(x.split) }) };
}

function service(x, k) {
	const s = object(x);
	return {
		...books(s),
		slot: k + 1, // one for each, also where those on the host had passed on
		name: words(s.name, 256) || '?',
		role: s.role === 'client' ? 'client' : 'server',
		port: Math.min(65535, Math.round(count(s.port))),
		path: words(s.path, 256) || null,
		container: words(s.container, 256) || null,
		pids: list(s.pids, MOST.names).map(count),
		active: s.active === true,
		...(s.recent && { recent: recent(object(s.recent)) }),
		spark: list(s.spark, 60).map(orNull),
		spark_p99_ns: list(s.spark_p99_ns, 60).map(orNull),
		routes: list(s.routes, MOST.routes).map(object).map((r) => ({ ...books(r), ...texts(r, ['method', 'path']), duration: distribution(r.duration),
			...(r.recent && { recent: recent(object(r.recent)) }) })),
	};
}

function events(x) {
	const items = list(x.recent, MOST.events).map(object).map((e) => ({
		t: Date.parse(words(e.at, 40)), level: words(e.level, 10), kind: words(e.kind, 40), text: words(e.text),
		service: words(e.service, 256) ? serviceName({ name: words(e.service, 256), port: Math.round(count(e.port)), path: words(e.path, 256) }) : null,
		...texts(e, ['role', 'container']), pid: number(e.pid), ...numbers({ duration_ns: e.duration_ns, status: e.status }), ...(e.split && { split: counts(e.split) }),
	})).filter((e) => e.t === e.t);
	items.forEach((e, k) => (e.seq = k + 1));
	return { seq: items.length, counts: counts(x.counts), held_back: count(x.held_back), items };
}
