// SPDX-License-Identifier: GPL-2.0-only
// focus - the one service that the page shows, or none: who it is, whether it is there, its windows and routes. No DOM.
//
// It is known by name, role and port (or path) and container: the slot that the server has it in is another one after a restart.
import { Timeline } from './timeline.js';
import { COLUMNS, HEAT, Windows } from './windows.js';

/** @typedef {{name: string, role: string, port: number, path?: string|null, container?: string|null}} Who */

const SECOND_MS = 1000;

/** Of a message about a service, or a service's answer, as one of the host: the same columns under the same names. */
function asHosts({ columns = {}, heat = {}, ...message }) {
	const renamed = (all) => Object.fromEntries(Object.entries(all).map(([name, values]) => [name.replace(/^service\./, 'http.server.'), values]));
	return { ...message, columns: renamed(columns), heat: renamed(heat) };
}

export class Focus {
	/**
	 * @param {{send: (message: object) => boolean, questions: () => import('./questions.js').Questions}} on
	 */
	constructor(on) {
		this.on = on;
		this.listeners = new Set();
		this.hello = null;
		this.nothing = null; // a timeline of a service of which nothing is known
		this.services = null;
		this.#reset(null);
	}

	#reset(who) {
		this.who = who;
		this.service = null; // as the last message about services has it; the last that had it, when it has gone
		this.slot = null; // that is watched
		this.seen = false; // since this rqscope was started
		this.gone = false;
		this.refused = false; // the server knows of nobody in its slot
		this.routes = null; // the last message
		this.windows = null;
	}

	/** Whether the page shows one service. */
	get active() {
		return this.who !== null;
	}

	/** Whether this rqscope tells what each service did in each window. */
	get charted() {
		return Boolean(this.hello?.service_history);
	}

	/** Whether it is known, and none of its programs is left. */
	get ended() {
		return !this.gone && this.service?.active === false;
	}

	/** @param {() => void} tell called when another service is shown, or none */
	subscribe(tell) {
		this.listeners.add(tell);
	}

	/** @param {Who|null} who null: the whole host */
	show(who) {
		if (!who && !this.who)
			return;
		if (who && this.who && this.#is(who))
			return;
		this.#watch(null);
		this.#reset(who && { name: who.name, role: who.role, port: who.port, path: who.path ?? null, container: who.container ?? null });
		if (who && this.services)
			this.#find(this.services);
		for (const tell of this.listeners)
			tell();
	}

	/** What comes is of another host. */
	forget() {
		this.hello = this.services = null;
		this.slot = null;
		this.show(null);
	}

	/** Whether @s is the service that is shown. */
	#is(s) {
		const { who } = this;
		return who !== null && s.name === who.name && s.role === who.role && s.port === who.port && (s.path ?? null) === who.path && (s.container ?? null) === who.container;
	}

	has(service) {
		return service.slot === this.slot && this.#is(service);
	}

	/** @returns {string|null} what changed: picture, ranged, focus, routes */
	apply(message) {
		switch (message.type) {
		case 'hello':
			return this.#hello(message);
		case 'services':
			this.services = message;
			return this.active ? this.#find(message) : null;
		case 'service_windows':
			if (message.slot !== this.slot || !this.windows)
				return null;
			return [message.ended && this.#ended(), this.windows.add(asHosts(message)) && 'picture'].find(Boolean) || null;
		case 'routes':
			if (message.slot !== this.slot)
				return null;
			if (message.ended)
				return this.#ended();
			this.routes = message;
			this.refused = false;
			return 'routes';
		case 'error':
			if (message.code !== 'no_service' || this.slot === null)
				return null;
			this.slot = null; // it is asked for again with the next services
			this.refused = true;
			return 'focus';
		default:
			return null;
		}
	}

	#hello(hello) {
		if (this.hello?.instance !== hello.instance) {
			this.services = this.routes = null;
			this.seen = false;
		}
		this.hello = hello;
		this.nothing = new Timeline(1, COLUMNS, HEAT, hello.heat.lows_ns);
		this.slot = null; // a new connection watches nothing
		if (this.services && this.active)
			this.#find(this.services);
		return null;
	}

	#find({ items, t }) {
		const found = items.find((s) => this.has(s)) ?? items.find((s) => this.#is(s)) ?? null;
		if (found) {
			this.service = found;
			this.seen = true;
		}
		if (!found || found.slot === null) // it is still listed, and another one has its slot
			return this.#ended();
		const back = this.gone || found.slot !== this.slot;
		this.gone = false;
		if (back)
			this.#watch(found.slot, Math.max(t, this.hello.now_ms));
		if (!this.charted)
			this.#fromSparks(found, t);
		return back ? 'focus' : this.charted ? null : 'ranged';
	}

	#ended() {
		const news = !this.gone;
		this.gone = true;
		this.#watch(null);
		return news ? 'focus' : null;
	}

	#watch(slot, nowT) {
		if (slot === this.slot)
			return;
		this.slot = slot;
		this.windows?.stop();
		this.on.send({ type: 'watch', slot });
		if (slot === null)
			return; // what is known of it stays
		const questions = this.on.questions();
		const ask = (from, to, points, take, more) => questions.ask(from, to, points, (m) => take(asHosts(m)), more);
		this.windows = new Windows({ ask, waits: (id) => questions.waits(id) }, { lowsNs: this.hello.heat.lows_ns, tickMs: this.hello.tick_ms, slot });
		if (this.charted)
			this.#fill(this.windows, nowT);
	}

	#fill(windows, nowT) {
		if (windows === this.windows && !windows.fill(nowT))
			setTimeout(() => this.#fill(windows, nowT), SECOND_MS); // too many questions at a time
	}

	// Without windows of its own there is still the last minute in seconds: requests and p99.
	#fromSparks({ spark = [], spark_p99_ns: p99 = [] }, nowT) {
		const known = spark.map((n, k) => k).filter((k) => spark[k] !== null);
		this.windows.live.clear();
		this.windows.live.add({
			t: known.map((k) => nowT - (spark.length - 1 - k) * SECOND_MS), span_ms: known.map(() => SECOND_MS),
			columns: { 'http.server.requests': known.map((k) => spark[k]), 'http.server.duration.p99_ns': known.map((k) => p99[k] ?? null) },
		});
	}

	/** Each window of the last minutes. */
	get live() {
		return this.windows?.live ?? this.nothing;
	}

	/** See timelineFor() of windows.js. @param {{newestT: number, oldestT: number, ticksFromT: number}} known of the host */
	timelineFor(rangeMs, endT, widthPx, known) {
		if (!this.windows || !this.charted)
			return this.live;
		return this.windows.timelineFor(rangeMs, endT, widthPx, { ...known, oldestT: this.oldestT(known) });
	}

	/** Before this nothing is known of one service. */
	oldestT({ newestT, oldestT }) {
		return this.charted ? Math.max(oldestT, newestT - Math.max(...this.hello.service_history.map((h) => h.span_ms))) : oldestT;
	}

	/** What assess.cards() needs, of the last seconds: the service's own, and the host's @recent for the rest. */
	recent(recent) {
		const own = this.service?.recent, all = {};
		for (const name in recent)
			if (!name.startsWith('http.'))
				all[name] = recent[name];
		if (!own || this.gone)
			return all;
		const http = { requests: own.requests, responses: own.responses, status_5xx: own.errors, in_flight: this.service.in_flight };
		for (const [name, value] of Object.entries(own.duration))
			http[`duration.${name}`] = value;
		for (const name in http)
			all[`http.server.${name}`] = http[name];
		return { ...all, span_ms: own.span_ms };
	}
}
