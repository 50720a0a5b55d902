// SPDX-License-Identifier: GPL-2.0-only
// scope - all strips on one time axis, and the one crosshair through them.
import { el, setHidden, setText } from '../dom.js';
import * as format from '../format.js';
import { BandMark, bandAt } from './band.js';
import { Sheet } from './sheet.js';
import { Strip } from './strip.js';
import { specs } from './strips.js';

const SAY_MS = 400; // a screen reader is told where the crosshair came to rest

export class Scope {
	/**
	 * @param {HTMLElement} root @param {(what: string) => void} changed 'cross': the crosshair moved; 'size', 'ranged': all looks different
	 * @param {(strip: Strip) => void} table called when a chart is wanted as a table
	 */
	constructor(root, changed, table) {
		this.root = root;
		this.changed = changed;
		this.table = table;
		this.band = null; // that was picked, of bandAt()
		this.bandMark = new BandMark();
		this.said = el('div', 'off-screen');
		this.said.setAttribute('role', 'status');
		this.strips = {};
		this.x = null; // of the crosshair in CSS px from the plot's left edge
		this.unread = true; // the numbers beside the charts
		this.began = el('div', 'began');
		this.began.hidden = true;
		this.sheet = new Sheet(root, 'sheet');
		this.#build(false);
		this.hair = el('div', 'hair');
		this.hairTime = el('time');
		this.hair.append(this.hairTime);
		this.hair.hidden = true;
		this.tip = el('div', 'tip');
		this.tip.hidden = true;
		this.tipCell = el('div', 'cell');
		root.append(this.hair, this.tip, this.said);
		this.beyond = () => {}; // called with ms when the crosshair is led out of the picture
		root.addEventListener('pointermove', (e) => this.#point(e));
		root.addEventListener('pointerdown', (e) => this.#point(e));
		root.addEventListener('pointerleave', () => this.#leave());
		root.addEventListener('blur', () => this.#leave());
		root.addEventListener('keydown', (e) => this.#key(e));
		new ResizeObserver(() => this.changed('size')).observe(root);
	}

	#build(withoutSplit) {
		this.withoutSplit = withoutSplit;
		const names = ['latency', withoutSplit ? 'percentiles' : 'split', 'wait', 'status', 'memory'];
		for (const strip of Object.values(this.strips)) {
			strip.plot.u.destroy();
			strip.root.remove();
		}
		const holder = document.createDocumentFragment();
		this.strips = Object.fromEntries(names.map((name) => [name === 'percentiles' ? 'split' : name, new Strip(specs[name](), holder, this.sheet,
			{ changed: () => this.changed('ranged'), table: (strip) => this.table(strip) })]));
		this.root.prepend(holder);
		this.strips.latency.plotRoot.append(this.began);
	}

	/** Whether the split of time is known; without it percentiles are in its place. */
	setSplit(known) {
		if (this.withoutSplit === known) {
			this.#build(!known);
			this.size();
		}
	}

	get all() {
		return Object.values(this.strips);
	}

	size() {
		const places = this.all.map((strip) => strip.place), last = places.at(-1);
		this.sheet.size(last.left + last.width, last.top + last.height);
		this.all.forEach((strip, k) => strip.size(places[k]));
	}

	/** Points across: what a range is asked for with. */
	get widthPx() {
		return this.strips.latency.plot.raster.width || 600;
	}

	/** The plots, from the left edge of the charts, CSS px. */
	get box() {
		return this.strips.latency.plot.box;
	}

	get msPerPx() {
		return this.picture ? (this.picture.maxT - this.picture.minT) / this.box.width : 0;
	}

	/** The moment @x px right of the plots' left edge. */
	timeAt(x) {
		return this.picture.minT + x * this.msPerPx;
	}

	/** The moment under the crosshair, or null. */
	get crossT() {
		return this.x === null || !this.picture ? null : this.timeAt(this.x);
	}

	/** Where a pointer is. @returns {{x: number, on: boolean}} px from the plots' left edge; whether it is on a plot */
	place(e) {
		const x = e.clientX - this.root.getBoundingClientRect().left - this.box.left;
		const on = this.picture && x >= -4 && x <= this.box.width + 4 && this.all.some((s) => s.plotRoot.contains(e.target)) && !e.target.closest('button');
		return { x, on: Boolean(on) };
	}

	/**
	 * @param {object} picture of the host @param {object} own of the same time, of the service that is shown; else the same
	 * @param {{t: number, text: string}} begin where what can be shown begins, and what to say of that
	 * @param {boolean} reads whether numbers change too
	 */
	draw(picture, own, begin, reads) {
		const shown = `${picture.generation} ${own.generation} ${own === picture} ${picture.maxT - picture.minT}`;
		this.picture = picture;
		if (shown !== this.shown) { // another picture: its numbers are read at once
			this.shown = shown;
			this.unread = true;
		}
		for (const strip of this.all)
			own !== picture && strip.spec.hostTitle ? strip.draw(picture, strip.spec.hostTitle) : strip.draw(own);
		this.#beginning(picture, begin);
		this.#outline();
		this.cross(reads);
	}

	// Why there is nothing to the left.
	#beginning({ minT, maxT }, { t, text }) {
		const { left, width } = this.strips.latency.plot.box;
		const x = (t - minT) / (maxT - minT) * width;
		setText(this.began, text);
		const shown = x > 170 && x <= width;
		setHidden(this.began, !shown);
		if (shown)
			this.began.style.transform = `translateX(${Math.round(left + x - 160)}px)`;
	}

	/** Crosshair, tooltip and the numbers beside the charts. @param {boolean} reads whether those change without a crosshair too */
	cross(reads) {
		const { picture } = this;
		if (!picture)
			return;
		const { box } = this;
		const at = this.x === null ? null : Math.min(box.width, Math.max(0, this.x));
		setHidden(this.hair, at === null);
		if (at === null) {
			setHidden(this.tip, true);
			if (reads || this.unread) {
				this.unread = false;
				for (const strip of this.all) {
					strip.read(strip.last);
					strip.describe(strip.last);
				}
			}
			return;
		}
		const t = this.timeAt(at);
		const k = picture.indexAt(t);
		this.hair.style.transform = `translateX(${Math.round(box.left + at)}px)`;
		setText(this.hairTime, format.clock(k >= 0 ? picture.data.t[k] : t, picture.data.span[k] < 1000 ? 'tenth' : 'second'));
		for (const strip of this.all)
			strip.read(strip.picture.indexAt(t));
		this.unread = true;
		this.#tooltip(this.over?.picture.indexAt(t) ?? -1, box.left + at);
	}

	#outline() {
		const strip = this.band ? this.strips[this.band.strip] : this.strips.latency;
		if (strip.picture)
			this.bandMark.show(this.band, strip, strip.picture);
	}

	/** Outlines what is picked, null: nothing, and tells by an event `band` on the charts. */
	pick(band) {
		if (band === this.band)
			return;
		this.band = band;
		this.#outline();
		this.root.dispatchEvent(new CustomEvent('band', { detail: band }));
	}

	/** Picks what the crosshair is on, or nothing where there is nothing. */
	pickHere() {
		const t = this.crossT, picture = this.over?.picture, k = t === null || !picture ? -1 : picture.indexAt(t);
		const row = k >= 0 && this.over.heat ? this.#row(this.over) : -1;
		this.pick(row >= 0 ? bandAt(picture, this.over, k, row, this.msPerPx) : null);
	}

	#tooltip(k, x) {
		const strip = this.over;
		setHidden(this.tip, !strip || k < 0);
		if (!strip || k < 0)
			return;
		const cell = this.#cell(strip, k);
		setText(this.tipCell, cell ?? '');
		setHidden(this.tipCell, !cell);
		strip.tip(k);
		if (this.tip.lastChild !== strip.tipRoot)
			this.tip.replaceChildren(this.tipCell, strip.tipRoot);
		const width = this.tip.offsetWidth, height = this.tip.offsetHeight;
		const right = x + 14 + width <= this.strips.latency.plotRoot.clientWidth;
		const left = right ? x + 14 : Math.max(4, x - 14 - width);
		const top = Math.min(this.root.clientHeight - height - 4, Math.max(4, this.y - height / 2));
		this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
	}

	/** The row of the heatmap that the crosshair is on, -1: none. */
	#row({ heat, plot }) {
		const up = this.inStrip === null ? -1 : 1 - (this.inStrip - plot.box.top) / plot.box.height;
		const row = Math.floor(heat.low + up * (heat.top - heat.low));
		return up < 0 || up > 1 || row >= heat.lowsNs.length ? -1 : row;
	}

