// SPDX-License-Identifier: GPL-2.0-only
// raster - what a chart shows, painted pixel by pixel.
//
// A window is drawn as what it is, a value that held from its start to its end: steps, broken where nothing was
// measured. Steps have only level and upright edges, so there is nothing to smooth, and as time goes by the picture
// moves by whole pixels: what is there is shifted and only new windows are painted. That is what keeps a live page
// cheap; paths cost twenty times as much.
import { pixel, ramp } from '../colours.js';
import { timeStep, timeTicks } from './times.js';

const GAP_PX = 1.5; // less than this between two windows is no gap
const SPARE_PX = 8192; // of the buffer; a picture that moves to the left begins so much later in it

export class Raster {
	constructor() {
		this.width = this.height = 0;
		this.rows = []; // of level lines under the picture, from the upper edge
		this.paintedT = NaN; // end of the last window that is in the picture
	}

	/** @param {number} width @param {number} height device pixels */
	size(width, height) {
		if (this.width === width && this.height === height)
			return;
		this.width = width;
		this.height = height;
		this.buffer = width && height ? new Uint32Array(width * height + SPARE_PX) : null;
		this.#window(0);
		this.paintedT = NaN;
	}

	/**
	 * Begin a picture. @key: all that the look of a window depends on; when it is as before, what has been painted is
	 * kept and shifted.
	 * @returns {boolean} false when there is nothing to paint on
	 */
	begin(picture, key) {
		const { data, minT, maxT } = picture;
		if (!this.buffer)
			return false;
		const perMs = this.width / (maxT - minT);
		const moved = Math.round((minT - this.minT) * perMs);
		const keeps = this.key === key && this.generation === picture.generation && this.span === maxT - minT && this.paintedT <= maxT && moved >= 0 && moved < this.width;
		this.key = key;
		this.generation = picture.generation;
		this.span = maxT - minT;
		this.minT = minT;
		this.perMs = perMs;
		this.data = data;
		this.ratio = devicePixelRatio || 1;
		if (!keeps) {
			this.pixels.fill(0);
			this.first = 0;
			this.#grid(0);
		} else {
			this.#shift(moved);
			this.#grid(this.width - moved);
			this.first = data.n;
			while (this.first > 0 && data.t[this.first - 1] > this.paintedT)
				this.first--;
		}
		let last = data.n - 1;
		while (last >= 0 && data.t[last] > maxT) // it is cut off, and painted again when there is more of it
			last--;
		this.paintedT = last >= 0 ? data.t[last] : NaN;
		return true;
	}

