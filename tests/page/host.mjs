// SPDX-License-Identifier: GPL-2.0-only
// host - an invented host: what it does at any moment follows from the scenario and the time alone, so that history,
// live windows and merged ranges agree.
import { randomBytes } from 'node:crypto';
import { scenarios } from './scenarios.mjs';

const TICK_MS = 100;
const SERVICE_KEPT_MS = 600e3;
const ROUTES = [ // method, path, share of the requests, whether all errors are its, how much slower than the service
	['GET', '/users/:id', 0.42, false, 0.6], ['GET', '/search', 0.21, true, 3], ['POST', '/orders', 0.15, false, 1.4], ['GET', '/static/*', 0.14, false, 0.1],
	['DELETE', '/carts/:id/items/:id', 0.03, false, 0.9], [null, null, 0.05, false, 1]];
export const LOWS = [0];
for (let octave = 10; octave < 36; octave++)
	for (let sub = 0; sub < 4; sub++)
		LOWS.push(2 ** octave + sub * 2 ** (octave - 2));
LOWS.push(2 ** 36);

const SUMS = ['requests', 'responses', 'upgrades', 'aborted', 'untimed', 'status_2xx', 'status_3xx', 'status_4xx', 'status_5xx', 'status_other',
	'request_bytes', 'response_bytes', 'duration.count', 'duration.sum_ns', 'split.count', 'split.queued_ns', 'split.cpu_wait_ns', 'split.on_cpu_ns',
	'split.blocked_ns', 'split.shared', 'split.unknown'].map((c) => `http.server.${c}`).concat('runqueue.switches', 'runqueue.latency.count', 'runqueue.latency.sum_ns');
const LASTS = ['http.server.in_flight', 'runqueue.length.now', 'memory.total_bytes', 'memory.available_bytes', 'memory.used_bytes', 'memory.anonymous_bytes',
	'memory.cached_bytes', 'cpu.user', 'cpu.system', 'cpu.idle', 'pressure.memory_some'];
const MAXES = ['http.server.duration.max_ns', 'runqueue.latency.max_ns', 'runqueue.length.max'];
const DISTS = ['http.server.duration', 'runqueue.latency'];
const QUANTILES = { p50_ns: 0.5, p90_ns: 0.9, p99_ns: 0.99, p999_ns: 0.999 };
const COLUMNS = [...SUMS, ...LASTS, ...MAXES, 'runqueue.length.mean', ...DISTS.flatMap((d) => Object.keys(QUANTILES).map((q) => `${d}.${q}`))];

// A number in [0, 1) that depends on @a and @b alone.
export function chance(a, b) {
	let x = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
	x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
	x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
	return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
}

// About Poisson: exact enough in the small, normal in the large.
function scatter(mean, a, b) {
	if (mean < 12) {
		let k = 0, p = Math.exp(-mean), sum = p;
		const u = chance(a, b);
		while (u > sum && k < 60)
			sum += p *= mean / ++k;
		return k;
	}
	const normal = chance(a, b) + chance(a, b + 1) + chance(a, b + 2) - 1.5;
	return Math.max(0, Math.round(mean + normal * 2 * Math.sqrt(mean)));
}

const cdf = (z) => 1 / (1 + Math.exp(-1.702 * z));

/** Rows of a histogram of @n values drawn from a mixture of [weight, median ns, spread]. */
function histogram(n, mixture, seed) {
	const rows = new Map();
	if (!(n > 0))
		return rows;
	mixture.forEach(([weight, median, spread], m) => {
		for (let row = 1; row < LOWS.length - 1; row++) {
			const p = cdf((Math.log(LOWS[row + 1]) - Math.log(median)) / spread) - cdf((Math.log(LOWS[row]) - Math.log(median)) / spread);
			const mean = n * weight * p;
			const count = mean > 0.002 ? scatter(mean, seed, row * 8 + m * 1000) : 0;
			if (count)
				rows.set(row, (rows.get(row) ?? 0) + count);
		}
	});
	return new Map([...rows].sort((a, b) => a[0] - b[0]));
}

const middle = (row) => (LOWS[row] + (LOWS[row + 1] ?? LOWS[row])) / 2;

