// SPDX-License-Identifier: GPL-2.0-only
// replay - a snapshot as the messages of a server, so that neither store nor views know the difference. No DOM.
//
// history.ranges are what questions for longer ranges are answered from, as they are: a reader gets windows of the
// resolution that there is. One question is answered exactly, the one for the last seconds as one window.
import { merged } from './merge.js';

const OVER_MS = 10000; // what services[].recent covers
const FINER = 6; // windows so many times shorter than asked for are still given; more would only be a burden
const ENOUGH = 2 / 3; // of a range that the finest windows must cover; the rest is filled from longer ones

export class Replay {
	/**
	 * @param {object} snapshot of readSnapshot() in snapshot.js
	 * @param {(message: object) => void} deliver
	 */
	constructor(snapshot, deliver) {
		this.snapshot = snapshot;
		this.deliver = deliver;
		this.sources = [snapshot.history, ...snapshot.ranges].filter((s) => s.t.length)
			.sort((a, b) => a.resolution_ms - b.resolution_ms);
		this.latest = this.sources.find((s) => s.t.length === 1 && s.resolution_ms > snapshot.history.resolution_ms) ?? null;
		if (this.sources.length > 1)
			this.sources = this.sources.filter((s) => s !== this.latest);
		this.ended = false;
	}

	get endT() {
		return this.snapshot.history.t.at(-1);
	}

	/** Tells all that does not have to be asked for. */
	start() {
		const { snapshot: s, endT } = this;
		this.deliver({
			type: 'hello', protocol: 1, instance: `replay of ${s.host.name} ${endT}`, tool: s.tool, host: s.host, attached_ms: endT - s.uptime_ms,
			now_ms: endT, tick_ms: s.history.resolution_ms, rate_ms: 1000, slow_ms: s.slow_ms, seq: s.history.t.length,
			columns: [...new Set(this.sources.flatMap((r) => Object.keys(r.columns)))], heat: { lows_ns: s.lows_ns },
			history: this.sources.map((r) => ({ resolution_ms: r.resolution_ms, span_ms: endT - firstT(r) })),
		});
		this.deliver({ type: 'services', t: endT, over_ms: OVER_MS, items: s.services });
		this.deliver({ type: 'events', ...s.events });
		this.deliver({ type: 'status', t: endT, uptime_ms: s.uptime_ms, ...s.status });
	}

	/** A message of the page to the server. */
	send(message) {
		if (this.ended)
			return false;
		const answer = message.type === 'history' ? this.#history(message) : message.type === 'watch' ? this.#routes(message) : null;
		if (answer)
			queueMicrotask(() => this.ended || this.deliver(answer)); // who asks notes the question after it was sent
		return true;
	}

	#routes({ slot }) {
		const service = this.snapshot.services.find((s) => s.slot === slot);
		return service ? { type: 'routes', slot, t: this.endT, over_ms: OVER_MS, items: service.routes } : null;
	}

	end() {
		this.ended = true;
	}

	#history({ id, from_ms: from, to_ms: to, points }) {
		const exact = points === 1 && this.latest && Math.abs(to - this.latest.t[0]) < 2 * this.snapshot.history.resolution_ms;
		const parts = exact ? [this.latest] : points === 1 ? [merged(this.#pick(from, to, 0), this.snapshot.lows_ns)]
			: this.#pick(from, to, (to - from) / points);
		return { type: 'history', id, from_ms: from, to_ms: to, resolution_ms: parts[0]?.resolution_ms ?? 0, missed: 0, ...joined(parts) };
	}

	/** The windows that end in (from, to], oldest first. */
	#pick(from, to, wanted) {
		const begin = Math.max(from, Math.min(...this.sources.map(firstT))), length = to - begin;
		const fit = this.sources.filter((s) => s.resolution_ms * FINER >= wanted);
		const reach = (s) => (to - Math.max(begin, firstT(s))) / length;
		const main = fit.find((s) => reach(s) >= ENOUGH) ?? fit.reduce((a, b) => (a && reach(a) >= reach(b) ? a : b), null) ?? this.sources.at(-1);
		const parts = [cut(main, from, to)];
		for (const s of this.sources.slice(this.sources.indexOf(main) + 1)) {
			const edge = parts[0].t.length ? firstT(parts[0]) : to;
			if (edge - begin < s.resolution_ms)
				break;
			const part = cut(s, from, edge + s.resolution_ms / 2);
			if (part.t.length)
				parts.unshift(part);
		}
		return parts.filter((p) => p.t.length);
	}
}

const firstT = (windows) => windows.t[0] - windows.span_ms[0];

function cut(windows, from, to) {
	let a = windows.t.findIndex((t) => t > from), b = windows.t.findIndex((t) => t > to);
	a = a < 0 ? windows.t.length : a;
	b = b < 0 ? windows.t.length : b;
	const slice = (lists) => Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.slice(a, b)]));
	return { resolution_ms: windows.resolution_ms, t: windows.t.slice(a, b), span_ms: windows.span_ms.slice(a, b), columns: slice(windows.columns), heat: slice(windows.heat) };
}

/** Several stretches as one message: what one of them lacks is null there. */
function joined(parts) {
	const names = (kind) => [...new Set(parts.flatMap((p) => Object.keys(p[kind])))];
	const lists = (kind) => Object.fromEntries(names(kind).map((name) => [name, parts.flatMap((p) => p[kind][name] ?? p.t.map(() => null))]));
	return { t: parts.flatMap((p) => p.t), span_ms: parts.flatMap((p) => p.span_ms), columns: lists('columns'), heat: lists('heat') };
}
