// SPDX-License-Identifier: GPL-2.0-only
// assess - from numbers to words: what is wrong, how bad, and why. Pure: no DOM, no clock.
import * as format from './format.js';

export const PARTS = [
	['queued_ns', 'queued', 'queued'],
	['cpu_wait_ns', 'waiting for a CPU', 'cpu-wait'],
	['on_cpu_ns', 'on the CPU', 'on-cpu'],
	['blocked_ns', 'blocked', 'blocked'],
];

const MEANING = {
	queued_ns: 'its requests wait to be read: it gets more than it can serve',
	cpu_wait_ns: 'its threads wait for a CPU',
	on_cpu_ns: 'it computes: the work itself takes long',
	blocked_ns: 'its threads are blocked on disk, locks or other services',
};

const errorWord = (ratio, errors) => (!errors ? ['none', 'ok'] : ratio >= 0.05 ? ['many', 'bad'] : ratio >= 0.001 ? ['some', 'warn'] : ['few', 'warn']);
const http = (recent, name) => recent?.[`http.server.${name}`] ?? null;

/** The share of each part of a split, largest first: [[key, share]]. */
export function shares(split) {
	const total = PARTS.reduce((sum, [key]) => sum + (split?.[key] ?? 0), 0);
	if (!(total > 0))
		return [];
	return PARTS.map(([key]) => [key, split[key] / total]).sort((a, b) => b[1] - a[1]);
}

/** ":8080", or the path of a Unix socket. */
export const place = (service) => (service.port ? `:${service.port}` : service.path ?? '');

/** As events name it. */
export function serviceName(service) {
	return place(service) ? `${service.name} ${place(service)}` : service.name;
}

const TITLE_MOST = 40;
const cut = (text) => (text.length > TITLE_MOST ? `${text.slice(0, TITLE_MOST - 1)}…` : text);

/** In sentences: told apart from its own clients, and no longer than fits. */
export function serviceTitle({ name, role, port, path }) {
	const short = { name: cut(name), port, path: path && cut(path) };
	return role === 'client' ? `${short.name} asking ${place(short)}`.trim() : serviceName(short);
}

/**
 * The numbers and words of the cards.
 * @param {object|null} recent columns of the last seconds @param {object} hello
 * @param {number|null} usualP99 of the range that is shown
 */
export function cards(recent, hello, usualP99) {
	const seconds = recent ? recent.span_ms / 1000 : NaN;
	const requests = http(recent, 'requests'), responses = http(recent, 'responses'), errors = http(recent, 'status_5xx');
	const count = http(recent, 'duration.count'), p99 = http(recent, 'duration.p99_ns');
	const average = count ? http(recent, 'duration.sum_ns') / count : null;
	const ratio = responses ? errors / responses : responses === 0 ? 0 : null;
	const mean = recent?.['runqueue.length.mean'] ?? null, waitP99 = recent?.['runqueue.latency.p99_ns'] ?? null;
	const total = recent?.['memory.total_bytes'] ?? null, used = recent?.['memory.used_bytes'] ?? null;
	const memory = total ? used / total : null;
	const idle = requests === 0 && !http(recent, 'in_flight');
	const unknown = ['', ''];
	return {
		requests: { rate: requests === null ? null : requests / seconds, average, inFlight: http(recent, 'in_flight'),
			word: requests === null ? unknown : idle ? ['quiet', 'dim'] : ['steady', 'ok'] },
		latency: { p99, p50: http(recent, 'duration.p50_ns'), max: http(recent, 'duration.max_ns'),
			word: p99 === null ? unknown : latencyWord(p99, usualP99, hello.slow_ms) },
		errors: { ratio, errors, responses, word: ratio === null ? unknown : errorWord(ratio, errors) },
		queue: { mean, p99: waitP99, cpus: hello.host.cpus, word: mean === null ? unknown : queueWord(mean, waitP99, hello.host.cpus) },
		memory: { ratio: memory, used, total, anonymous: recent?.['memory.anonymous_bytes'] ?? null,
			word: memory === null ? unknown : memory >= 0.95 ? ['full', 'bad'] : memory >= 0.88 ? ['tight', 'warn'] : memory >= 0.7 ? ['fair', 'ok'] : ['roomy', 'ok'] },
	};
}

