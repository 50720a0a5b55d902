// SPDX-License-Identifier: GPL-2.0-only
// rolling - sums over the last so many ms before a window. Asked for one window after the other, upward.

/** First window that belongs to the @rollMs that end with window @i. */
function tail(timeline, i, from, rollMs) {
	const edge = timeline.t[i] - rollMs - 1;
	while (from < i && timeline.t[from] - timeline.span[from] < edge)
		from++;
	return from;
}

function begin(timeline, first, rollMs) {
	return first > timeline.start && first < timeline.end ? tail(timeline, first, timeline.start, rollMs) : Math.min(first, timeline.start);
}

/** A column; unknown values are left out. With rollMs 0 a window stands for itself. */
export class Rolling {
	constructor(timeline, values, rollMs, first) {
		this.timeline = timeline;
		this.values = values;
		this.rollMs = rollMs;
		this.sum = 0;
		this.known = 0;
		this.from = this.to = begin(timeline, first, rollMs);
	}

	/** How many known values there were in the last sum. */
	get windows() {
		return this.rollMs ? this.known : 1;
	}

	at(i) {
		if (!this.rollMs)
			return this.values[i];
		for (; this.to <= i; this.to++)
			this.#add(this.to, 1);
		const from = tail(this.timeline, i, this.from, this.rollMs);
		for (; this.from < from; this.from++)
			this.#add(this.from, -1);
		return this.known ? this.sum : NaN;
	}

	#add(i, sign) {
		const value = this.values[i];
		if (value !== value)
			return;
		this.sum += sign * value;
		this.known += sign;
		if (!this.known)
			this.sum = 0; // no rounding rest
	}
}

/** A heatmap, with the column of its maxima. */
export class RollingHeat {
	constructor(timeline, heat, maxima, rollMs, first) {
		Object.assign(this, { timeline, heat, maxima, rollMs });
		this.rows = new Float64Array(timeline.rows);
		this.count = 0;
		this.from = this.to = begin(timeline, first, rollMs);
	}

	moveTo(i) {
		for (; this.to <= i; this.to++)
			this.#add(this.to, 1);
		const from = tail(this.timeline, i, this.from, this.rollMs);
		for (; this.from < from; this.from++)
			this.#add(this.from, -1);
	}

	max() {
		let max = NaN;
		for (let i = this.from; i < this.to; i++) {
			const value = this.maxima[i];
			if (value === value && !(value <= max))
				max = value;
		}
		return max;
	}

	percentile(q) {
		const rank = Math.max(1, Math.ceil(q * this.count));
		let before = 0;
		if (!this.count)
			return null;
		for (let row = 0; row < this.rows.length; row++) {
			const n = this.rows[row];
			if (before + n < rank) {
				before += n;
				continue;
			}
			const low = this.timeline.lowsNs[row] || 512;
			const high = this.timeline.lowsNs[row + 1] ?? low * 1.25;
			const value = low * (high / low) ** ((rank - before - 0.5) / n);
			const max = this.max();
			return value > max ? max : value;
		}
		return null;
	}

	#add(i, sign) {
		const { counts, low, high, rows } = this.heat;
		for (let row = low[i]; row <= high[i]; row++) {
			const n = sign * counts[i * rows + row];
			this.rows[row] += n;
			this.count += n;
		}
	}
}
