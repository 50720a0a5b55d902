// SPDX-License-Identifier: GPL-2.0-only
// plot - the one file that touches uPlot: scales, axes and grid of a chart, and the canvas over them that raster.js
// paints.
import uPlot from 'uplot';
import { colours, font } from '../colours.js';
import { Raster } from './raster.js';
import { Times } from './times.js';

// Width of every y axis, so that all plots begin at one left edge; --axis in the style sheet.
const axisPx = () => (innerWidth <= 700 ? 50 : 58);
const TIME_AXIS_PX = 22;
const TOP_PX = 9;

export class Plot {
	/**
	 * @param {HTMLElement} root
	 * @param {{yTicks: (max: number, heightPx: number) => number[], yLabel: (v: number, max: number) => string,
	 *	timeAxis?: () => boolean}} options
	 */
	constructor(root, options) {
		this.timeAxis = options.timeAxis ?? (() => false);
		this.box = { left: axisPx(), top: TOP_PX, width: 300, height: 100 }; // in the root, CSS px
		this.yMin = 0;
		this.yMax = 1;
		this.u = new uPlot({
			width: 300,
			height: 100,
			pxAlign: 1,
			padding: [TOP_PX, 0, () => this.#below(), 0],
			legend: { show: false },
			cursor: { show: false },
			scales: { x: { time: false }, y: { range: () => [this.yMin, this.yMax] } },
			axes: [{ show: false }, {
				size: axisPx,
				gap: 8,
				stroke: () => colours.faint,
				grid: { stroke: () => colours.grid, width: 1 },
				ticks: { show: false },
				font,
				splits: (u) => options.yTicks(this.yMax, u.bbox.height / devicePixelRatio),
				values: (u, splits) => splits.map((v) => (this.drawn ? options.yLabel(v, this.yMax) : '')),
			}],
			series: [{}, { show: false }],
		}, [[0, 1], [null, null]], root);
		this.canvas = document.createElement('canvas');
		this.canvas.className = 'data';
		root.append(this.canvas);
		this.raster = new Raster(this.canvas);
		this.times = options.timeAxis && new Times(root);
	}

	/** @param {number} widthPx @param {number} heightPx of the whole, axes included */
	size(widthPx, heightPx) {
		if (this.u.width !== widthPx || this.u.height !== heightPx)
			this.u.setSize({ width: widthPx, height: heightPx });
		// uPlot lays out later; where the plot will be is known now.
		const box = { left: axisPx(), top: TOP_PX, width: widthPx - axisPx(), height: heightPx - TOP_PX - this.#below() };
		this.box = box;
		this.raster.size(Math.max(0, Math.round(box.width * devicePixelRatio)), Math.max(0, Math.round(box.height * devicePixelRatio)));
		for (const side in box)
			this.canvas.style[side] = `${box[side]}px`;
	}

	#below() {
		return this.timeAxis() ? TIME_AXIS_PX : 6;
	}

	/** Draw axis and grid where they are no longer right; @key: all else that they depend on. */
	axes(key) {
		const now = `${this.yMin} ${this.yMax} ${key}`;
		if (now === this.drawn)
			return;
		this.drawn = now;
		this.u.setData([[0, 1], [null, null]], true);
	}

	/** Label the time axis, if this chart has one. */
	label(minT, maxT) {
		if (this.times && this.timeAxis())
			this.times.show(minT, maxT, this.box.left, this.box.width);
	}

	/** Distance of a value from the upper edge, in device pixels. */
	yOf = (value) => this.raster.height * (1 - (value - this.yMin) / (this.yMax - this.yMin));
}

/** A y axis from zero in steps of 1, 2 or 5. */
export function niceTicks(max, heightPx) {
	const wanted = Math.max(1, Math.floor(heightPx / 26));
	const raw = max / wanted;
	const power = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 5, 10].find((s) => s * power >= raw * 0.999) * power;
	const ticks = [];
	for (let v = 0; v <= max * 1.001; v += step)
		ticks.push(v);
	return ticks;
}

/** The next larger end of an axis; stays at @current as long as that fits well, so that axes don't dance. */
export function niceMax(needed, current, least) {
	const want = Math.max(needed, least);
	if (current && want <= current && want > current * 0.42)
		return current;
	const power = 10 ** Math.floor(Math.log10(want));
	return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((s) => s * power >= want * 1.04) * power || 15 * power;
}
