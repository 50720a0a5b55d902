// SPDX-License-Identifier: GPL-2.0-only
// grid - a table of things that change each second: sorted by any column, walked by arrow keys, calm to look at.
//
// Hundreds of rows cost what is seen of them: rows in view are written at each update, the others a few at a time.
// Rows rise only past those that they clearly lead, and stand still while somebody points at them.
import { el, setText } from '../dom.js';

const SWAP = 1.15; // by so much a row must lead before it moves up: rows don't dance
const SPARE_ROWS = 1; // beside those in view
const IN_TURN = 6; // rows out of view that are written at an update
const STILL_MS = 2000; // after the pointer moved over them, rows keep their places

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} title
 * @property {string} css
 * @property {(item: object) => number|string|null} of what it is sorted by; null comes last
 * @property {(item: object) => string} [text] what stands there; without: fill() of the grid sees to it
 * @property {string} [hint]
 * @property {boolean} [up] sorted upward at first
 */

export class Grid {
	/**
	 * @param {{label: string, columns: Column[], kept: {get: () => string|null, set: (sort: string) => void}, sort: string,
	 *	id: (item: object) => string, make: (cells: HTMLElement[]) => object, fill: (row: object, item: object) => void,
	 *	last?: (item: object) => boolean, press?: (item: object) => void, sorted?: () => void}} spec
	 *	kept: where the order is remembered; sort: "rate" or "-rate" (downward); make: what a row needs beside its cells,
	 *	a `button` among it if rows can be pressed; last: stays at the end in any order
	 */
	constructor(spec) {
		this.spec = spec;
		this.rows = new Map(); // id -> {id, item, tr, cells, stale, ...}
		this.order = [];
		this.turn = 0;
		this.pointedAt = -Infinity;
		this.scrollTop = this.heightPx = 0;
		this.rowPx = 28;
		this.table = el('table');
		this.body = el('tbody');
		const head = el('tr'), thead = el('thead');
		this.heads = spec.columns.map((c) => this.#head(c, head));
		thead.append(head);
		this.table.append(thead, this.body);
		this.root = el('div', 'scroll');
		this.root.tabIndex = 0;
		this.root.setAttribute('role', 'group');
		this.root.setAttribute('aria-label', `${spec.label}, a table that scrolls`);
		this.root.append(this.table);
		this.sortBy(spec.kept.get() ?? spec.sort) || this.sortBy(spec.sort);
		this.#listen();
	}

	#listen() {
		this.root.addEventListener('scroll', () => {
			this.scrollTop = this.root.scrollTop;
			this.#write(0);
		}, { passive: true });
		new ResizeObserver(() => this.#measure()).observe(this.root);
		this.body.addEventListener('pointermove', () => (this.pointedAt = performance.now()), { passive: true });
		this.body.addEventListener('keydown', (e) => this.#key(e));
		this.body.addEventListener('click', (e) => {
			const row = this.order.map((id) => this.rows.get(id)).find(({ tr }) => tr.contains(e.target));
			if (row && getSelection().isCollapsed)
				this.spec.press?.(row.item);
		});
	}

	// Read when the browser has laid out anyway: reading it at an update would make it do so.
	#measure() {
		this.heightPx = this.root.clientHeight;
		this.rowPx = this.body.rows[0]?.offsetHeight || this.rowPx;
		this.#write(0);
	}

	#head(column, row) {
		const th = el('th', column.css), button = el('button', '', column.title);
		th.scope = 'col';
		th.title = column.hint ?? '';
		button.type = 'button';
		button.onclick = () => {
			this.sortBy(this.key === column.key ? `${this.down ? '' : '-'}${column.key}` : `${column.up ? '' : '-'}${column.key}`);
			this.spec.kept.set(this.sort);
			this.spec.sorted?.();
		};
		th.append(button);
		row.append(th);
		return th;
	}

	/** @param {string} sort "rate", or downward "-rate" @returns {boolean} false: there is no such column */
	sortBy(sort) {
		const down = sort.startsWith('-'), key = down ? sort.slice(1) : sort;
		if (!this.spec.columns.some((c) => c.key === key))
			return false;
		Object.assign(this, { sort, down, key });
		this.spec.columns.forEach((c, k) => this.heads[k].setAttribute('aria-sort', c.key !== key ? 'none' : down ? 'descending' : 'ascending'));
		this.#arrange(true);
		return true;
	}

