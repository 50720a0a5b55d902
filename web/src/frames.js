// SPDX-License-Identifier: GPL-2.0-only
// frames - when to draw: once a frame at most, only what changed, and nothing while nobody looks. No DOM.
//
// A frame in which text changes costs the browser three times as much as one in which only pictures move, however
// little text it is. So pictures move with each window, and all that is read changes in one frame about once a second:
// that in which new rows of the tables come.

const PICTURES = new Set(['picture', 'cross']);
const WAITS = new Set(['services', 'events', 'status', 'recent', 'routes', 'inflight', 'tick']);
const LEADS = new Set(['services', 'events']); // the rest goes along with these
const READ_MS = 1150; // at the latest; services come once a second
const APART_MS = 450; // at the least
const LATEST_MS = 300; // what waits goes along with the next windows, if they come so soon

export class Frames {
	#dirty = new Set();
	#frame = 0;
	#latest = 0;
	#readAt = -Infinity;
	#draw;
	#settled;

	/**
	 * @param {(what: Set<string>, reads: boolean) => void} draw reads: what is read may change in this frame
	 * @param {() => boolean} settled whether there are numbers; before, nothing waits
	 */
	constructor(draw, settled) {
		this.#draw = draw;
		this.#settled = settled;
	}

	/** @param {...(string|null)} what is to be drawn anew */
	changed(...what) {
		for (const w of what)
			if (w)
				this.#dirty.add(w);
		if (!this.#frame && this.#dirty.size && !document.hidden)
			this.#ask(this.#settled() && what.every((w) => !w || WAITS.has(w)));
	}

	/** From within a frame: @what gets the next one. */
	next(what) {
		this.#dirty.add(what);
		this.#readAt = -Infinity;
		this.#ask(false);
	}

	#ask(canWait) {
		if (!canWait)
			this.#frame ||= requestAnimationFrame(() => this.#begin());
		else
			this.#latest ||= setTimeout(() => {
				this.#latest = 0;
				this.#ask(false);
			}, Math.max(0, this.#wait(this.#dirty)) + LATEST_MS);
	}

	/** How long until what is read may change again, when @what has changed. */
	#wait(what) {
		return this.#readAt + ([...what].some((w) => LEADS.has(w)) ? APART_MS : READ_MS) - performance.now();
	}

	#begin() {
		this.#frame = 0;
		if (document.hidden)
			return;
		const what = new Set(this.#dirty);
		const reads = this.#wait(what) <= 0 || !this.#settled() || [...what].some((w) => !PICTURES.has(w) && !WAITS.has(w));
		this.#dirty.clear();
		if (reads) {
			clearTimeout(this.#latest);
			this.#latest = 0;
			this.#readAt = performance.now();
		} else {
			for (const w of what)
				if (WAITS.has(w) && what.delete(w))
					this.#dirty.add(w);
			if (this.#dirty.size)
				this.#ask(true);
		}
		this.#draw(what, reads);
	}
}