	/** What the heatmap holds under the pointer. */
	#cell(strip, k) {
		const { heat } = strip, row = heat ? this.#row(strip) : -1;
		if (row < 0)
			return null;
		const lows = heat.lowsNs;
		const { counts, rows } = strip.picture.timeline.heat[heat.name];
		const count = counts[(strip.picture.data.first + k) * rows + row];
		const from = format.duration(lows[row]), to = lows[row + 1] ? format.duration(lows[row + 1]) : 'longer';
		return `${count ? format.count(count) : 'no'} ${count === 1 ? strip.spec.legend.replace(/s$/, '') : strip.spec.legend}, ${from} to ${to}`;
	}

	#point(e) {
		const { x, on } = this.place(e);
		this.y = e.clientY - this.root.getBoundingClientRect().top;
		this.over = this.all.find((s) => s.plotRoot.contains(e.target)) ?? null;
		this.inStrip = this.over ? e.clientY - this.over.plotRoot.getBoundingClientRect().top : null;
		this.#move(on ? x : null);
	}

	#leave() {
		this.over = null;
		this.#move(null);
	}

	#move(x) {
		if (x === this.x && x === null)
			return;
		this.x = x;
		this.unread = true;
		this.changed('cross');
	}

	/** Up and down through the rows of the heatmaps. */
	#climb(rows) {
		const { latency, wait } = this.strips;
		if (!this.picture?.data.n)
			return;
		if (!this.over?.heat) {
			const { data } = latency.picture, k = this.crossT === null ? data.n - 1 : latency.picture.indexAt(this.crossT);
			const row = latency.heat.rowOf(data.latency.p99[k] ?? latency.heat.lowsNs[latency.heat.low]);
			this.over = latency;
			this.inStrip = latency.plot.box.top + latency.plot.yOf(row) / devicePixelRatio;
		} else {
			this.inStrip -= rows * this.over.heat.rowPx / devicePixelRatio;
		}
		const { box } = this.over.plot, bottom = box.top + box.height;
		if (this.over === latency && this.inStrip > bottom)
			[this.over, this.inStrip] = [wait, wait.plot.box.top + 1];
		else if (this.over === wait && this.inStrip < wait.plot.box.top)
			[this.over, this.inStrip] = [latency, latency.plot.box.top + latency.plot.box.height - 1];
		this.inStrip = Math.min(this.over.plot.box.top + this.over.plot.box.height - 1, Math.max(this.over.plot.box.top, this.inStrip));
		this.y = this.over.root.offsetTop + this.over.plotRoot.offsetTop + this.inStrip;
		this.#move(this.x ?? this.box.width - 1);
	}

	#say() {
		clearTimeout(this.saying);
		this.saying = setTimeout(() => {
			const t = this.crossT, strip = this.over ?? this.strips.latency, k = t === null ? -1 : strip.picture.indexAt(t);
			const cell = k >= 0 && this.over ? this.#cell(strip, k) : null;
			setText(this.said, t === null ? '' : `${format.clock(t, 'tenth')}: ${k < 0 ? 'nothing was measured' : `${cell ? `${cell}; ` : ''}${strip.words(k)}`}`);
		}, SAY_MS);
	}

	#step(px) {
		const at = (this.x ?? this.box.width - 1) + px, x = Math.min(this.box.width - 1, Math.max(0, at));
		if (at !== x && this.x === x)
			this.beyond((at - x) * this.msPerPx);
		this.#move(x);
	}

	#key(e) {
		const { box } = this;
		const step = e.shiftKey ? 10 : 1;
		const window = this.picture ? box.width / Math.max(60, this.picture.data.n) : 2;
		const move = { ArrowLeft: -step, ArrowRight: step }[e.key];
		if (e.target !== this.root)
			return;
		if (e.key === 'Escape' && this.x !== null)
			this.#leave();
		else if (move)
			this.#step(move * window);
		else if (e.key === 'ArrowUp' || e.key === 'ArrowDown')
			this.#climb(e.key === 'ArrowUp' ? step : -step);
		else if (e.key === 'Enter')
			this.pickHere();
		else if (e.key === 'Home')
			this.#move(0);
		else if (e.key === 'End')
			this.#move(box.width - 1);
		else
			return;
		this.#say();
		e.preventDefault();
	}
}
