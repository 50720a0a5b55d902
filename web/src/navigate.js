// SPDX-License-Identifier: GPL-2.0-only
// navigate - what keys, pointer and the overview do to the view.
import { Gestures } from './charts/gestures.js';
import { Overview } from './charts/overview.js';

export class Navigator {
	/** @param {{root: HTMLElement, view: import('./view.js').View, store: import('./store.js').Store, scope: import('./charts/scope.js').Scope}} o */
	constructor({ root, view, store, scope }) {
		Object.assign(this, { view, store, scope });
		this.gestures = new Gestures(root, {
			place: (e) => scope.place(e),
			box: () => scope.box,
			timeAt: (x) => scope.timeAt(x),
			zoom: (fromT, toT) => view.zoom(fromT, toT),
			move: (px) => this.#move(px * scope.msPerPx),
			click: () => scope.pickHere(),
			back: () => {
				scope.pick(null); // the first click of the two picked
				view.back();
			},
		});
		this.overview = new Overview(root, {
			to: (endT) => this.#move(endT - (view.endT ?? store.newestT)),
			key: (e) => this.#ends(e) || this.key(e),
		});
		scope.beyond = (ms) => this.#move(ms);
	}

	/** Whether the picture must stand still for a moment. */
	get holds() {
		return this.gestures.holds;
	}

	drawn(picture) {
		this.overview.show(picture.minT, picture.maxT, this.store.oldestT, this.store.newestT);
	}

	/** @returns {boolean} whether the key meant something here */
	key(e) {
		const { view } = this;
		const { rangeMs } = view, step = e.shiftKey ? rangeMs : rangeMs / 4;
		switch (e.key) {
		case 'ArrowLeft':
			return this.#move(-step);
		case 'ArrowRight':
			return this.#move(step);
		case '+':
		case '=':
			return this.#scale(0.5);
		case '-':
			return this.#scale(2);
		case 'Backspace':
			view.back();
			return true;
		case 'Escape':
			if (this.gestures.cancel())
				return true;
			if (view.live && !view.zoomed)
				return false;
			view.follow();
			return true;
		case 'l':
			view.follow();
			return true;
		default:
			return false;
		}
	}

	#ends(e) {
		if (e.key === 'Home')
			return this.#move(-Infinity);
		if (e.key === 'End')
			return this.#move(Infinity);
		return false;
	}

	#move(ms) {
		const { oldestT, newestT } = this.store;
		if (newestT > 0)
			this.view.move(ms, oldestT, newestT);
		return true;
	}

	#scale(factor) {
		const { view, store, scope } = this;
		if (store.newestT > 0)
			view.scale(factor, scope.crossT ?? (view.live ? store.newestT : view.endT - view.rangeMs / 2), store.newestT);
		return true;
	}
}
