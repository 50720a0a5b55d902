// SPDX-License-Identifier: GPL-2.0-only
// plot - the one file that touches uPlot: scales, axes and grid of a chart, and the canvas over them that raster.js
// paints.
import uPlot from 'uplot';
import { colours, font } from '../colours.js';
import { clock } from '../format.js';
import { Raster } from './raster.js';

export const AXIS_PX = 58; // of every y axis, so that all plots begin at one left edge
const TIME_AXIS_PX = 22;
const TIME_STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800].map((s) => s * 1000);

function timeSplits(u, axis, min, max) {
	const wanted = Math.max(3, u.bbox.width / devicePixelRatio / 110);
	const step = TIME_STEPS_MS.find((s) => (max - min) / s <= wanted) ?? TIME_STEPS_MS.at(-1);
	const zone = new Date(min).getTimezoneOffset() * 60e3;
	const splits = [];
	for (let t = Math.ceil((min - zone) / step) * step + zone; t <= max; t += step)
		splits.push(t);
	u.timeStep = step;
	return splits;
}

// A label that the edge would cut is left out.
function timeLabels(u, splits) {
	const half = u.timeStep < 60e3 ? 29 : 19;
	const perMs = u.bbox.width / devicePixelRatio / (u.scales.x.max - u.scales.x.min);
	return splits.map((t) => {
		const x = (t - u.scales.x.min) * perMs;
		const cut = x < half - AXIS_PX || x > u.bbox.width / devicePixelRatio - half;
		return cut ? null : clock(t, u.timeStep < 60e3 ? 'second' : 'minute');
	});
}

export class Plot {
	/**
	 * @param {HTMLElement} root
	 * @param {{yTicks: (max: number, heightPx: number) => number[], yLabel: (v: number, max: number) => string,
	 *	timeAxis?: () => boolean}} options
	 */
	constructor(root, options) {
		const timeAxis = options.timeAxis ?? (() => false);
		this.max = Date.now();
		this.min = this.max - 60e3;
		this.yMin = 0;
		this.yMax = 1;
		this.u = new uPlot({
			width: 300,
			height: 100,
			pxAlign: 1,
			padding: [9, 0, 0, 0],
			legend: { show: false },
			cursor: { show: false },
			scales: {
				x: { time: false, range: () => [this.min, this.max] },
				y: { range: () => [this.yMin, this.yMax] },
			},
			axes: [
				this.#axis({ splits: timeSplits, values: (u, splits) => (timeAxis() ? timeLabels(u, splits) : splits.map(() => null)),
					size: () => (timeAxis() ? TIME_AXIS_PX : 6), gap: 7 }),
				this.#axis({ size: AXIS_PX, gap: 8,
					splits: (u) => options.yTicks(this.yMax, u.bbox.height / devicePixelRatio, this.yMin),
					values: (u, splits) => splits.map((v) => options.yLabel(v, this.yMax)) }),
			],
			series: [{}, { show: false }],
		}, [[this.min, this.max], [null, null]], root);
		this.canvas = document.createElement('canvas');
		this.canvas.className = 'data';
		root.append(this.canvas);
		this.raster = new Raster(this.canvas);
	}

	#axis(options) {
		return {
			stroke: () => colours.faint,
			grid: { stroke: () => colours.grid, width: 1 },
			ticks: { show: false },
			font,
			...options,
		};
	}

	/** @param {number} widthPx @param {number} heightPx of the whole, axes included */
	size(widthPx, heightPx) {
		if (this.u.width !== widthPx || this.u.height !== heightPx)
			this.u.setSize({ width: widthPx, height: heightPx });
		const { left, top, width, height } = this.u.bbox;
		this.raster.size(Math.round(width), Math.round(height));
		const { style } = this.canvas;
		style.left = `${left / devicePixelRatio}px`;
		style.top = `${top / devicePixelRatio}px`;
		style.width = `${width / devicePixelRatio}px`;
		style.height = `${height / devicePixelRatio}px`;
	}

	/** Draw the axes for a stretch of time. */
	axes(min, max) {
		this.min = min;
		this.max = max;
		this.u.setData([[min, max], [null, null]], true);
	}

	/** Distance of a value from the upper edge, in device pixels. */
	yOf = (value) => this.raster.height * (1 - (value - this.yMin) / (this.yMax - this.yMin));

	/** Where the plot lies in its root: {left, width, top, height} in CSS px. */
	get box() {
		const { left, top, width, height } = this.u.bbox;
		const r = devicePixelRatio;
		return { left: left / r, top: top / r, width: width / r, height: height / r };
	}
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
