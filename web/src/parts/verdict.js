// SPDX-License-Identifier: GPL-2.0-only
// verdict - the sentence at the top.
import { $, setData, setText } from '../dom.js';

const SPEAK_MS = 10e3; // a screen reader is told no more often

export class Verdict {
	constructor() {
		this.root = $('verdict');
		this.spokenAt = -Infinity;
	}

	show({ level, head, why, also = [] }) {
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
