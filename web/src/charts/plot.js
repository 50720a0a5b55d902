// SPDX-License-Identifier: GPL-2.0-only
// plot - the one file that touches uPlot: scale and axis of a chart. uPlot draws out of sight; its labels are copied to
// the sheet, beside what raster.js paints.
import uPlot from 'uplot';
import { colours, font } from '../colours.js';
import { el } from '../dom.js';
import { Raster } from './raster.js';
import { Times } from './times.js';

// Width of every y axis, so that all plots begin at one left edge; --axis in the style sheet.
const axisPx = () => (innerWidth <= 700 ? 50 : 58);
const TIME_AXIS_PX = 22;
const TOP_PX = 9;

export class Plot {
	/**
	 * @param {HTMLElement} root @param {object} sheet to paint on
	 * @param {{yTicks: (max: number, heightPx: number) => number[], yLabel: (v: number, max: number) => string,
	 *	timeAxis?: () => boolean}} options
	 */
	constructor(root, sheet, options) {
		this.sheet = sheet;
		this.yTicks = options.yTicks;
		this.ticks = [];
		this.at = { left: 0, top: 0 }; // of the root on the sheet, CSS px
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
				grid: { show: false }, // the raster's, under what it paints
				ticks: { show: false },
				font,
				splits: () => this.ticks,
				values: (u, splits) => splits.map((v) => (this.drawn ? options.yLabel(v, this.yMax) : '')),
			}],
			series: [{}, { show: false }],
			hooks: { draw: [() => this.#copy()] },
		}, [[0, 1], [null, null]]);
		this.area = el('div', 'data'); // where the picture is
		root.append(this.area);
		this.raster = new Raster();
		this.times = options.timeAxis && new Times(sheet);
	}

	/** @param {number} widthPx @param {number} heightPx of the whole, axes included @param {{left: number, top: number}} at where on the sheet */
	size(widthPx, heightPx, at) {
		this.at = at;
		this.heightPx = heightPx;
		this.drawn = null; // the sheet is empty
		if (this.u.width !== widthPx || this.u.height !== heightPx)
			this.u.setSize({ width: widthPx, height: heightPx });
		// uPlot lays out later; where the plot will be is known now.
		const box = { left: axisPx(), top: TOP_PX, width: widthPx - axisPx(), height: heightPx - TOP_PX - this.#below() };
		this.box = box;
		this.raster.size(Math.max(0, Math.round(box.width * devicePixelRatio)), Math.max(0, Math.round(box.height * devicePixelRatio)));
		for (const side in box)
			this.area.style[side] = `${box[side]}px`;
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
		this.ticks = this.yTicks(this.yMax, this.box.height);
		this.raster.rows = this.ticks.map(this.yOf);
		this.u.setData([[0, 1], [null, null]], true);
	}

	// uPlot has drawn the labels of the axis.
	#copy() {
		const { context } = this.sheet, ratio = devicePixelRatio || 1;
		const [left, top, width, height] = [this.at.left, this.at.top, this.box.left, this.box.top + this.box.height + TOP_PX].map((px) => Math.round(px * ratio));
		context.clearRect(left, top, width, height);
		context.drawImage(this.u.ctx.canvas, 0, 0, width, height, left, top, width, height);
	}

	/** Put what was painted on the sheet. */
	put() {
		const { at, box } = this, ratio = devicePixelRatio || 1;
		this.sheet.context.putImageData(this.raster.image, Math.round((at.left + box.left) * ratio), Math.round((at.top + box.top) * ratio));
	}

	/** Label the time axis, if this chart has one. */
	label(minT, maxT) {
		if (this.times && this.timeAxis())
			this.times.show(minT, maxT, this.at, this.box, this.heightPx);
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
