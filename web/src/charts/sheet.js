// SPDX-License-Identifier: GPL-2.0-only
// sheet - one canvas that several pictures are painted on. A browser takes time for each canvas in each frame, whether
// it has changed or not: with one for each picture that was a sixth of what the page took.
import { el } from '../dom.js';

export class Sheet {
	/** @param {HTMLElement} root whose whole it covers, positioned */
	constructor(root, className) {
		this.canvas = el('canvas', className);
		this.canvas.setAttribute('aria-hidden', 'true');
		this.context = this.canvas.getContext('2d', { willReadFrequently: true }); // pixels are made by the CPU
		root.append(this.canvas);
	}

	/** To @widthPx by @heightPx, CSS px; it is empty then. */
	size(widthPx, heightPx) {
		const { canvas } = this, ratio = devicePixelRatio || 1;
		canvas.width = Math.max(1, Math.round(widthPx * ratio));
		canvas.height = Math.max(1, Math.round(heightPx * ratio));
		canvas.style.width = `${canvas.width / ratio}px`; // a pixel of the one on a pixel of the other
		canvas.style.height = `${canvas.height / ratio}px`;
	}
}
