// SPDX-License-Identifier: GPL-2.0-only
// gestures - what a pointer does on the charts: drag chooses a stretch, Shift and drag or a sideways wheel moves along
// time, a click means what is under it, a double click goes back.
import { el, setHidden, setText } from '../dom.js';
import * as format from '../format.js';

const DRAG_PX = 4; // less is a click
const LINE_PX = 16; // of a wheel that counts in lines

export class Gestures {
	/**
	 * @param {HTMLElement} root of the charts
	 * @param {{place: (e: PointerEvent) => {x: number, on: boolean}, box: () => {left: number, width: number}, timeAt: (x: number) => number,
	 *	zoom: (fromT: number, toT: number) => void, move: (px: number) => void, click: (e: PointerEvent) => void, back: () => void}} on
	 */
	constructor(root, on) {
		this.on = on;
		this.root = root;
		this.drag = null; // {x, mode} since the pointer went down, mode once it moved
		this.mark = el('div', 'select');
		this.words = el('span');
		this.mark.append(this.words);
		this.mark.hidden = true;
		root.append(this.mark);
		root.addEventListener('pointerdown', (e) => this.#down(e));
		root.addEventListener('pointermove', (e) => this.#moved(e));
		root.addEventListener('pointerup', (e) => this.#up(e));
		root.addEventListener('pointercancel', () => this.cancel());
		root.addEventListener('dblclick', (e) => on.place(e).on && on.back());
		root.addEventListener('wheel', (e) => this.#wheel(e), { passive: false });
	}

	/** Whether a stretch is being chosen: the picture must stand still. */
	get holds() {
		return this.drag?.mode === 'zoom';
	}

	/** @returns {boolean} whether there was something to let go of */
	cancel() {
		const had = Boolean(this.drag?.mode);
		this.drag = null;
		setHidden(this.mark, true);
		this.root.classList.remove('moving');
		return had;
	}

	#down(e) {
		const { x, on } = this.on.place(e);
		if (on && e.button === 0 && e.isPrimary)
			this.drag = { x, last: x, mode: null, shift: e.shiftKey };
	}

	#moved(e) {
		const { drag } = this;
		if (!drag)
			return;
		const { x } = this.on.place(e);
		if (!drag.mode) {
			if (Math.abs(x - drag.x) < DRAG_PX)
				return;
			drag.mode = drag.shift ? 'move' : 'zoom';
			this.root.setPointerCapture(e.pointerId);
			this.root.classList.toggle('moving', drag.shift);
			getSelection().removeAllRanges();
		}
		if (drag.mode === 'move') {
			this.on.move(drag.last - x);
			drag.last = x;
		} else {
			this.#show(x);
		}
	}

	#up(e) {
		const { drag } = this;
		if (!drag)
			return;
		const { x } = this.on.place(e);
		const [from, to] = this.#stretch(x);
		const chosen = drag.mode === 'zoom' && to - from >= DRAG_PX;
		this.cancel();
		if (chosen)
			this.on.zoom(this.on.timeAt(from), this.on.timeAt(to));
		else if (!drag.mode)
			this.on.click(e);
	}

	#stretch(x) {
		const at = Math.min(this.on.box().width, Math.max(0, x)), from = Math.max(0, this.drag.x);
		return [Math.min(from, at), Math.max(from, at)];
	}

	#show(x) {
		const [from, to] = this.#stretch(x);
		setHidden(this.mark, false);
		this.mark.style.transform = `translateX(${Math.round(this.on.box().left + from)}px)`;
		this.mark.style.width = `${Math.round(to - from)}px`;
		setText(this.words, format.span(this.on.timeAt(to) - this.on.timeAt(from)));
	}

	#wheel(e) {
		const px = (e.deltaX || (e.shiftKey ? e.deltaY : 0)) * (e.deltaMode ? LINE_PX : 1);
		if (e.ctrlKey || Math.abs(px) < Math.abs(e.shiftKey ? 0 : e.deltaY))
			return;
		e.preventDefault();
		if (px)
			this.on.move(px);
	}
}
