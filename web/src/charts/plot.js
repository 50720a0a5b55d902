// SPDX-License-Identifier: GPL-2.0-only
// plot - the one file that touches uPlot: a chart with the shared time axis, its own y axis, and series of windows.
//
// A window is drawn as what it is, a value that held from its start to its end: steps, broken where nothing was
// measured. Data are columns of numbers, null for unknown.
import uPlot from 'uplot';
import { colours, font } from '../colours.js';
import { clock } from '../format.js';

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

/**
 * Steps as a path. @base: the column that the area stands on, or null for 0.
 * Spans of windows are in u.spans, beside the times.
 */
function steps(baseIndex) {
	return (u, seriesIndex, from, to) => {
		const times = u.data[0], values = u.data[seriesIndex], spans = u.spans;
		const base = baseIndex === undefined ? null : baseIndex ? u.data[baseIndex] : 0;
		const { left, top, width, height } = u.bbox;
		const { min: x0, max: x1 } = u.scales.x;
		const { min: y0, max: y1 } = u.scales.y;
		const xOf = (t) => left + Math.min(1, Math.max(0, (t - x0) / (x1 - x0))) * width;
		const yOf = (v) => top + height - Math.min(1.2, Math.max(-0.2, (v - y0) / (y1 - y0))) * height;
		const stroke = new Path2D();
		const fill = base === null ? null : new Path2D();
		let runFrom = -1, endX = -1;
		const close = (runTo) => {
			if (!fill || runFrom < 0)
				return;
			for (let i = runTo; i >= runFrom; i--) {
				const y = yOf(base ? base[i] ?? 0 : 0);
				fill.lineTo(xOf(times[i]), y);
				fill.lineTo(xOf(times[i] - spans[i]), y);
			}
			fill.closePath();
		};
		for (let i = from; i <= to; i++) {
			const value = values[i];
			if (value === null || value === undefined) {
				close(i - 1);
				runFrom = -1;
				continue;
			}
			const startX = xOf(times[i] - spans[i]), y = yOf(value);
			const joined = runFrom >= 0 && startX - endX < 1.5;
			if (!joined) {
				close(i - 1);
				runFrom = i;
				stroke.moveTo(startX, y);
				fill?.moveTo(startX, y);
			} else {
				stroke.lineTo(endX, y);
				fill?.lineTo(endX, y);
			}
			const drawnFrom = joined ? endX : startX;
			endX = Math.max(xOf(times[i]), drawnFrom);
			stroke.lineTo(endX, y);
			fill?.lineTo(endX, y);
		}
		close(to);
		return { stroke, fill, flags: 1 };
	};
}

const dashes = { solid: undefined, dots: [1.5, 3] };

/**
 * @typedef {object} Series
 * @property {string} colour name in colours.js
 * @property {'line'|'area'} kind
 * @property {number} [base] area only: the series that it stands on, 1-based; 0 for the ground
 * @property {number} [width]
 * @property {boolean} [halo] a line over a heatmap
 */

export class Plot {
	/**
	 * @param {HTMLElement} root
	 * @param {{series: Series[], yTicks: (max: number, heightPx: number, min: number) => number[], yLabel: (v: number, max: number) => string,
	 *	timeAxis?: () => boolean, under?: (u: object) => void}} options
	 */
	constructor(root, options) {
		this.max = Date.now();
		this.min = this.max - 60e3;
		this.yMin = 0;
		this.yMax = 1;
		this.options = options;
		const timeAxis = options.timeAxis ?? (() => false);
		const series = [{}];
		this.columns = []; // index into the data of set() for each of uPlot's series
		options.series.forEach((s, k) => {
			if (s.halo)
				this.#push(series, k, { stroke: () => colours.panel, width: (s.width ?? 1.25) + 2.5, alpha: 0.8, paths: steps() });
			if (s.kind === 'area') {
				this.#push(series, k, { fill: () => colours[s.colour], width: 0, paths: steps(s.base ?? 0) });
			} else {
				this.#push(series, k, { stroke: () => colours[s.colour], width: s.width ?? 1.25, dash: dashes[s.dash], paths: steps() });
			}
		});
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
			series,
			hooks: { drawAxes: options.under ? [options.under] : [] },
		}, [[0, 1], ...series.slice(1).map(() => [null, null])], root);
	}

	#push(series, column, options) {
		series.push({ points: { show: false }, spanGaps: true, ...options });
		this.columns.push(column);
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
	}

	/** Draw. @times and @spans: end and length of each window; @columns: one for each series given. */
	set(min, max, times, spans, columns) {
		this.min = min;
		this.max = max;
		this.u.spans = spans;
		if (times.length)
			this.u.setData([times, ...this.columns.map((k) => columns[k])], true);
		else // uPlot draws no axes without data
			this.u.setData([[min, max], ...this.columns.map(() => [null, null])], true);
	}

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