function distribution(name, rows, seed) {
	let count = 0, sum = 0;
	for (const [row, n] of rows) {
		count += n;
		sum += n * middle(row);
	}
	const top = [...rows.keys()].at(-1);
	return { [`${name}.count`]: count, [`${name}.sum_ns`]: sum,
		[`${name}.max_ns`]: count ? LOWS[top] + (middle(top) - LOWS[top]) * 2 * (0.2 + 0.7 * chance(seed, 7)) : null };
}

function quantiles(name, rows) {
	const total = [...rows.values()].reduce((a, b) => a + b, 0);
	return Object.fromEntries(Object.entries(QUANTILES).map(([key, q]) => {
		let before = 0;
		for (const [row, n] of rows) {
			if (before + n >= q * total && total)
				return [`${name}.${key}`, LOWS[row] + (LOWS[row + 1] - LOWS[row]) * Math.min(1, Math.max(0.05, (q * total - before) / n))];
			before += n;
		}
		return [`${name}.${key}`, null];
	}));
}

export class Host {
	/** @param {string} scenario @param {number} [now] UNIX ms; with the same moment all is the same again */
	constructor(scenario, now = Date.now()) {
		this.scenario = scenario;
		this.version = '0.1.0';
		this.now = scenarios[scenario]();
		this.instance = randomBytes(8).toString('hex');
		this.startedT = Math.floor(now / TICK_MS) * TICK_MS;
		this.attachedT = this.startedT - (this.now.attachedForMs ?? 0);
		this.seq = Math.round((this.startedT - this.attachedT) / TICK_MS);
		this.lastT = this.startedT;
		this.cache = new Map();
		this.events = [];
		this.eventSeq = 0;
		this.counts = {};
		for (const event of this.now.past ?? [])
			this.#event({ ...event, t: this.startedT - event.agoMs });
		this.totals = (this.now.services ?? []).map((s) => ({ requests: Math.round(s.share * 84211), errors: Math.round(s.share * 84211 * s.errors) }));
	}

	advance(nowMs) {
		while (this.lastT + TICK_MS <= nowMs) {
			this.lastT += TICK_MS;
			this.seq++;
			const w = this.#window(this.lastT, TICK_MS);
			this.now.services?.forEach((s, k) => {
				if (!s)
					return;
				const n = Math.round(w['http.server.requests'] * s.share);
				this.totals[k].requests += n;
				this.totals[k].errors += Math.round(n * s.errors);
			});
			const event = this.now.event?.(this.seconds(this.lastT), this.seq);
			if (event)
				this.#event({ ...event, t: this.lastT });
		}
	}

	/** Seconds since this host was made; negative before. */
	seconds(t) {
		return (t - this.startedT) / 1000;
	}

