// SPDX-License-Identifier: GPL-2.0-only
// overview - a thin bar of all that is kept, and where in it the charts are: to see, to drag, and as words.
import { el, setHidden, setText } from '../dom.js';
import * as format from '../format.js';

const SPANS_MS = [600e3, 3600e3, 21600e3];
const LEAST_PX = 5; // of the mark

export class Overview {
	/** @param {HTMLElement} root @param {{to: (endT: number) => void, key: (e: KeyboardEvent) => boolean}} on to: show what ends there */
	constructor(root, on) {
		this.on = on;
		this.root = el('div', 'overview');
		this.span = el('span', 'span');
		this.bar = el('div', 'track');
		this.known = el('i', 'known');
		this.mark = el('b');
		this.words = el('span', 'where');
		this.bar.append(this.known, this.mark);
		this.bar.tabIndex = 0;
		this.bar.setAttribute('role', 'slider');
		this.bar.setAttribute('aria-label', 'Time shown');
		this.bar.setAttribute('aria-valuemin', '0');
		this.bar.setAttribute('aria-valuenow', '0');
		this.root.append(this.span, this.bar, this.words);
		root.append(this.root);
		this.spanMs = SPANS_MS[0];
		this.widthPx = 0;
		new ResizeObserver(() => {
			this.widthPx = this.bar.clientWidth;
			if (this.newestT > 0)
				this.show(this.minT, this.maxT, this.oldestT, this.newestT);
		}).observe(this.bar);
		this.grip = null; // while it is dragged: ms from the pointer to the end of the view
		this.bar.addEventListener('pointerdown', (e) => this.#down(e));
		this.bar.addEventListener('pointermove', (e) => this.grip !== null && this.on.to(this.#timeAt(e) + this.grip));
		for (const end of ['pointerup', 'pointercancel'])
			this.bar.addEventListener(end, () => (this.grip = null));
		this.bar.addEventListener('keydown', (e) => this.on.key(e) && e.preventDefault());
	}

	/** @param {number} minT @param {number} maxT what the charts show */
	show(minT, maxT, oldestT, newestT) {
		const rangeMs = maxT - minT, reach = newestT - minT;
		if (this.grip === null)
			this.spanMs = SPANS_MS.find((s) => s >= 2 * rangeMs && s >= reach) ?? SPANS_MS.at(-1);
		this.oldestT = oldestT;
		this.newestT = newestT;
		this.minT = minT;
		this.maxT = maxT;
		const share = (t) => Math.min(1, Math.max(0, 1 - (newestT - t) / this.spanMs));
		setText(this.span, format.span(this.spanMs));
		this.#place(this.known, share(oldestT), 1);
		this.#place(this.mark, share(minT), share(maxT));
		const to = rangeMs < 10e3 ? 'tenth' : 'second';
		const words = `${format.clock(minT, to)} to ${format.clock(maxT, to)}`;
		if (words !== this.said) {
			this.said = words;
			setText(this.words, words);
			this.bar.setAttribute('aria-valuemax', String(Math.round(this.spanMs / 1000)));
			this.bar.setAttribute('aria-valuenow', String(Math.round(share(maxT) * this.spanMs / 1000)));
			this.bar.setAttribute('aria-valuetext', words);
		}
	}

	#place(node, from, to) {
		const width = this.widthPx, w = Math.max(LEAST_PX, Math.round((to - from) * width)), x = Math.min(width - w, Math.round(from * width));
		if (node.x === x && node.w === w)
			return;
		node.x = x;
		node.w = w;
		node.style.transform = `translateX(${x}px)`;
		node.style.width = `${w}px`;
	}

	#timeAt(e) {
		const { left, width } = this.bar.getBoundingClientRect();
		return this.newestT - (1 - (e.clientX - left) / width) * this.spanMs;
	}

	#down(e) {
		if (e.button !== 0 || !(this.newestT > 0))
			return;
		const t = this.#timeAt(e), leastMs = this.spanMs * 8 / this.bar.clientWidth;
		const inside = t >= this.minT - leastMs && t <= this.maxT + leastMs;
		this.grip = inside ? this.maxT - t : (this.maxT - this.minT) / 2;
		this.bar.setPointerCapture(e.pointerId);
		if (!inside)
			this.on.to(t + this.grip);
	}
}