	// Lines at the ticks of both axes, under what is painted on them.
	#grid(from) {
		const { pixels, width, height, minT, perMs } = this;
		const colour = pixel('grid');
		for (const row of this.rows) {
			const y = Math.min(height - 1, Math.round(row));
			if (y >= 0)
				pixels.fill(colour, y * width + from, (y + 1) * width);
		}
		const step = timeStep(this.span, width / this.ratio);
		for (const t of timeTicks(minT + (from - 1) / perMs, minT + (width - 1) / perMs, step)) {
			const x = Math.round((t - minT) * perMs);
			if (x >= from && x < width)
				for (let y = 0; y < height; y++)
					pixels[y * width + x] = colour;
		}
	}

	/** Pixels are those of the buffer from @start on. */
	#window(start) {
		const { buffer, width, height } = this;
		this.start = start;
		this.pixels = buffer?.subarray(start, start + width * height);
		this.image = buffer && new ImageData(new Uint8ClampedArray(buffer.buffer, start * 4, width * height * 4), width, height);
	}

	// To move a picture to the left is to begin later: what leaves a row at its left is at the end of the row above then,
	// where new windows come.
	#shift(columns) {
		if (!columns)
			return;
		if (this.start + columns > SPARE_PX) {
			this.buffer.copyWithin(0, this.start);
			this.#window(columns);
		} else {
			this.#window(this.start + columns);
		}
		const { pixels, width, height } = this;
		for (let y = 0; y < height; y++)
			pixels.fill(0, (y + 1) * width - columns, (y + 1) * width);
	}

	/** First and one past the last column of window @k. */
	#from(k) {
		return Math.max(0, Math.floor((this.data.t[k] - this.data.span[k] - this.minT) * this.perMs + 0.01));
	}

	#to(k) {
		return Math.min(this.width, Math.max(this.#from(k) + 1, Math.floor((this.data.t[k] - this.minT) * this.perMs + 0.01)));
	}

	/** Areas upon each other. @tops: sums, the lowest first; @yMax: value of the upper edge. */
	areas(tops, colours, yMax) {
		const { pixels, width, height } = this;
		const paint = colours.map((name) => pixel(name));
		for (let k = this.first; k < this.data.n; k++) {
			const from = this.#from(k), to = this.#to(k);
			let bottom = height;
			for (let layer = 0; layer < tops.length; layer++) {
				const value = tops[layer][k];
				if (value === null)
					continue;
				const top = Math.max(0, Math.round(height * (1 - value / yMax)));
				for (let y = top; y < bottom; y++)
					for (let at = y * width + from, end = y * width + to; at < end; at++)
						pixels[at] = paint[layer];
				bottom = Math.min(bottom, top);
			}
		}
	}

	/**
	 * A line of steps. @yOf: value to distance from the upper edge in pixels.
	 * @param {{colour: string, px: number, halo?: boolean, dots?: boolean}} look
	 */
	line(values, yOf, { colour, px, halo, dots }) {
		const paint = pixel(colour), around = pixel('panel');
		const thick = Math.max(1, Math.round(px * this.ratio)), rim = Math.round(1.4 * this.ratio);
		if (halo)
			this.#steps(values, yOf, thick + 2 * rim, around, 1);
		this.#steps(values, yOf, thick, paint, dots ? 2 : 0);
	}

	// how: 0 all pixels, 1 only where something is painted already, 2 dots.
	#steps(values, yOf, thick, paint, how) {
		const { data } = this;
		const half = thick >> 1;
		for (let k = this.first; k < data.n; k++) {
			if (values[k] === null)
				continue;
			const from = this.#from(k), to = this.#to(k);
			const y = Math.round(yOf(values[k])) - half;
			this.#fill(from, to, y, y + thick, paint, how);
			if (k > 0 && values[k - 1] !== null && (data.t[k] - data.span[k] - data.t[k - 1]) * this.perMs < GAP_PX) {
				const before = Math.round(yOf(values[k - 1])) - half;
				const low = Math.min(y, before), high = Math.max(y, before) + thick;
				if (high - low > thick)
					this.#fill(from, Math.min(this.width, from + Math.max(1, thick - (how === 1 ? 2 : 0))), low, high, paint, how);
			}
		}
	}

	#fill(from, to, top, bottom, paint, how) {
		const { pixels, width } = this;
		const y0 = Math.max(0, top), y1 = Math.min(this.height, bottom);
		const period = 4 * Math.round(this.ratio), on = period >> 1;
		const phase = Math.round(this.minT * this.perMs) % period;
		for (let y = y0; y < y1; y++)
			for (let x = from; x < to; x++) {
				const at = y * width + x;
				if (how === 0 || (how === 1 ? pixels[at] !== 0 : (x + y + phase) % period < on))
					pixels[at] = paint;
			}
	}

	/** A heatmap: rows of @heat that are @rowPx high, from row @low at the lower edge. @step: count to colour. */
	heat(heat, low, high, rowPx, step) {
		const { pixels, width, height } = this;
		const first = this.data.first;
		for (let k = this.first; k < this.data.n; k++) {
			const i = first + k;
			const from = this.#from(k), to = this.#to(k);
			const last = Math.min(high - 1, heat.high[i]);
			for (let row = Math.max(low, heat.low[i]); row <= last; row++) {
				const count = heat.counts[i * heat.rows + row];
				if (!count)
					continue;
				const colour = ramp[step(count)];
				const bottom = height - (row - low) * rowPx;
				for (let y = Math.max(0, bottom - rowPx); y < bottom; y++)
					for (let at = y * width + from, end = y * width + to; at < end; at++)
						pixels[at] = colour;
			}
		}
	}
}
