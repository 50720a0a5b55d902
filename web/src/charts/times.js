// SPDX-License-Identifier: GPL-2.0-only
// times - the shared time axis: where its ticks are, and its labels. Labels move with the picture ten times a second,
// so they are elements that are shifted, not text that is drawn.
import { el, setHidden, setText } from '../dom.js';
import { clock } from '../format.js';

const STEPS_MS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800].map((s) => s * 1000);
const LABEL_PX = 110;

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
		this.root = el('div', 'times');
		this.root.setAttribute('aria-hidden', 'true');
		this.labels = new Map(); // tick -> element
		root.append(this.root);
	}

	show(minT, maxT, widthPx) {
		const step = timeStep(maxT - minT, widthPx);
		const [to, half] = step < 1e3 ? ['tenth', 34] : step < 60e3 ? ['second', 29] : ['minute', 19];
		const perMs = widthPx / (maxT - minT);
		const ticks = new Set(timeTicks(minT, maxT, step));
		const free = [];
		for (const [t, label] of this.labels)
			if (!ticks.has(t)) {
				free.push(label);
				this.labels.delete(t);
			}
		for (const t of ticks) {
			const x = (t - minT) * perMs;
			let label = this.labels.get(t);
			if (!label) {
				label = free.pop() ?? this.root.appendChild(el('span'));
				this.labels.set(t, label);
			}
			setText(label, clock(t, to));
			setHidden(label, x > widthPx - half); // the edge would cut it
			label.style.transform = `translateX(${Math.round(x - half)}px)`;
			label.style.width = `${2 * half}px`;
		}
		for (const label of free)
			label.remove();
	}
}
