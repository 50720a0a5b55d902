// SPDX-License-Identifier: GPL-2.0-only
// heat - a heatmap of windows: time across, rows of a logarithmic scale up, colour by count.
//
// Here: which rows and colours are shown; raster.js paints. Rows are whole pixels high, so that no seam shows.
import { rampStep } from '../colours.js';

const MARGIN_ROWS = 2;
const LEAST_ROWS = 36; // nine octaves: calm data don't fill the picture with noise

export class Heat {
	/** @param {string} name of the heatmap in the protocol */
	constructor(name) {
		this.name = name;
		this.lowsNs = [0];
		this.low = this.high = -1; // rows shown
		this.top = 0;
		this.max = 1; // count that has the last colour
		this.steps = new Uint8Array(4096);
	}

	/** Where a duration lies, in rows. */
	rowOf(ns) {
		const lows = this.lowsNs;
		let lo = 0, hi = lows.length - 1;
		if (ns === null)
			return null;
		while (lo < hi) {
			const mid = (lo + hi + 1) >> 1;
			if (lows[mid] <= ns)
				lo = mid;
			else
				hi = mid - 1;
		}
		const next = lows[lo + 1];
		return next ? lo + (ns - lows[lo]) / (next - lows[lo]) : lo;
	}

	/** Chooses rows and colours for what @picture holds. @heightPx: device pixels of the plot. */
	fit(picture, heightPx) {
		this.lowsNs = picture.timeline.lowsNs;
		const heat = picture.timeline.heat[this.name];
		const { first, n } = picture.data;
		let low = 255, high = 0;
		for (let i = first; i < first + n; i++) {
			low = Math.min(low, heat.low[i]);
			high = Math.max(high, heat.high[i]);
		}
		if (low > high)
			[low, high] = this.low >= 0 ? [this.low + MARGIN_ROWS, this.high - MARGIN_ROWS] : [30, 66];
		low -= MARGIN_ROWS;
		high += MARGIN_ROWS;
		// Wider at once, narrower only when much is empty.
		if (this.low < 0 || low < this.low || high > this.high || low > this.low + 10 || high < this.high - 10) {
			const lack = Math.max(0, LEAST_ROWS - (high - low));
			this.low = Math.max(0, low - (lack >> 1));
			this.high = Math.min(this.lowsNs.length, Math.max(high, this.low + LEAST_ROWS));
		}
		this.rowPx = Math.max(1, Math.floor(heightPx / (this.high - this.low)));
		this.top = this.low + heightPx / this.rowPx;
		this.#colours(picture.heatMax(this.name));
	}

	#colours(max) {
		const wanted = Math.max(2, max);
		if (wanted <= this.max && wanted >= this.max / 3)
			return;
		this.max = 2 ** Math.ceil(Math.log2(wanted));
		for (let c = 1; c < this.steps.length; c++) {
			const step = rampStep(c, this.max);
			this.steps[c] = step;
			if (step === 255) {
				this.steps.fill(255, c);
				break;
			}
		}
	}

	/** Which colour a count has. */
	step = (count) => (count < this.steps.length ? this.steps[count] : rampStep(count, this.max));

	paint(raster, picture) {
		raster.heat(picture.timeline.heat[this.name], this.low, this.high, this.rowPx, this.step);
	}
}

/** Ticks at whole powers of ten, as rows; heat.decades has the durations that they stand for. */
export function decadeTicks(heat, heightPx) {
	const last = heat.lowsNs.length - 1;
	const rowsPerDecade = 4 * Math.log2(10);
	const factor = heightPx * rowsPerDecade / (heat.top - heat.low) < 20 ? 100 : 10;
	heat.decades = new Map();
	for (let ns = 1e4; ns <= 1e11; ns *= factor) {
		const row = heat.rowOf(ns);
		if (row >= heat.low && row <= heat.top && row < last)
			heat.decades.set(row, ns);
	}
	return [...heat.decades.keys()];
}