	#event(event) {
		this.counts[event.kind] = (this.counts[event.kind] ?? 0) + 1;
		const { agoMs, ...rest } = event, { role = 'server', container = null } = this.now.services?.find((s) => s && (s.port ? `${s.name} :${s.port}` : s.name) === event.service) ?? {};
		this.events.push({ seq: ++this.eventSeq, pid: 4711, role: event.service ? role : null, container: event.service ? container : null, ...rest });
		this.events = this.events.slice(-100);
	}

	/** @param {number} [slot] of this service, else of the host */
	#window(t, span, slot) {
		const key = `${t}/${span}/${slot ?? ''}`;
		let w = this.cache.get(key);
		if (!w) {
			w = this.#make(t, span, slot);
			this.cache.set(key, w);
			if (this.cache.size > 40000)
				this.cache.delete(this.cache.keys().next().value);
		}
		return w;
	}

	/** What the scenario does at a moment, on the host or in one service. */
	#at(t, slot) {
		const s = this.now.at(this.seconds(t), t), service = this.now.services?.[slot - 1];
		if (slot === undefined)
			return s;
		return { ...s, rate: s.rate * service.share, errors: service.errors, latency: service.latency?.(this.seconds(t)) ?? s.latency, split: service.split ?? s.split, sched: false, memory: null };
	}

	#make(t, span, slot) {
		const s = this.#at(t, slot);
		const seed = (Math.floor(t / TICK_MS) + (slot ?? 0) * 7001) | 0;
		const w = { t, span };
		const requests = s.http === false ? null : scatter(s.rate * span / 1000, seed, 1);
		const rows = histogram(requests ?? 0, s.latency ?? [], seed);
		w.rows = { 'http.server.duration': rows, 'runqueue.latency': s.sched === false ? new Map() : histogram(s.waits * span / 1000, s.wait, seed + 5) };
		if (requests !== null) {
			const d = distribution('http.server.duration', rows, seed);
			const n = d['http.server.duration.count'];
			const errors = scatter(n * (s.errors ?? 0), seed, 3), client = scatter(n * 0.021, seed, 4), moved = scatter(n * 0.07, seed, 5);
			const sum = d['http.server.duration.sum_ns'];
			Object.assign(w, d, {
				'http.server.requests': n, 'http.server.responses': n, 'http.server.upgrades': 0, 'http.server.aborted': 0, 'http.server.untimed': 0,
				'http.server.in_flight': Math.round(s.rate * (n ? sum / n : 0) / 1e9),
				'http.server.status_2xx': Math.max(0, n - errors - client - moved), 'http.server.status_3xx': moved, 'http.server.status_4xx': client,
				'http.server.status_5xx': Math.min(n, errors), 'http.server.status_other': 0,
				'http.server.request_bytes': n * 420, 'http.server.response_bytes': n * 5210,
			});
			if (!this.now.withoutSplit)
				['queued', 'cpu_wait', 'on_cpu', 'blocked'].forEach((part, k) => {
					w[`http.server.split.${part}_ns`] = sum * s.split[k];
					w['http.server.split.count'] = n;
					w['http.server.split.shared'] = w['http.server.split.unknown'] = 0;
				});
		}
		if (s.sched !== false)
			Object.assign(w, distribution('runqueue.latency', w.rows['runqueue.latency'], seed + 9), {
				'runqueue.switches': Math.round(s.waits * span / 1000), 'runqueue.length.now': Math.round(s.queue + 2 * (chance(seed, 21) - 0.5)),
				'runqueue.length.max': Math.ceil(s.queue * 1.6 + 1), 'runqueue.length.mean': Math.max(0, s.queue * (0.85 + 0.3 * chance(seed, 22))),
			});
		if (s.memory && (span >= 1000 || t % 1000 < span))
			Object.assign(w, { 'memory.total_bytes': s.memory.total, 'memory.used_bytes': s.memory.used, 'memory.available_bytes': s.memory.total - s.memory.used,
				'memory.anonymous_bytes': s.memory.anonymous, 'memory.cached_bytes': s.memory.total * 0.3, 'pressure.memory_some': s.memory.stalled ?? 0, 'cpu.user': 0.3, 'cpu.system': 0.1, 'cpu.idle': 0.6 });
		return w;
	}

	#merge(windows) {
		const w = { t: windows.at(-1).t, span: 0, rows: {} };
		for (const one of windows) {
			w.span += one.span;
			for (const c of SUMS)
				if (one[c] !== undefined)
					w[c] = (w[c] ?? 0) + one[c];
			for (const c of LASTS)
				if (one[c] !== undefined)
					w[c] = one[c];
			for (const c of MAXES)
				if (one[c] != null)
					w[c] = Math.max(w[c] ?? 0, one[c]);
			if (one['runqueue.length.mean'] !== undefined)
				w['runqueue.length.mean'] = (w['runqueue.length.mean'] ?? 0) + one['runqueue.length.mean'] * one.span;
		}
		if (w['runqueue.length.mean'] !== undefined)
			w['runqueue.length.mean'] /= w.span;
		for (const d of DISTS) {
			const rows = new Map();
			for (const one of windows)
				for (const [row, n] of one.rows[d])
					rows.set(row, (rows.get(row) ?? 0) + n);
			w.rows[d] = new Map([...rows].sort((a, b) => a[0] - b[0]));
		}
		return w;
	}

	#frame(type, windows, extra) {
		const columns = {};
		const heat = Object.fromEntries(DISTS.map((d) => [d, windows.map((w) => [...w.rows[d]].flat())]));
		const full = windows.map((w) => Object.assign({}, w, ...DISTS.map((d) => quantiles(d, w.rows[d]))));
		for (const c of COLUMNS) {
			const values = full.map((w) => w[c] ?? null);
			if (values.some((v) => v !== null))
				columns[c] = values;
		}
		if (extra.slot !== undefined) {
			const own = (all) => Object.fromEntries(Object.entries(all).filter(([name]) => name.startsWith('http.')).map(([name, values]) => [name.replace('http.server', 'service'), values]));
			return { ...this.#frame(type, windows, {}), ...extra, columns: own(columns), heat: own(heat) };
		}
		return { type, seq: windows.map((w) => Math.round((w.t - this.attachedT) / TICK_MS)), t: windows.map((w) => w.t), span_ms: windows.map((w) => w.span), missed: 0, ...extra, columns, heat };
	}

	hello(rateMs) {
		const { host } = this.now;
		return { type: 'hello', protocol: 1, instance: this.instance, tool: { name: 'rqscope', version: this.version },
			host: { name: 'web-07', kernel: '6.12.0', arch: 'x86_64', cpus: 8, ...host }, attached_ms: this.attachedT, now_ms: this.lastT, tick_ms: TICK_MS, rate_ms: rateMs, slow_ms: 1000, seq: this.seq,
			columns: COLUMNS.filter((c) => !(this.now.withoutSplit && c.includes('.split.'))), heat: { lows_ns: LOWS },
			history: [{ resolution_ms: 100, span_ms: 600000 }, { resolution_ms: 1000, span_ms: 21600000 }],
			...(!this.now.withoutServiceWindows && { service_history: [{ resolution_ms: 1000, span_ms: SERVICE_KEPT_MS }] }) };
	}

	/** @param {number} [slot] of this service, else of the host */
	windows(afterSeq, slot) {
		const list = [];
		for (let seq = Math.max(afterSeq + 1, this.seq - 100); seq <= this.seq; seq++)
			list.push(this.#window(this.lastT - (this.seq - seq) * TICK_MS, TICK_MS, slot));
		return slot === undefined ? this.#frame('windows', list, {}) : this.#frame('service_windows', list, { slot });
	}

	routes(slot) {
		const { requests, responses, errors, recent } = this.#service(this.now.services[slot - 1], slot - 1);
		const shares = this.now.routes ?? ROUTES, of = (n, [, , share]) => Math.round(n * share);
		return { type: 'routes', slot, t: this.lastT, over_ms: 10000, items: shares.map((r) => ({
			method: r[0], path: r[1], requests: of(requests, r), responses: of(responses, r), errors: r[3] ? errors : 0, duration: recent.duration,
			recent: { requests: of(recent.requests, r), responses: of(recent.responses, r), errors: r[3] ? recent.errors : 0, span_ms: recent.span_ms,
				duration: Object.fromEntries(Object.entries(recent.duration).map(([name, value]) => [name, /_ns$/.test(name) ? value * (r[4] ?? 1) : value])) } })) };
	}

	history({ id, from_ms: from, to_ms: to, points, slot }) {
		const fine = from >= this.lastT - 600e3 && (slot === undefined || !this.now.secondsOnly);
		const step = fine ? TICK_MS : 1000;
		const groups = [];
		const perGroup = Math.max(1, Math.ceil((to - from) / points / step - 0.01));
		const first = Math.max(from, this.attachedT, this.lastT - (slot === undefined ? 21600e3 : SERVICE_KEPT_MS));
		let group = [], index = -1;
		for (let t = Math.ceil(first / step) * step + (first % step ? 0 : step); t <= Math.min(to, this.lastT); t += step) {
			const at = Math.floor((t - from - 1) / step / perGroup);
			if (at !== index && group.length) {
				groups.push(this.#merge(group));
				group = [];
			}
			index = at;
			group.push(this.#window(t, step, slot));
		}
		if (group.length)
			groups.push(this.#merge(group));
		return this.#frame('history', groups, { id, from_ms: from, to_ms: to, resolution_ms: perGroup * step, ...(slot !== undefined && { slot }) });
	}

	services() {
		const items = (this.now.services ?? []).map((s, k) => s && this.#service(s, k)).filter(Boolean);
		return { type: 'services', t: this.lastT, over_ms: 10000, items };
	}

	#service(s, k) {
		const second = Math.floor(this.lastT / 1000) * 1000;
		const known = Array.from({ length: 60 }, (_, i) => second - (59 - i) * 1000).map((t) => (t > this.attachedT ? this.now.at(this.seconds(t), t) : null));
		const rate = known.at(-1)?.rate ?? 0, mixture = s.latency ? s.latency(this.seconds(this.lastT)) : this.now.at(this.seconds(this.lastT), this.lastT).latency;
		const n = Math.round(rate * 10 * s.share);
		const rows = histogram(Math.min(n, 50000), mixture, k * 77 + 1);
		const d = distribution('d', rows, k), q = quantiles('d', rows);
		const split = s.split ?? this.now.at(this.seconds(this.lastT), this.lastT).split;
		const { requests, errors } = this.totals[k];
		return { slot: s.noSlot ? null : k + 1, name: s.name, role: s.role ?? 'server', port: s.port ?? 0, path: s.path ?? null, container: s.container ?? null, pids: s.active === false ? [] : s.pids ?? [4711 + k], active: s.active ?? true,
			requests, responses: requests, upgrades: 0, aborted: 0, in_flight: Math.round((s.flight ?? 1) * rate * s.share * d['d.sum_ns'] / Math.max(1, d['d.count']) / 1e9), errors, untimed: 0,
			recent: { requests: n, responses: n, errors: Math.round(n * s.errors), span_ms: 10000.2,
				duration: { count: n, sum_ns: d['d.sum_ns'], min_ns: 1, max_ns: d['d.max_ns'], p50_ns: q['d.p50_ns'], p90_ns: q['d.p90_ns'], p99_ns: q['d.p99_ns'], p999_ns: q['d.p999_ns'] },
				...(!this.now.withoutSplit && { split: { count: n, queued_ns: d['d.sum_ns'] * split[0], cpu_wait_ns: d['d.sum_ns'] * split[1], on_cpu_ns: d['d.sum_ns'] * split[2], blocked_ns: d['d.sum_ns'] * split[3], shared: 0, unknown: 0 } }) },
			spark: known.map((a, i) => (a ? scatter(a.rate * s.share, Math.floor(second / 1000) - 59 + i, 40 + k * 3) : null)), spark_p99_ns: known.map(() => q['d.p99_ns']) };
	}

	/** Those of the scenario, which began some seconds before the feed did; ages in the scenario are of then. */
	inflight() {
		const { flying = {} } = this.now, s = this.seconds(this.lastT);
		const items = flying.items?.map((i) => ({ slot: 1, service: 'nginx :8080', role: 'server', method: 'GET', path: '/search', route: null, peer: '10.0.4.17:51822', stage: 'serving', pid: 812, tid: 812,
			thread: { comm: 'nginx', state: 'runnable' }, ...i, age_ns: i.age_ns === undefined ? (i.ageS + s) * 1e9 : i.age_ns })) ?? null;
		return { type: 'inflight', t: this.lastT, connections: { open: null, http: null }, requests: items && items.length, ...flying, items };
	}

	eventsAfter(seq) {
		return { type: 'events', seq: this.eventSeq, counts: this.counts, held_back: this.now.heldBack ?? 0, items: this.events.filter((e) => e.seq > seq) };
	}

	status(clients) {
		const probes = this.now.probes ?? [{ name: 'http', state: 'on', tap: 'A', reason: null }, { name: 'sched', state: 'on', tap: null, reason: null }, { name: 'oom', state: 'on', tap: null, reason: null }];
		return { type: 'status', t: this.lastT, uptime_ms: this.lastT - this.attachedT, clients, coverage: { probes, lost: { events: 0, services: 0, routes: 0, unparsed: 0, partial_heads: 0, unmatched: 0, ...this.now.lost } },
			connections: { tls: 0, http2: 0, other: 0, ...this.now.connections }, runqueue: { cpus: [] },
			self: { cpu_ratio: 0.0041, rss_bytes: 11.4 * 2 ** 20, bpf_ns_per_s: 3.1e6, tick_late_max_ns: 131000, clients, sent_bytes: 812345,
				programs: [{ name: 'http_on_receive', runs_per_s: 4000, ns_per_run: 410.5 }, { name: 'http_on_state', runs_per_s: 0, ns_per_run: null }] } };
	}
}