function latencyWord(p99, usual, slowMs) {
	if (p99 >= slowMs * 1e6)
		return ['very slow', 'bad'];
	if (p99 >= slowMs * 2e5)
		return ['slow', 'bad'];
	if (usual && p99 >= 20e6 && p99 > 4 * usual)
		return ['slower', 'warn'];
	return p99 < 10e6 ? ['fast', 'ok'] : ['steady', 'ok'];
}

function queueWord(mean, p99, cpus) {
	if (mean >= cpus && p99 >= 10e6)
		return ['crowded', 'bad'];
	if (mean >= cpus / 2 && p99 >= 5e6)
		return ['busy', 'warn'];
	return ['free', 'ok'];
}

/**
 * One sentence: the worst thing and why, or that all is well.
 * @param {{latency?: string, queue?: string}} o.lasting for how long it has been so, in words
 * @param {object|null} o.only the one service that it is about, else it is about the host
 * @returns {{level: string, head: string, why: string, also: string[]}}
 */
export function verdict({ card, services, status, recent, slowMs, lasting = {}, only = null }) {
	const found = [];
	const add = (weight, level, head, why, short) => found.push({ weight, level, head, why, short });
	const active = (only ? [only] : (services?.items ?? []).filter((s) => s.role === 'server')).filter((s) => s.recent?.requests > 0 || s.recent?.responses > 0);
	if (recent) {
		errors(card, active, add);
		slowness(card, active, add, slowMs, lasting.latency);
		queue(card, add, lasting.queue, status?.runqueue?.waiting);
		memory(card, recent, add);
	}
	gaps(status, services, card, add);
	found.sort((a, b) => b.weight - a.weight);
	const [worst, ...rest] = found;
	if (worst)
		return { ...worst, also: rest.filter((f) => f.weight >= 20).map((f) => f.short) };
	return allWell(card, recent, only);
}

function errors(card, active, add) {
	const { word, ratio, errors: n, responses } = card.errors;
	if (!n || word[0] === 'few')
		return;
	const worst = [...active].sort((a, b) => b.recent.errors - a.recent.errors)[0];
	const share = worst?.recent.responses ? worst.recent.errors / worst.recent.responses : ratio;
	const who = worst?.recent.errors ? serviceName(worst) : 'This host';
	const numbers = worst?.recent.errors
		? `${format.count(worst.recent.errors)} of ${format.count(worst.recent.responses)} responses in the last ${Math.round(worst.recent.span_ms / 1000)} s were 5xx.`
		: `${format.count(n)} of ${format.count(responses)} responses were 5xx.`;
	add(word[1] === 'bad' ? 95 : 60, word[1], `${who} answers ${format.percent(share)} % of its requests with errors.`, numbers,
		`${who} answers ${format.percent(share)} % with errors`);
}

function slowness(card, active, add, slowMs, lasting) {
	const { p99, word } = card.latency;
	if (word[1] !== 'bad' && word[1] !== 'warn')
		return;
	const slow = (s) => (s.recent.duration?.p99_ns ?? 0) >= Math.min(p99 * 0.5, slowMs * 2e5) ? s.recent.duration.sum_ns : 0;
	const worst = [...active].sort((a, b) => slow(b) - slow(a))[0];
	const who = worst && slow(worst) ? serviceName(worst) : 'This host';
	const own = who === 'This host' ? null : worst.recent;
	const [first] = shares(own?.split);
	const why = first && first[1] >= 0.4
		? `${Math.round(first[1] * 100)} % of the time ${MEANING[first[0]]}.`
		: 'No one cause stands out.';
	add(word[0] === 'very slow' ? 90 : word[1] === 'bad' ? 80 : 40, word[1], `${who} is ${word[0]}.`,
		`p99 ${format.duration(own?.duration?.p99_ns ?? p99)}${held(lasting)}. ${why}`, `${who} is ${word[0]}`);
}

function queue(card, add, lasting, waiting) {
	const { word, mean, p99, cpus } = card.queue;
	if (word[1] === 'ok' || !word[0])
		return;
	const on = cpus === 1 ? 'one CPU' : `${cpus} CPUs`;
	const all = (waiting ?? []).reduce((sum, w) => sum + w.wait_ns, 0), most = waiting?.[0];
	const who = most && most.wait_ns >= 0.2 * all ? ` ${most.name} waits most: ${Math.round(100 * most.wait_ns / all)} % of it.` : '';
	add(word[1] === 'bad' ? 70 : 35, word[1], `The run queue is ${word[0]}.`,
		`${format.decimal(mean)} tasks wait for ${on}${held(lasting)}; one in a hundred waits longer than ${format.duration(p99)}.${who}`,
		`the run queue is ${word[0]} (${format.decimal(mean)} waiting)`);
}