	/** @param {object[]} items all that is to be seen */
	show(items) {
		const seen = new Set();
		for (const item of items) {
			const id = this.spec.id(item);
			seen.add(id);
			const row = this.rows.get(id) ?? this.#row(id, item);
			row.item = item;
			row.stale = true;
		}
		for (const [id, row] of this.rows)
			if (!seen.has(id)) {
				row.tr.remove();
				this.rows.delete(id);
			}
		this.order = this.order.filter((id) => seen.has(id));
		this.#arrange(false);
		this.#write(IN_TURN);
	}

	#row(id, item) {
		const tr = el('tr'), cells = this.spec.columns.map((c) => el('td', c.css));
		tr.append(...cells);
		const row = { id, item, tr, cells, stale: true, ...this.spec.make(cells) };
		if (row.button)
			row.button.tabIndex = -1;
		this.rows.set(id, row);
		this.order.push(id);
		this.#fill(row);
		return row;
	}

	#fill(row) {
		this.spec.columns.forEach((c, k) => c.text && setText(row.cells[k], c.text(row.item)));
		this.spec.fill(row, row.item);
		row.stale = false;
	}

	// Rows in view, and @others of the rest in turn.
	#write(others) {
		const from = Math.floor(this.scrollTop / this.rowPx) - SPARE_ROWS, to = from + Math.ceil(this.heightPx / this.rowPx) + 2 * SPARE_ROWS;
		const { length } = this.order, fresh = (k) => this.rows.get(this.order[k]);
		for (let k = Math.max(0, from); k < Math.min(length, to); k++)
			if (fresh(k).stale)
				this.#fill(fresh(k));
		for (let n = 0; n < Math.min(others, length); n++) {
			const row = fresh(this.turn++ % length);
			if (row.stale)
				this.#fill(row);
		}
	}

	get #still() {
		const focus = document.activeElement;
		return performance.now() - this.pointedAt < STILL_MS || (this.body.contains(focus) && focus.matches(':focus-visible'));
	}

	#arrange(fully) {
		const { columns, last } = this.spec;
		const { of } = columns.find((c) => c.key === this.key);
		const value = new Map(this.order.map((id) => [id, of(this.rows.get(id).item)]));
		const end = new Set(last ? this.order.filter((id) => last(this.rows.get(id).item)) : []);
		const sign = this.down ? -1 : 1;
		const compare = (a, b) => {
			const x = value.get(a), y = value.get(b);
			if (end.has(a) !== end.has(b))
				return end.has(a) ? 1 : -1;
			if (x === null || y === null)
				return x === y ? 0 : x === null ? 1 : -1;
			return sign * (typeof x === 'string' ? x.localeCompare(y) : x - y);
		};
		if (fully || typeof value.values().next().value === 'string')
			this.order.sort(compare);
		else if (!this.#still)
			this.#nudge(value, compare);
		this.#place();
		if (fully)
			this.#write(0);
	}

	// Each row rises past those that it clearly leads.
	#nudge(value, compare) {
		const { order } = this;
		for (let i = 1; i < order.length; i++)
			for (let k = i; k > 0 && compare(order[k], order[k - 1]) < 0; k--) {
				const x = value.get(order[k]), y = value.get(order[k - 1]);
				if (typeof x === 'number' && typeof y === 'number' && Math.max(x, y) < Math.min(x, y) * SWAP)
					break;
				[order[k], order[k - 1]] = [order[k - 1], order[k]];
			}
	}

	#place() {
		const focus = document.activeElement;
		let at = this.body.firstChild;
		for (const id of this.order) {
			const { tr } = this.rows.get(id);
			if (at === tr)
				at = at.nextSibling;
			else
				this.body.insertBefore(tr, at);
		}
		if (focus !== document.activeElement && this.body.contains(focus))
			focus.focus({ preventScroll: true }); // a row that moves loses it
		this.#reach(this.rows.get(this.reached) ?? this.rows.get(this.order[0]));
	}

	// One row is reached by Tab, the others from there by arrow keys.
	#reach(row) {
		if (!row?.button || this.reached === row.id)
			return;
		const before = this.rows.get(this.reached);
		if (before)
			before.button.tabIndex = -1;
		row.button.tabIndex = 0;
		this.reached = row.id;
	}

	/** To the row that Tab reaches, or to the first. */
	focus() {
		this.rows.get(this.reached)?.button.focus();
	}

	#key(e) {
		const at = this.order.indexOf(this.reached), end = this.order.length - 1;
		const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: end }[e.key];
		if (to === undefined || e.ctrlKey || e.metaKey || e.altKey)
			return;
		const row = this.rows.get(this.order[Math.min(end, Math.max(0, to))]);
		this.#reach(row);
		row.button.focus({ focusVisible: true });
		row.tr.scrollIntoView({ block: 'nearest' });
		e.preventDefault();
	}
}
