// SPDX-License-Identifier: GPL-2.0-only
// routes - what the one service that is shown is asked for: method and path, the busiest first unless another column is chosen.
import { $, el, setClass, setHidden, setText } from '../dom.js';
import * as format from '../format.js';
import * as prefs from '../prefs.js';
import { Grid } from './grid.js';

const rate = (r) => (r.recent ? r.recent.requests / r.recent.span_ms * 1000 : null);
const books = (r) => r.recent ?? r; // a snapshot may have those since attaching alone
const errors = (r) => (books(r).responses ? books(r).errors / books(r).responses : null);
const p = (r, q) => books(r).duration?.[`p${q}_ns`] ?? null;
const isRest = (r) => r.method === null && r.path === null;

const COLUMNS = [
	{ key: 'method', title: 'method', css: 'c-method', of: (r) => r.method ?? '', text: (r) => r.method ?? '', up: true },
	{ key: 'path', title: 'path', css: 'c-path', of: (r) => r.path ?? '', up: true },
	{ key: 'total', title: 'requests', css: 'c-total wide', of: (r) => r.requests, text: (r) => format.count(r.requests), hint: 'Since rqscope was attached' },
	{ key: 'rate', title: 'req/s', css: 'c-num', of: rate, text: (r) => format.rate(rate(r)), hint: 'Over the last 10 s' },
	{ key: 'errors', title: '5xx', css: 'c-small', of: errors, text: (r) => (errors(r) === null ? format.NONE : `${format.percent(errors(r))} %`) },
	{ key: 'p50', title: 'p50', css: 'c-num wide', of: (r) => p(r, 50), text: (r) => format.duration(p(r, 50)) },
	{ key: 'p99', title: 'p99', css: 'c-num', of: (r) => p(r, 99), text: (r) => format.duration(p(r, 99)) },
];

export class Routes {
	/** @param {{all: () => void, sorted: () => void}} on all: all services are wanted again */
	constructor(on) {
		this.slowNs = 1e9;
		this.message = null; // that is shown
		this.grid = new Grid({ label: 'Routes', columns: COLUMNS, kept: prefs.routeSort, sort: '-rate', make, sorted: on.sorted, last: isRest,
			id: (r) => `${r.method} ${r.path}`, fill: (row, r) => this.#fill(row, r) });
		const heading = el('h2');
		this.title = el('span', 'name');
		this.title.id = 'routes-title';
		this.summary = el('small');
		const back = el('button', 'chip', 'All services');
		back.type = 'button';
		back.title = 'Esc';
		back.onclick = on.all;
		heading.append(this.title, back, this.summary);
		this.empty = el('p', 'empty');
		this.grid.root.append(this.empty);
		$('routes').append(heading, this.grid.root);
	}

	/** @param {string} name of the service @param {object|null} message its routes @param {string} why there are none */
	show(name, message, why) {
		const items = message?.items ?? [];
		this.message = message;
		setText(this.title, `Routes of ${name}`);
		setHidden(this.grid.table, !items.length);
		setHidden(this.empty, items.length > 0);
		setText(this.empty, why);
		const known = items.filter((r) => !isRest(r)).length, recent = items.some((r) => r.recent);
		setText(this.summary, items.length ? `${known} route${known === 1 ? '' : 's'}, ${recent ? `numbers over the last ${Math.round(message.over_ms / 1000)} s` : 'numbers since attaching'}` : '');
		this.grid.show(items);
	}

	#fill(row, r) {
		const rest = isRest(r);
		setText(row.path, rest ? 'other' : r.path ?? '');
		setClass(row.path, rest ? 'faint' : '');
		const title = rest ? 'What is not told apart: the rest, so that it all adds up' : r.path ?? '';
		if (row.cells[1].title !== title)
			row.cells[1].title = title;
		const share = errors(r), slow = p(r, 99);
		setClass(row.cells[4], `c-small${share >= 0.05 ? ' bad' : share >= 0.001 ? ' warn' : ''}`);
		setClass(row.cells[6], `c-num${slow >= this.slowNs ? ' bad' : slow >= this.slowNs / 5 ? ' warn' : ''}`);
		row.tr.dataset.idle = String(Boolean(r.recent) && !r.recent.requests);
	}
}

function make(cells) {
	const path = el('b');
	cells[1].append(path);
	return { path };
}