function memory(card, recent, add) {
	const { word, ratio, used, total } = card.memory;
	const stalled = recent['pressure.memory_some'] ?? 0;
	if (word[1] === 'ok' && stalled < 0.1)
		return;
	if (!word[0])
		return;
	const level = word[1] === 'bad' || stalled >= 0.3 ? 'bad' : 'warn';
	const why = stalled >= 0.01 ? ` Tasks stood still for memory ${format.percent(stalled)} % of the time.` : '';
	add(level === 'bad' ? 85 : 45, level, `Memory is ${level === 'bad' ? 'nearly full' : 'tight'}.`,
		`${format.percent(ratio)} % of ${format.bytes(total)} is in use, ${format.bytes(total - used)} is left.${why}`, 'memory is tight');
}

const PROBE = { http: 'HTTP requests are', sched: 'The run queue is', oom: 'Out-of-memory kills are' };

// What can't be seen, and what there is to see yet.
function gaps(status, services, card, add) {
	const off = (status?.coverage.probes ?? []).filter((p) => p.state !== 'on');
	// What was left out on purpose needs no attention.
	for (const p of off.filter((p) => p.reason !== 'left out by --without'))
		add(p.name === 'http' ? 75 : 50, 'warn', `${PROBE[p.name] ?? `Probe ${p.name} is`} not measured.`, sentence(p.reason) || 'No reason was given.',
			`${p.name} is not measured`);
	if (off.some((p) => p.name === 'http') || !status || card.requests.rate === null)
		return;
	const seen = (services?.items ?? []).some((s) => s.role === 'server' && s.requests > 0);
	const { tls = 0, http2 = 0 } = status.connections ?? {};
	if (seen || card.requests.rate > 0)
		return;
	if (tls || http2)
		add(10, 'info', 'No readable HTTP yet.', `${hidden(tls, http2)} seen: rqscope recognises them but can't look inside.`, '');
	else
		add(10, 'info', 'Waiting for the first HTTP request.', 'Everything else on this host is measured already.', '');
}

export function hidden(tls, http2) {
	const parts = [];
	if (tls)
		parts.push(`${format.count(tls)} TLS`);
	if (http2)
		parts.push(`${format.count(http2)} HTTP/2`);
	return `${parts.join(' and ')} connection${tls + http2 === 1 ? ' was' : 's were'}`;
}

const held = (lasting) => (lasting ? `, for ${lasting} now` : '');
export const sentence = (text) => (text ? text.charAt(0).toUpperCase() + text.slice(1).replace(/[.\s]*$/, '.') : '');

function allWell(card, recent, only) {
	if (!recent)
		return { level: 'info', head: 'Connected.', why: 'Reading the first numbers.', also: [] };
	const head = only ? `${serviceTitle(only)} is well.` : 'All is well.';
	const { requests, latency, errors: e } = card;
	if (!requests.rate)
		return { level: 'ok', head, why: 'No requests at the moment.', also: [] };
	const parts = [`${format.decimal(requests.rate)} requests/s`];
	if (latency.p99 !== null)
		parts.push(`p99 ${format.duration(latency.p99)}`);
	parts.push(e.errors ? `${format.percent(e.ratio)} % errors` : 'no errors');
	const room = card.queue.word[0] === 'free' ? ', and the CPUs have room' : '';
	return { level: 'ok', head, why: `${parts.join(', ')}${room}.`, also: [] };
}

/** For how long the pictures have shown slowness and a crowd without a pause, in words; '': for no time worth telling. */
export function lasting({ host, own }, hello) {
	const over = ({ t, span }, values, limit) => {
		let k = values.length - 1;
		while (k >= 0 && values[k] >= limit)
			k--;
		if (k === values.length - 1)
			return '';
		const ms = t[values.length - 1] - (k < 0 ? t[0] - span[0] : t[k]);
		return ms < 2000 ? '' : `${k < 0 ? 'more than ' : ''}${format.elapsed(ms)}`;
	};
	return { latency: over(own.data, own.data.latency.p99, hello.slow_ms * 2e5), queue: over(host.data, host.data.waiting, hello.host.cpus / 2) };
}

/** Null where too little is known. */
export function median(values) {
	const known = values.filter((v) => v !== null).sort((a, b) => a - b);
	return known.length >= 20 ? known[known.length >> 1] : null;
}
