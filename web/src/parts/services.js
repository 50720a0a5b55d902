// SPDX-License-Identifier: GPL-2.0-only
// services - who answers: a table, the busiest first unless another column is chosen; one is opened by a click.
import { PARTS, place, shares } from '../assess.js';
import { $, el, setClass, setData, setHidden, setText } from '../dom.js';
import * as format from '../format.js';
import { newSvgSpark, setSvgSpark } from '../charts/spark.js';
import * as prefs from '../prefs.js';
import { Grid } from './grid.js';

const idOf = (s) => [s.role, s.name, place(s), s.container].join(' ');
const FIND_FROM = 9; // services: fewer are found by looking

const rate = (s) => (s.recent ? s.recent.requests / s.recent.span_ms * 1000 : 0);
const errors = (s) => (s.recent?.responses ? s.recent.errors / s.recent.responses : null);
const p = (s, q) => s.recent?.duration?.[`p${q}_ns`] ?? null;
const lastMinute = (s) => (s.spark ?? []).reduce((sum, n) => sum + n, 0);

// The share of its time in which it could have gone on, had it been let.
function held(s) {
	const by = new Map(shares(s.recent?.split));
	return by.size ? by.get('queued_ns') + by.get('cpu_wait_ns') : null;
}

const COLUMNS = [
	{ key: 'name', title: 'service', css: 'c-name', of: (s) => `${s.name} ${place(s)}`, up: true },
	{ key: 'total', title: 'requests', css: 'c-total wide', of: (s) => s.requests, text: (s) => format.count(s.requests), hint: 'Since rqscope was attached' },
	{ key: 'rate', title: 'req/s', css: 'c-num', of: rate, text: (s) => format.rate(rate(s)), hint: 'Over the last 10 s' },
	{ key: 'flight', title: 'in flight', css: 'c-small wide', of: (s) => s.in_flight, text: (s) => format.count(s.in_flight) },
	{ key: 'errors', title: '5xx', css: 'c-small', of: errors, text: (s) => (errors(s) === null ? format.NONE : `${format.percent(errors(s))} %`), hint: 'Over the last 10 s' },
	{ key: 'p50', title: 'p50', css: 'c-num wide', of: (s) => p(s, 50), text: (s) => format.duration(p(s, 50)) },
	{ key: 'p99', title: 'p99', css: 'c-num', of: (s) => p(s, 99), text: (s) => format.duration(p(s, 99)) },
	{ key: 'spark', title: 'last minute', css: 'c-spark wide', of: lastMinute, hint: 'Sorted by the requests of the last minute' },
	{ key: 'split', title: 'where time went', css: 'c-split wide', of: held, hint: 'Sorted by the share of it that requests were queued or waited for a CPU' },
];

/** What can be typed to find it. */
const words = (s) => `${s.name} ${place(s)} ${s.container ?? ''} ${s.role}`.toLowerCase();

