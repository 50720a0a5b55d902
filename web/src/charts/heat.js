// SPDX-License-Identifier: GPL-2.0-only
// heat - a heatmap of windows: time across, rows of a logarithmic scale up, colour by count.
//
// Painted as one small picture, a pixel a column and row, and stretched upward by a whole factor, so that all rows
// are equally high and no seam shows.
import { ramp, rampStep } from '../colours.js';

const MARGIN_ROWS = 2;
const LEAST_ROWS = 36; // nine octaves: calm data don't fill the picture with noise

export class Heat {
	/** @param {string} name of the heatmap in the protocol */
	constructor(name) {
		this.name = name;
		this.canvas = document.createElement('canvas');
		this.context = this.canvas.getContext('2d');
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
		if (wanted > this.max || wanted < this.max / 3)
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

	/** Paints into uPlot's canvas; the y scale of @u counts rows from this.low to this.top. */
	paint(u, picture) {
		const { left, top, width, height } = u.bbox;
		const w = Math.round(width), h = this.high - this.low;
		const { t, span, first, n } = picture.data;
		const heat = picture.timeline.heat[this.name];
		const perMs = w / (picture.maxT - picture.minT);
		if (w < 1 || h < 1)
			return;
		if (this.canvas.width !== w || this.canvas.height !== h || !this.image) {
			this.canvas.width = w;
			this.canvas.height = h;
			this.image = this.context.createImageData(w, h);
			this.pixels = new Uint32Array(this.image.data.buffer);
			this.sum = new Float64Array(heat.rows);
		}
		this.pixels.fill(0);
		let x0 = -1, x1 = -1; // the column that is being added up
		let low = 255, high = 0;
		for (let k = 0; k < n; k++) {
			const i = first + k;
			const from = Math.max(0, Math.floor((t[k] - span[k] - picture.minT) * perMs + 0.01));
			const to = Math.min(w, Math.max(from + 1, Math.floor((t[k] - picture.minT) * perMs + 0.01)));
			if (from !== x0 || to !== x1) {
				this.#column(x0, x1, low, high);
				x0 = from;
				x1 = to;
				low = 255;
				high = 0;
			}
			if (heat.low[i] > heat.high[i])
				continue;
			low = Math.min(low, heat.low[i]);
			high = Math.max(high, heat.high[i]);
			for (let row = heat.low[i], at = i * heat.rows + row; row <= heat.high[i]; row++, at++)
				this.sum[row] += heat.counts[at];
		}
		this.#column(x0, x1, low, high);
		this.context.putImageData(this.image, 0, 0);
		const tall = h * this.rowPx;
		u.ctx.imageSmoothingEnabled = false;
		u.ctx.drawImage(this.canvas, 0, 0, w, h, Math.round(left), Math.round(top + height) - tall, w, tall);
	}

	#column(x0, x1, low, high) {
		const w = this.canvas.width;
		const last = this.steps.length - 1;
		for (let row = low; row <= high; row++) {
			const count = this.sum[row];
			this.sum[row] = 0;
			if (!count || row < this.low || row >= this.high)
				continue;
			const colour = ramp[count <= last ? this.steps[count] : rampStep(count, this.max)];
			const line = (this.high - 1 - row) * w;
			for (let x = x0; x < x1; x++)
				this.pixels[line + x] = colour;
		}
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
