// SPDX-License-Identifier: GPL-2.0-only
// services - who answers: a table, the busiest first unless another column is chosen.
import { PARTS, shares } from '../assess.js';
import { $, el, setClass, setData, setHidden, setText } from '../dom.js';
import * as format from '../format.js';
import { newSvgSpark, setSvgSpark } from '../charts/spark.js';

const rate = (s) => (s.recent ? s.recent.requests / s.recent.span_ms * 1000 : 0);
const errors = (s) => (s.recent?.responses ? s.recent.errors / s.recent.responses : null);
const p = (s, q) => s.recent?.duration?.[`p${q}_ns`] ?? null;

const COLUMNS = [
	{ key: 'name', title: 'service', css: 'c-name', of: (s) => `${s.name} ${s.port}` },
	{ key: 'total', title: 'requests', css: 'c-total wide', of: (s) => s.requests, text: (s) => format.count(s.requests), hint: 'Since rqscope was attached' },
	{ key: 'rate', title: 'req/s', css: 'c-num', of: rate, text: (s) => format.rate(rate(s)), hint: 'Over the last 10 s' },
	{ key: 'flight', title: 'in flight', css: 'c-small wide', of: (s) => s.in_flight, text: (s) => format.count(s.in_flight) },
	{ key: 'errors', title: '5xx', css: 'c-small', of: errors, text: (s) => (errors(s) === null ? format.NONE : `${format.percent(errors(s))} %`), hint: 'Over the last 10 s' },
	{ key: 'p50', title: 'p50', css: 'c-num wide', of: (s) => p(s, 50), text: (s) => format.duration(p(s, 50)) },
	{ key: 'p99', title: 'p99', css: 'c-num', of: (s) => p(s, 99), text: (s) => format.duration(p(s, 99)) },
	{ key: 'spark', title: 'last minute', css: 'c-spark wide', plain: true },
	{ key: 'split', title: 'where time went', css: 'c-split wide', plain: true },
];
const SWAP = 1.15; // by so much a row must lead before it moves up: rows don't dance

export class Services {
	constructor() {
		this.rows = new Map();
		this.order = [];
		this.sort = { key: 'rate', down: true };
		this.slowNs = 1e9;
		const root = $('services'), heading = el('h2'), table = el('table'), head = el('tr');
		this.summary = el('small');
		const title = el('span', '', 'Services');
		title.id = 'services-title';
		heading.append(title, this.summary);
		this.heads = COLUMNS.map((c) => this.#head(c, head));
		const thead = el('thead');
		thead.append(head);
		this.body = el('tbody');
		table.append(thead, this.body);
		this.table = table;
		const scroll = el('div', 'scroll');
		scroll.tabIndex = 0;
		scroll.setAttribute('role', 'group');
		scroll.setAttribute('aria-label', 'Services, a table that scrolls');
		this.empty = el('p', 'empty', 'Each program that answers HTTP requests will be a row here.');
		scroll.append(table, this.empty);
		root.append(heading, scroll);
		table.hidden = true;
		this.#mark();
	}

	#head(column, row) {
		const th = el('th', column.css);
		th.scope = 'col';
		if (column.hint)
			th.title = column.hint;
		if (column.plain) {
			th.textContent = column.title;
			th.classList.add('plain');
		} else {
			const button = el('button', '', column.title);
			button.type = 'button';
			button.onclick = () => {
				this.sort = { key: column.key, down: this.sort.key === column.key ? !this.sort.down : column.key !== 'name' };
				this.#mark();
				this.#arrange(true);
			};
			th.append(button);
		}
		row.append(th);
		return th;
	}

