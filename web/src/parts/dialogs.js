// SPDX-License-Identifier: GPL-2.0-only
// dialogs - the keys, and the question for the token.
import { $, el, setText } from '../dom.js';

const KEYS = [
	['Space', 'stop the picture and go on; measuring never stops'],
	['1 … 5', '6 s, 1 min, 10 min, 1 h, 6 h'],
	['← →', 'back and forth in time; Shift: a whole picture'],
	['+ −', 'half and double the range'],
	['Backspace', 'back to before the last zoom, as a double click'],
	['Esc', 'live again, then all services again'],
	['Drag', 'on the charts: zoom; with Shift, or a sideways wheel: move along time'],
	['r', 'next update rate'],
	['t', 'next theme'],
	['c', 'to the charts; then arrows move the crosshair, Shift faster, Enter picks what is there, Esc lets go'],
	['d', 'the chart as a table'],
	['Click', 'on a band: what is in it; on a name beside a chart: that alone, with Ctrl show or hide it'],
	['/', 'find a service; ↑ ↓ walk through the rows, Enter shows that service alone'],
	['[ ]', 'the service above, the one below'],
	['f', 'what is in flight: the oldest requests without an answer, and what their threads do'],
	['y', 'copy a link to what you look at'],
	['s', 'save a snapshot: all that is known, as JSON'],
	['o', 'open a snapshot and look at it offline'],
	['?', 'these keys'],
];

export class Help {
	constructor() {
		for (const [key, what] of KEYS) {
			const dt = el('dt');
			dt.append(el('kbd', '', key));
			$('help-keys').append(dt, el('dd', '', what));
		}
		$('help').onclick = (e) => e.target === $('help') && $('help').close();
	}

	open() {
		if (!$('help').open)
			$('help').showModal();
	}
}

export class Ask {
	/** @param {(token: string) => void} given @param {() => void} open a snapshot instead */
	constructor(given, open) {
		$('ask-open').onclick = open;
		$('ask-form').onsubmit = (e) => {
			e.preventDefault();
			const token = $('ask-token').value.trim();
			if (token)
				given(token);
		};
		$('ask').oncancel = (e) => e.preventDefault(); // there is nothing behind it
	}

	/** @param {boolean} refused a token was sent and not taken */
	open(refused) {
		setText($('ask-refusal'), refused ? 'This token was not accepted. A new one is made each time rqscope starts.' : '');
		$('ask-token').value = '';
		if (!$('ask').open)
			$('ask').showModal();
		$('ask-token').focus();
	}

	close() {
		if ($('ask').open)
			$('ask').close();
	}
}

/** What to do on a host without HTTP traffic. */
export function firstSteps() {
	return [
		el('h3', '', 'No HTTP request seen yet'),
		el('p', '', 'Ask any web server on this host for something, and it appears here:'),
		command('curl http://127.0.0.1:8080/'),
		el('p', 'quiet', 'No server at hand? python3 -m http.server 8080'),
	];
}

function command(text) {
	const box = el('div', 'command'), copy = el('button', '', 'Copy');
	copy.type = 'button';
	copy.onclick = async () => {
		try {
			await navigator.clipboard.writeText(text);
			setText(copy, 'Copied');
		} catch {
			getSelection().selectAllChildren(box.firstChild); // no permission: it can be copied by hand
			setText(copy, 'Selected');
		}
		setTimeout(() => setText(copy, 'Copy'), 2000);
	};
	box.append(el('code', '', text), copy);
	return box;
}
