// SPDX-License-Identifier: GPL-2.0-only
// times - the shared time axis: where its ticks are, and its labels. Labels move with the picture ten times a second:
// pixels of the sheet, as elements that move cost the browser far more, and to draw text each time still three times as
// much.
import { colours, font, theme } from '../colours.js';
import { clock } from '../format.js';

const STEPS_MS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800].map((s) => s * 1000);
const LABEL_PX = 110;
const HEIGHT_PX = 14;
const BELOW_PX = 2;
const LABELS_MOST = 100;

/** Distance of the ticks on an axis of @spanMs and @widthPx. */
export function timeStep(spanMs, widthPx) {
	const wanted = Math.max(2.5, widthPx / LABEL_PX);
	return STEPS_MS.find((step) => spanMs / step <= wanted) ?? STEPS_MS.at(-1);
}

/** Ticks in (minT, maxT], at round times of day where the reader is. */
export function timeTicks(minT, maxT, step) {
	const zone = new Date(maxT).getTimezoneOffset() * 60e3;
	const ticks = [];
	for (let t = Math.floor((minT - zone) / step) * step + step + zone; t <= maxT; t += step)
		ticks.push(t);
	return ticks;
}

export class Times {
	/** @param {object} sheet */
	constructor(sheet) {
		this.sheet = sheet;
		this.labels = new Map(); // by text
		this.look = '';
	}

	/**
	 * @param {{left: number, top: number}} at of the whole on the sheet @param {{left: number, width: number}} box of the plot in it
	 * @param {number} wholePx its height
	 */
	show(minT, maxT, at, { left, width: widthPx }, wholePx) {
		const step = timeStep(maxT - minT, widthPx), ratio = devicePixelRatio || 1;
		const [to, half] = step < 1e3 ? ['tenth', 34] : step < 60e3 ? ['second', 29] : ['minute', 19];
		const perMs = widthPx / (maxT - minT), look = `${widthPx} ${left} ${ratio} ${theme}`;
		if (look !== this.look) {
			this.look = look;
			this.labels.clear();
			this.image = new ImageData(Math.max(1, Math.round((left + widthPx) * ratio)), Math.round(HEIGHT_PX * ratio));
			this.pixels = new Uint32Array(this.image.data.buffer);
		}
		this.pixels.fill(0);
		for (const t of timeTicks(minT, maxT, step)) {
			const x = (t - minT) * perMs;
			if (x <= widthPx - half) // the edge would cut it
				this.#put(clock(t, to), Math.round((left + x) * ratio));
		}
		this.sheet.context.putImageData(this.image, Math.round(at.left * ratio), Math.round((at.top + wholePx - BELOW_PX - HEIGHT_PX) * ratio));
	}

	#put(text, middle) {
		if (this.labels.size > LABELS_MOST)
			this.labels.clear();
		if (!this.labels.has(text))
			this.labels.set(text, label(text, this.image.height));
		const { pixels, width, height } = this.labels.get(text), whole = this.image.width, x = middle - (width >> 1);
		for (let y = 0, from = Math.max(0, -x), to = Math.min(width, whole - x); y < height && from < to; y++)
			this.pixels.set(pixels.subarray(y * width + from, y * width + to), y * whole + x + from);
	}
}

/** Text as pixels, @height of them high. */
function label(text, height) {
	const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true }), ratio = devicePixelRatio || 1;
	const look = () => (context.font = font.replace('11px', `${11 * ratio}px`));
	look();
	const width = context.canvas.width = Math.ceil(context.measureText(text).width) + 2;
	context.canvas.height = height;
	look(); // a canvas that is resized forgets it
	context.fillStyle = colours.faint;
	context.textAlign = 'center';
	context.textBaseline = 'middle';
	context.fillText(text, width / 2, height / 2);
	return { width, height, pixels: new Uint32Array(context.getImageData(0, 0, width, height).data.buffer) };
}
