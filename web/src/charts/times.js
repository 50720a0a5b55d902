// SPDX-License-Identifier: GPL-2.0-only
// times - the shared time axis: where its ticks are, and its labels. Labels move with the picture ten times a second:
// text on a canvas of their own, as elements that move cost the browser far more.
import { colours, font, theme } from '../colours.js';
import { el } from '../dom.js';
import { clock } from '../format.js';

const STEPS_MS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800].map((s) => s * 1000);
const LABEL_PX = 110;
const HEIGHT_PX = 18;

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
	constructor(root) {
		this.canvas = el('canvas', 'times');
		this.canvas.setAttribute('aria-hidden', 'true');
		this.context = this.canvas.getContext('2d', { willReadFrequently: true });
		root.append(this.canvas);
		this.shown = this.look = '';
	}

	/** @param {number} left where the plot begins @param {number} widthPx of the plot */
	show(minT, maxT, left, widthPx) {
		const step = timeStep(maxT - minT, widthPx), ratio = devicePixelRatio || 1;
		const [to, half] = step < 1e3 ? ['tenth', 34] : step < 60e3 ? ['second', 29] : ['minute', 19];
		const perMs = widthPx / (maxT - minT), { canvas, context } = this;
		const width = Math.round((left + widthPx) * ratio), height = Math.round(HEIGHT_PX * ratio);
		const now = `${Math.round(minT * perMs * ratio)} ${step} ${theme} ${width}`;
		if (now === this.shown)
			return;
		this.shown = now;
		const look = `${width} ${height} ${theme}`;
		if (look !== this.look) { // a canvas keeps its font and colour: to set a font again has its price
			this.look = look;
			canvas.width = width;
			canvas.height = height;
			canvas.style.width = `${left + widthPx}px`;
			context.font = font.replace('11px', `${11 * ratio}px`);
			context.fillStyle = colours.faint;
			context.textAlign = 'center';
			context.textBaseline = 'middle';
		}
		context.clearRect(0, 0, width, height);
		for (const t of timeTicks(minT, maxT, step)) {
			const x = (t - minT) * perMs;
			if (x <= widthPx - half) // the edge would cut it
				context.fillText(clock(t, to), Math.round((left + x) * ratio), height / 2);
		}
	}
}
