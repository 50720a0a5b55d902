// SPDX-License-Identifier: GPL-2.0-only
// timeline - windows in order of time, as columns of numbers. No DOM, no clock.
//
// Bounded: the newest `capacity` windows are kept. Arrays have twice that length and are moved down when the end
// is reached, so that a range of windows is always one slice. An unknown number is NaN.

export class Timeline {
	/**
	 * @param {number} capacity windows kept
	 * @param {string[]} names columns
	 * @param {string[]} heatNames heatmaps
	 * @param {number[]} lowsNs lower end of each row of the heatmaps
	 */
	constructor(capacity, names, heatNames, lowsNs) {
		const slots = capacity * 2;
		this.capacity = capacity;
		this.rows = lowsNs.length;
		this.lowsNs = lowsNs;
		this.start = 0; // first and one past the last window
		this.end = 0;
		this.shuffled = 0; // rises when windows changed their place
		this.t = new Float64Array(slots); // end of the window, UNIX ms
		this.span = new Float64Array(slots);
		this.columns = {};
		for (const name of names)
			this.columns[name] = new Float64Array(slots);
		this.heat = {};
		for (const name of heatNames)
			this.heat[name] = new Heat(slots, this.rows);
	}

	get length() {
		return this.end - this.start;
	}

	get lastT() {
		return this.length ? this.t[this.end - 1] : NaN;
	}

	get firstT() {
		return this.length ? this.t[this.start] - this.span[this.start] : NaN;
	}

	clear() {
		this.shuffled++;
		this.start = this.end = 0;
	}

	/**
	 * Take in the windows of a message (`windows` or `history`). What is known already is left out; what is older
	 * than the newest window known finds its place.
	 * @returns {number} windows taken in
	 */
	add(message) {
		const n = message.t.length;
		let from = 0;
		if (!n)
			return 0;
		if (this.length && message.t[0] - message.span_ms[0] / 2 < this.lastT)
			return this.#merge(message);
		for (; from < n; from++)
			this.#append(message, from);
		return n;
	}

	/** Forget what ended before @fromT or after @toT. */
	keep(fromT, toT) {
		const start = this.find(fromT), end = this.find(toT + 0.5);
		if (end < this.end)
			this.shuffled++;
		this.start = Math.min(start, end);
		this.end = end;
	}

	/** The first window that ends at or after @t; `end` when there is none. */
	find(t) {
		let lo = this.start, hi = this.end;
		while (lo < hi) {
			const mid = (lo + hi) >> 1;
			if (this.t[mid] < t)
				lo = mid + 1;
			else
				hi = mid;
		}
		return lo;
	}

	/** Whether something was measured at the moment @t. */
	#covers(t) {
		const i = this.find(t);
		return i < this.end && this.t[i] - this.span[i] <= t;
	}

	#append(message, from) {
		if (this.end === this.t.length)
			this.#moveDown();
		const i = this.end++;
		this.t[i] = message.t[from];
		this.span[i] = message.span_ms[from];
		for (const name in this.columns) {
			const value = message.columns[name]?.[from];
			this.columns[name][i] = typeof value === 'number' ? value : NaN;
		}
		for (const name in this.heat)
			this.heat[name].set(i, message.heat?.[name]?.[from]);
		if (this.end - this.start > this.capacity)
			this.start = this.end - this.capacity;
	}

	// Seldom: after connecting, or on coming back to a tab.
	#merge(message) {
		const fresh = [];
		for (let i = 0; i < message.t.length; i++)
			if (!this.#covers(message.t[i] - message.span_ms[i] / 2))
				fresh.push(i);
		if (!fresh.length)
			return 0;
		const last = this.lastT;
		if (message.t[fresh[0]] > last) {
			for (const i of fresh)
				this.#append(message, i);
			return fresh.length;
		}
		const old = this.#copyOut();
		let a = 0, b = 0;
		this.clear();
		while (a < old.t.length || b < fresh.length) {
			if (b === fresh.length || (a < old.t.length && old.t[a] < message.t[fresh[b]]))
				this.#append(old, a++);
			else
				this.#append(message, fresh[b++]);
		}
		return fresh.length;
	}

	#copyOut() {
		const { start, end } = this;
		const copy = { t: this.t.slice(start, end), span_ms: this.span.slice(start, end), columns: {}, heat: {} };
		for (const name in this.columns)
			copy.columns[name] = this.columns[name].slice(start, end);
		for (const name in this.heat)
			copy.heat[name] = this.heat[name].pairs(start, end);
		return copy;
	}

	#moveDown() {
		const { start, end } = this;
		this.shuffled++;
		this.t.copyWithin(0, start, end);
		this.span.copyWithin(0, start, end);
		for (const name in this.columns)
			this.columns[name].copyWithin(0, start, end);
		for (const name in this.heat)
			this.heat[name].moveDown(start, end);
		this.start = 0;
		this.end = end - start;
	}
}

// Counts by window and row, and of each window the lowest and highest row and the largest count.
class Heat {
	constructor(slots, rows) {
		this.rows = rows;
		this.counts = new Uint32Array(slots * rows);
		this.low = new Uint8Array(slots); // low > high: empty
		this.high = new Uint8Array(slots);
		this.max = new Uint32Array(slots);
	}

	set(i, pairs) {
		const base = i * this.rows;
		let max = 0, low = 255, high = 0;
		this.counts.fill(0, base, base + this.rows);
		for (let k = 0; pairs && k + 1 < pairs.length; k += 2) {
			const row = pairs[k], count = pairs[k + 1];
			if (!(row >= 0 && row < this.rows && count > 0))
				continue;
			this.counts[base + row] = count;
			low = Math.min(low, row);
			high = Math.max(high, row);
			max = Math.max(max, count);
		}
		this.low[i] = low;
		this.high[i] = high;
		this.max[i] = max;
	}

	pairs(start, end) {
		const all = [];
		for (let i = start; i < end; i++) {
			const pairs = [];
			for (let row = this.low[i]; row <= this.high[i]; row++) {
				const count = this.counts[i * this.rows + row];
				if (count)
					pairs.push(row, count);
			}
			all.push(pairs);
		}
		return all;
	}

	moveDown(start, end) {
		this.counts.copyWithin(0, start * this.rows, end * this.rows);
		this.low.copyWithin(0, start, end);
		this.high.copyWithin(0, start, end);
		this.max.copyWithin(0, start, end);
	}
}
