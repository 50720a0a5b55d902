// SPDX-License-Identifier: GPL-2.0-only
// band - a piece of a heatmap that was picked: a stretch of time and of durations, to ask what is in it.
import { el, setHidden } from '../dom.js';

const REACH_ROWS = 1; // around what was pointed at, as nobody hits one cell
const REACH_PX = 6;

/**
 * @param {object} picture @param {object} strip with a heatmap @param {number} k window @param {number} row
 * @param {number} msPerPx of the charts
 * @returns {{strip: string, fromT: number, toT: number, lowNs: number, highNs: number, count: number}|null} null: nothing is there
 */
export function bandAt(picture, strip, k, row, msPerPx) {
	const { data, timeline } = picture;
	const { heat } = strip, lows = heat.lowsNs, cells = timeline.heat[heat.name];
	const middle = data.t[k] - data.span[k] / 2, reach = Math.max(data.span[k] / 2, REACH_PX * msPerPx);
	const low = Math.max(0, row - REACH_ROWS), high = Math.min(lows.length, row + REACH_ROWS + 1);
	let first = k, last = k, count = 0;
	while (first > 0 && data.t[first - 1] > middle - reach)
		first--;
	while (last + 1 < data.n && data.t[last + 1] - data.span[last + 1] < middle + reach)
		last++;
	for (let w = first; w <= last; w++)
		for (let r = low; r < high; r++)
			count += cells.counts[(data.first + w) * cells.rows + r];
	return count ? { strip: strip.spec.id, fromT: data.t[first] - data.span[first], toT: data.t[last], lowNs: lows[low], highNs: lows[high] ?? Infinity, count } : null;
}

/** Its outline on the chart, moved along with the picture. */
export class BandMark {
	constructor() {
		this.root = el('div', 'band');
		this.root.hidden = true;
	}

	/** @param {object|null} band @param {object} strip that it is on */
	show(band, strip, picture) {
		const { minT, maxT } = picture;
		const shown = Boolean(band && band.toT > minT && band.fromT < maxT);
		setHidden(this.root, !shown);
		if (!shown)
			return;
		const { box, raster } = strip.plot;
		if (this.root.parentNode !== strip.plotRoot)
			strip.plotRoot.append(this.root);
		const x = (t) => Math.min(box.width, Math.max(0, (t - minT) / (maxT - minT) * box.width));
		const y = (ns) => Math.min(box.height, Math.max(0, strip.plot.yOf(strip.heat.rowOf(ns)) / raster.height * box.height));
		const left = x(band.fromT), top = Number.isFinite(band.highNs) ? y(band.highNs) : 0;
		this.root.style.transform = `translate(${Math.round(box.left + left)}px, ${Math.round(box.top + top)}px)`;
		this.root.style.width = `${Math.max(6, Math.round(x(band.toT) - left))}px`;
		this.root.style.height = `${Math.max(4, Math.round(y(band.lowNs) - top))}px`;
	}
}
