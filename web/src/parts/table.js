// SPDX-License-Identifier: GPL-2.0-only
// table - what a chart shows, as a table of at most 60 rows: each stands for the time since the row before.
import { $, el, setText } from '../dom.js';
import * as format from '../format.js';
import { Picture } from '../picture.js';

const ROWS = 60;
const EACH_MS = 1000; // no more often than it can be read

export class TableView {
	/** @param {() => void} wanted called when there is something to fill */
	constructor(wanted) {
		this.wanted = wanted;
		this.picture = new Picture();
		this.strip = null;
		this.filledAt = -Infinity;
		$('table').onclose = () => (this.strip = null);
		$('table').onclick = (e) => e.target === $('table') && $('table').close();
	}

	/** @param {object[]} strips all charts @param {object} strip the one to begin with */
	open(strips, strip) {
		$('table-charts').replaceChildren(...strips.map((s) => {
			const button = el('button', '', s.title.textContent);
			button.type = 'button';
			button.onclick = () => this.#choose(s);
			return button;
		}));
		this.#choose(strip);
		if (!$('table').open)
			$('table').showModal();
	}

	#choose(strip) {
		this.strip = strip;
		for (const button of $('table-charts').children)
			button.setAttribute('aria-pressed', String(button.textContent === strip.title.textContent));
		const head = el('tr');
		for (const name of ['time', ...strip.spec.rows.map((r) => r.name)])
			head.append(Object.assign(el('th', 'plain', name), { scope: 'col' }));
		$('table-head').replaceChildren(head);
		$('table-body').replaceChildren();
		this.filledAt = -Infinity;
		this.wanted();
	}

	/** With what the chart shows. @param {string} who it is of */
	fill(who) {
		const { strip } = this, now = performance.now(), shown = strip?.picture;
		if (!shown?.timeline || now - this.filledAt < EACH_MS)
			return;
		this.filledAt = now;
		const { minT, maxT, data } = shown, step = (maxT - minT) / ROWS;
		const each = data.n <= ROWS;
		this.picture.take(shown.timeline, minT, maxT, each ? 0 : step);
		const d = this.picture.data;
		const windows = each ? d.t.map((_, k) => k) : Array.from({ length: ROWS }, (_, n) => this.picture.indexAt(minT + (n + 1) * step - 1)).filter((k) => k >= 0);
		const [from, to] = [minT, maxT].map((t) => format.clock(t));
		setText($('table-caption'), `${strip.title.textContent} of ${strip.spec.hostTitle || !who ? 'the whole host' : who}, ${from} to ${to}, newest first; a row stands for ${format.span(each ? d.span.at(-1) ?? 0 : step)}`);
		this.#rows(windows.reverse().map((k) => [format.clock(d.t[k], maxT - minT < 120e3 ? 'tenth' : 'second'), ...strip.spec.rows.map((r) => r.text(d, k))]));
	}

	#rows(texts) {
		const body = $('table-body');
		while (body.rows.length > texts.length)
			body.lastChild.remove();
		texts.forEach((cells, n) => {
			const tr = body.rows[n] ?? body.appendChild(row(cells.length));
			cells.forEach((text, c) => setText(tr.cells[c], text));
		});
	}
}

function row(cells) {
	const tr = el('tr');
	tr.append(Object.assign(el('th'), { scope: 'row' }), ...Array.from({ length: cells - 1 }, () => el('td')));
	return tr;
}