	#mark() {
		COLUMNS.forEach((c, k) => {
			if (!c.plain)
				this.heads[k].setAttribute('aria-sort', c.key !== this.sort.key ? 'none' : this.sort.down ? 'descending' : 'ascending');
		});
	}

	show(message) {
		const seen = new Set();
		for (const service of message.items) {
			const id = `${service.slot} ${service.role} ${service.name} ${service.port}`;
			seen.add(id);
			if (!this.rows.has(id)) {
				this.rows.set(id, this.#row());
				this.order.push(id);
			}
			this.#fill(this.rows.get(id), service);
		}
		for (const [id, row] of this.rows)
			if (!seen.has(id)) {
				row.tr.remove();
				this.rows.delete(id);
			}
		this.order = this.order.filter((id) => seen.has(id));
		setHidden(this.table, !seen.size);
		setHidden(this.empty, seen.size > 0);
		setText(this.summary, seen.size > 1 ? `${seen.size} services, numbers over the last ${Math.round(message.over_ms / 1000)} s`
			: seen.size ? `numbers over the last ${Math.round(message.over_ms / 1000)} s` : '');
		setData(this.table, 'split', message.items.some((s) => s.recent?.split?.count) ? 'some' : 'none');
		this.#arrange(false);
	}

	#row() {
		const tr = el('tr'), cells = COLUMNS.map((c) => el('td', c.css));
		const name = el('b'), where = el('span', 'faint'), spark = newSvgSpark(), bar = el('div', 'bar');
		cells[0].append(name, ' ', where);
		cells[7].append(spark);
		cells[8].append(bar);
		bar.setAttribute('role', 'img');
		const parts = PARTS.map(([, , colour]) => {
			const i = el('i');
			i.style.setProperty('--c', `var(--${colour})`);
			bar.append(i);
			return i;
		});
		tr.append(...cells);
		return { tr, cells, name, where, spark, bar, parts };
	}

	#fill(row, s) {
		row.service = s;
		setText(row.name, s.name);
		const port = s.port ? `:${s.port}` : '';
		setText(row.where, [s.role === 'client' ? `asks ${port}` : port, s.container ?? ''].filter(Boolean).join(' · '));
		const full = `${s.name}${s.role === 'client' ? ', client of' : ''} ${port}${s.container ? ` in ${s.container}` : ''}, pid ${s.pids.slice(0, 8).join(', ')}${s.pids.length > 8 ? ' …' : ''}`;
		if (row.cells[0].title !== full)
			row.cells[0].title = full;
		COLUMNS.forEach((c, k) => c.text && setText(row.cells[k], c.text(s)));
		const share = errors(s);
		setClass(row.cells[4], `c-small${share >= 0.05 ? ' bad' : share >= 0.001 ? ' warn' : ''}`);
		setClass(row.cells[6], `c-num${p(s, 99) >= this.slowNs ? ' bad' : p(s, 99) >= this.slowNs / 5 ? ' warn' : ''}`);
		setData(row.tr, 'idle', String(!s.recent?.requests && !s.in_flight));
		setSvgSpark(row.spark, s.spark ?? []);
		this.#bar(row, s.recent?.split);
	}

	#bar(row, split) {
		const by = new Map(shares(split));
		setHidden(row.bar, !by.size);
		const words = [];
		PARTS.forEach(([key, name], k) => {
			const share = by.get(key) ?? 0;
			row.parts[k].style.width = `${(share * 100).toFixed(1)}%`;
			if (share >= 0.005)
				words.push(`${Math.round(share * 100)} % ${name}`);
		});
		const text = words.join(', ');
		if (row.bar.title !== text) {
			row.bar.title = text;
			row.bar.setAttribute('aria-label', text);
		}
	}

	#arrange(fully) {
		const { of } = COLUMNS.find((c) => c.key === this.sort.key);
		const value = new Map(this.order.map((id) => [id, of(this.rows.get(id).service)]));
		const sign = this.sort.down ? -1 : 1;
		const compare = (a, b) => {
			const x = value.get(a), y = value.get(b);
			if (typeof x === 'string')
				return sign * x.localeCompare(y);
			return x === null ? 1 : y === null ? -1 : sign * (x - y);
		};
		if (fully || typeof value.values().next().value === 'string')
			this.order.sort(compare);
		else
			this.#nudge(value, compare);
		let at = this.body.firstChild;
		for (const id of this.order) {
			const { tr } = this.rows.get(id);
			if (at === tr)
				at = at.nextSibling;
			else
				this.body.insertBefore(tr, at);
		}
	}

	// Each row rises past those that it clearly leads.
	#nudge(value, compare) {
		for (let i = 1; i < this.order.length; i++)
			for (let k = i; k > 0 && compare(this.order[k], this.order[k - 1]) < 0; k--) {
				const x = value.get(this.order[k]), y = value.get(this.order[k - 1]);
				if (x !== null && y !== null && Math.max(x, y) < Math.min(x, y) * SWAP)
					break;
				[this.order[k], this.order[k - 1]] = [this.order[k - 1], this.order[k]];
			}
	}
}
