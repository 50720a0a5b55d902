// SPDX-License-Identifier: GPL-2.0-only
// strip - one chart: a plot, and beside it its name and what it shows in numbers.
import { el, setClass, setHidden, setText, svg } from '../dom.js';
import { theme } from '../colours.js';
import { Legend, legendRow } from './legend.js';
import { Plot } from './plot.js';

const LATE_MS = 2500; // a picture whose last window is older has none of now

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} [colour] variable of the style sheet
 * @property {'area'|'line'|'dots'} [shape]
 * @property {(d: object, k: number) => string} text what it is in window k
 */

export class Strip {
	/**
	 * @param {{id: string, title: string, hostTitle?: string, rows: Row[], plot: object, heat?: object, legend?: string,
	 *	paint: (raster: object, d: object, strip: Strip, picture: object) => void, fit: (strip: Strip, picture: object) => void}} spec
	 * @param {object} sheet to paint on @param {{changed: () => void, table: (strip: Strip) => void}} on
	 */
	constructor(spec, parent, sheet, on) {
		this.spec = spec;
		this.heat = spec.heat;
		this.root = el('section', `strip s-${spec.id}`);
		this.plotRoot = el('div', 'plot');
		this.note = el('div', 'note');
		this.note.hidden = true;
		const readout = el('div', 'readout');
		this.title = el('span', '', spec.title);
		this.hint = el('small');
		const heading = el('h2');
		heading.append(this.title, this.hint, this.#tableButton(on.table));
		readout.append(heading);
		this.legend = new Legend(readout, spec.rows, on.changed);
		if (spec.remark)
			readout.append(el('p', 'remark', spec.remark));
		if (spec.heat) {
			const ramp = el('div', 'ramp');
			this.rampMax = el('span');
			ramp.append(el('span', '', '1'), el('i'), this.rampMax);
			readout.append(ramp);
		}
		this.root.append(this.plotRoot, readout);
		parent.append(this.root);
		this.plot = new Plot(this.plotRoot, sheet, spec.plot);
		this.plot.area.setAttribute('role', 'img');
		this.plot.area.setAttribute('aria-label', spec.title);
		this.plotRoot.append(this.note);
		this.tipRoot = el('div');
		this.tipRows = spec.rows.map((r) => legendRow(this.tipRoot, r));
	}

	#tableButton(open) {
		const button = el('button', 'as-table'), icon = svg('svg', { viewBox: '0 0 12 12', width: 12, height: 12, 'aria-hidden': 'true' });
		button.type = 'button';
		button.title = 'As a table (d)';
		button.setAttribute('aria-label', `${this.spec.title} as a table`);
		button.onclick = () => open(this);
		icon.append(svg('path', { d: 'M.5 1.5h11v9H.5zM.5 4.5h11M.5 7.5h11M4.5 4.5v6' }));
		button.append(icon);
		return button;
	}

	/** Where its plot is, from the upper left of what holds the strips, CSS px. */
	get place() {
		const { plotRoot, root } = this;
		return { left: 0, top: root.offsetTop + root.clientTop + plotRoot.offsetTop, width: plotRoot.clientWidth, height: plotRoot.clientHeight };
	}

	size({ left, top, width, height }) {
		this.plot.size(width, height, { left, top });
	}

	/** @param {string} [title] in the place of its own */
	draw(picture, title = this.spec.title) {
		const d = picture.data;
		this.picture = picture;
		this.spec.fit(this, picture);
		this.plot.axes(theme);
		this.plot.label(picture.minT, picture.maxT);
		const { raster, yMin, yMax } = this.plot;
		if (raster.begin(picture, `${yMin} ${yMax} ${this.heat?.max} ${picture.rollMs} ${theme} ${this.legend.key}`)) {
			this.spec.paint(raster, d, this, picture);
			this.plot.put();
		}
		if (this.heat)
			setText(this.rampMax, `${this.heat.max.toLocaleString('en-US')} ${this.spec.legend}`);
		setText(this.title, title);
		setText(this.hint, picture.rollMs && this.spec.rolled ? `over ${picture.rollMs / 1000} s` : '');
	}

	/** The window that the picture ends with, -1 when what it shows ended before. */
	get last() {
		const { data, maxT } = this.picture, k = data.n - 1;
		return k >= 0 && data.t[k] + Math.max(LATE_MS, data.span[k]) >= maxT ? k : -1;
	}

	/** The numbers of window @k, -1 for none. */
	read(k) {
		const d = this.picture?.data;
		this.spec.rows.forEach((r, n) => setText(this.legend.rows[n].value, k >= 0 && d ? r.text(d, k) : '–'));
	}

	/** Fills this.tipRoot with window @k. */
	tip(k) {
		this.spec.rows.forEach((r, n) => setText(this.tipRows[n].value, r.text(this.picture.data, k)));
	}

	/** The window @k in words. */
	words(k) {
		const d = this.picture?.data;
		return d && k >= 0 ? `${this.title.textContent}: ${this.spec.rows.map((r) => `${r.name} ${r.text(d, k)}`).join(', ')}` : '';
	}

	/** What a screen reader finds in place of the picture. */
	describe(k) {
		const label = this.words(k);
		if (label && this.label !== label)
			this.plot.area.setAttribute('aria-label', this.label = label);
	}

	/** Lays words over the plot; null takes them away. @param {Node[]|null} nodes */
	say(key, nodes) {
		if (this.said === key)
			return;
		this.said = key;
		this.note.replaceChildren(...(nodes?.() ?? []));
		setHidden(this.note, !nodes);
		setClass(this.plotRoot, nodes ? 'plot noted' : 'plot');
	}
}
