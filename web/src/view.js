// SPDX-License-Identifier: GPL-2.0-only
// view - which stretch of time is looked at: the one place that knows. No clock.
//
// `rangeMs` is its length, `endT` its end in UNIX ms, or null: it ends now and moves along (live). `paused` says that
// numbers and words stand still too; a view that was only moved or zoomed has those of now. Live is never paused.

import * as prefs from './prefs.js';

export const LEAST_MS = 1000;
export const MOST_MS = 6 * 3600e3;
const TRAIL = 20; // zooms that can be taken back

const within = (ms) => Math.min(MOST_MS, Math.max(LEAST_MS, ms));

export class View {
	/** @param {number} rangeMs the length to begin with, and to return to */
	constructor(rangeMs) {
		this.rangeMs = this.chosenMs = rangeMs;
		this.endT = null;
		this.paused = false;
		this.trail = []; // what was looked at before each zoom
		this.listeners = new Set();
	}

	/** @returns {{rangeMs: number, endT: number|null, paused: boolean}} */
	get() {
		return { rangeMs: this.rangeMs, endT: this.endT, paused: this.paused };
	}

	/** Any of what get() returns; who subscribed is told if it is a change. */
	set({ rangeMs = this.rangeMs, endT = this.endT, paused = this.paused }) {
		const next = { rangeMs: within(rangeMs), endT, paused: paused && endT !== null };
		if (next.rangeMs === this.rangeMs && next.endT === this.endT && next.paused === this.paused)
			return;
		Object.assign(this, next);
		for (const tell of this.listeners)
			tell(this.get());
	}

	/** @param {(view: object) => void} tell @returns {() => void} ends it */
	subscribe(tell) {
		this.listeners.add(tell);
		return () => this.listeners.delete(tell);
	}

	get live() {
		return this.endT === null;
	}

	get zoomed() {
		return this.rangeMs !== this.chosenMs;
	}

	/** A length that was chosen by name. A view of the past keeps its middle, if there is as much after it. */
	choose(rangeMs, newestT) {
		const middle = this.live ? newestT : this.endT - this.rangeMs / 2;
		this.trail = [];
		this.chosenMs = within(rangeMs);
		const endT = this.live || (!this.paused && middle + rangeMs / 2 >= newestT) ? null : Math.min(newestT, middle + rangeMs / 2);
		this.set({ rangeMs, endT });
	}

	zoom(fromT, toT) {
		if (!(toT > fromT))
			return;
		this.trail.push({ ...this.get() });
		this.trail.splice(0, this.trail.length - TRAIL);
		const rangeMs = within(toT - fromT);
		this.set({ rangeMs, endT: (fromT + toT) / 2 + rangeMs / 2 });
	}

	/** Take back the last zoom; without one, to now. */
	back() {
		const before = this.trail.pop();
		if (before)
			this.set(before);
		else
			this.follow();
	}

	/** To now, at the length that was chosen. */
	follow() {
		this.trail = [];
		this.set({ rangeMs: this.chosenMs, endT: null });
	}

	/** Along time by @ms, down to @oldestT. What reaches @newestT follows it from there. */
	move(ms, oldestT, newestT) {
		const endT = (this.endT ?? newestT) + ms;
		this.set({ endT: endT >= newestT ? null : Math.max(Math.min(newestT, oldestT + this.rangeMs), endT) });
	}

	/** Half (or double) the length around the moment @t. */
	scale(factor, t, newestT) {
		const rangeMs = within(this.rangeMs * factor), end = this.endT ?? newestT;
		const endT = t + (end - t) * rangeMs / this.rangeMs;
		this.set({ rangeMs, endT: this.paused ? Math.min(endT, newestT) : endT >= newestT ? null : endT });
	}

	/** Stop where it is, or go on with what is now. */
	togglePause(newestT) {
		if (!this.live)
			this.follow();
		else if (newestT > 0)
			this.set({ endT: newestT, paused: true });
	}
}

export const view = new View(prefs.range.get());
