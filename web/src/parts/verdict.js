// SPDX-License-Identifier: GPL-2.0-only
// verdict - the sentence at the top.
import { $, setData, setHidden, setText } from '../dom.js';

const SPEAK_MS = 10e3; // a screen reader is told no more often

export class Verdict {
	/** @param {() => void} all called when all services are wanted again */
	constructor(all) {
		$('verdict-all').onclick = all;
		this.root = $('verdict');
		this.spokenAt = -Infinity;
	}

	/** @param {boolean} [o.way] offer the way back to all services */
	show({ level, head, why, also = [], way = false }) {
		setHidden($('verdict-all'), !way);
		setData(this.root, 'level', level);
		setText($('verdict-head'), head);
		setText($('verdict-why'), why);
		setText($('verdict-also'), also.length ? `Also: ${also.slice(0, 2).join('; ')}${also.length > 2 ? ` and ${also.length - 2} more` : ''}` : '');
		const now = performance.now();
		if (head !== this.spoken && now - this.spokenAt >= SPEAK_MS) {
			this.spoken = head;
			this.spokenAt = now;
			setText($('verdict-live'), `${head} ${why}`);
		}
	}
}