export class Services {
	/** @param {{pick: (service: object) => void, sorted: () => void}} on pick: it was clicked */
	constructor(on) {
		this.slowNs = 1e9;
		this.wanted = [];
		this.message = null;
		this.grid = new Grid({ label: 'Services', columns: COLUMNS, kept: prefs.sort, sort: '-rate', make, press: on.pick, sorted: on.sorted,
			id: idOf, fill: (row, s) => this.#fill(row, s) });
		const heading = el('h2'), title = el('span', '', 'Services');
		title.id = 'services-title';
		this.summary = el('small');
		this.summary.setAttribute('role', 'status');
		heading.append(title, this.#findBox(), this.summary);
		this.empty = el('p', 'empty');
		this.grid.root.append(this.empty);
		this.grid.table.hidden = true;
		$('services').append(heading, this.grid.root);
	}

	#findBox() {
		this.box = el('input', 'find');
		this.box.type = 'search';
		this.box.placeholder = 'Find';
		this.box.title = 'By name, port, path, container, or server and client (/)';
		this.box.setAttribute('aria-label', 'Find a service');
		this.box.hidden = true;
		this.box.spellcheck = false;
		this.box.autocomplete = 'off';
		this.box.oninput = () => {
			this.wanted = this.box.value.toLowerCase().split(/\s+/).filter(Boolean);
			this.#update();
		};
		this.box.onkeydown = (e) => {
			if (e.key === 'Escape' && this.box.value) {
				this.box.value = '';
				this.box.oninput();
			} else if (e.key === 'Escape') {
				this.box.blur();
			} else if (e.key === 'ArrowDown' || e.key === 'Enter') {
				this.grid.focus();
			} else {
				return;
			}
			e.preventDefault();
		};
		return this.box;
	}

	/** To the box in which a name is typed, or to the first row where there are few. */
	find() {
		if (this.box.hidden)
			this.grid.focus();
		else
			this.box.select();
	}

	/** The service @step rows below @service in the order that is shown, or null. */
	neighbour(service, step) {
		const { order, rows } = this.grid, at = service ? order.indexOf(idOf(service)) : -1;
		return rows.get(order[at < 0 ? 0 : at + step])?.item ?? null;
	}

	show(message) {
		this.message = message;
		this.#update();
	}

	#update() {
		const { items, over_ms: overMs } = this.message;
		const shown = this.wanted.length ? items.filter((s) => this.wanted.every((w) => words(s).includes(w))) : items;
		setHidden(this.box, items.length < FIND_FROM && !this.wanted.length);
		setHidden(this.grid.table, !shown.length);
		setHidden(this.empty, shown.length > 0);
		setText(this.empty, items.length ? `None of ${items.length} services has that in its name, port, path, container or role.` : 'Each program that answers HTTP requests will be a row here.');
		const many = this.wanted.length ? `${shown.length} of ${items.length} services` : items.length > 1 ? `${items.length} services` : '';
		setText(this.summary, [many, items.length && `numbers over the last ${Math.round(overMs / 1000)} s`].filter(Boolean).join(', '));
		setData(this.grid.table, 'split', items.some((s) => s.recent?.split?.count) ? 'some' : 'none');
		this.grid.show(shown);
	}

	#fill(row, s) {
		setText(row.name, s.name);
		setText(row.where, [s.role === 'client' ? `asks ${format.tail(place(s))}` : format.tail(place(s)), s.container ?? ''].filter(Boolean).join(' · '));
		const full = `${s.name}${s.role === 'client' ? ', client of' : ''} ${place(s)}${s.container ? ` in ${s.container}` : ''}, pid ${s.pids.slice(0, 8).join(', ')}${s.pids.length > 8 ? ' …' : ''}`;
		if (row.button.title !== full)
			row.button.title = full;
		const share = errors(s);
		setClass(row.cells[4], `c-small${share >= 0.05 ? ' bad' : share >= 0.001 ? ' warn' : ''}`);
		setClass(row.cells[6], `c-num${p(s, 99) >= this.slowNs ? ' bad' : p(s, 99) >= this.slowNs / 5 ? ' warn' : ''}`);
		setData(row.tr, 'idle', String(!s.recent?.requests && !s.in_flight));
		setSvgSpark(row.spark, s.spark ?? []);
		fillBar(row, s.recent?.split);
	}
}

function make(cells) {
	const button = el('button', 'open'), name = el('b'), where = el('span', 'faint'), spark = newSvgSpark(), bar = el('div', 'bar');
	button.type = 'button';
	button.append(name, ' ', where);
	cells[0].append(button);
	cells[7].append(spark);
	cells[8].append(bar);
	bar.setAttribute('role', 'img');
	const parts = PARTS.map(([, , colour]) => {
		const i = el('i');
		i.style.setProperty('--c', `var(--${colour})`);
		bar.append(i);
		return i;
	});
	return { button, name, where, spark, bar, parts };
}

function fillBar(row, split) {
	const by = new Map(shares(split));
	const widths = PARTS.map(([key]) => `${((by.get(key) ?? 0) * 100).toFixed(1)}%`);
	if (row.shown === widths.join())
		return;
	row.shown = widths.join();
	setHidden(row.bar, !by.size);
	widths.forEach((width, k) => (row.parts[k].style.width = width));
	row.bar.title = PARTS.filter(([key]) => by.get(key) >= 0.005).map(([key, name]) => `${Math.round(by.get(key) * 100)} % ${name}`).join(', ');
	row.bar.setAttribute('aria-label', row.bar.title || 'not known');
}
