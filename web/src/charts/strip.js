// SPDX-License-Identifier: GPL-2.0-only
// strip - one chart: a plot, and beside it its name and what it shows in numbers.
import { el, setClass, setHidden, setText } from '../dom.js';
import { theme } from '../colours.js';
import { Plot } from './plot.js';

/** A colour swatch: shape is area, line, dots or none. */
function swatch(colour, shape) {
	const i = el('i', `sw ${shape}`);
	if (colour)
		i.style.setProperty('--c', `var(--${colour})`);
	return i;
}

function row(list, { name, colour, shape = 'area', sum }) {
	const line = el('div', sum ? 'row sum' : 'row');
	const value = el('b');
	const label = el('span', '', name);
	line.append(swatch(colour, colour ? shape : 'none'), label, value);
	list.append(line);
	return { line, value, label };
}

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} [colour] variable of the style sheet
 * @property {'area'|'line'|'dots'} [shape]
 * @property {(d: object, k: number) => string} text what it is in window k
 */

export class Strip {
	/**
	 * @param {{id: string, title: string, rows: Row[], plot: object, heat?: object, legend?: string,
	 *	paint: (raster: object, d: object, strip: Strip, picture: object) => void, fit: (strip: Strip, picture: object) => void}} spec
	 */
	constructor(spec, parent) {
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
		heading.append(this.title, this.hint);
		readout.append(heading);
		this.rows = spec.rows.map((r) => row(readout, r));
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
		this.plot = new Plot(this.plotRoot, spec.plot);
		this.plot.canvas.setAttribute('role', 'img');
		this.plot.canvas.setAttribute('aria-label', spec.title);
		this.plotRoot.append(this.note);
		this.tipRoot = el('div');
		this.tipRows = spec.rows.map((r) => row(this.tipRoot, r));
	}

	size() {
		this.plot.size(this.plotRoot.clientWidth, this.plotRoot.clientHeight);
	}

	draw(picture) {
		const d = picture.data;
		this.picture = picture;
		this.spec.fit(this, picture);
		this.plot.axes(theme);
		this.plot.label(picture.minT, picture.maxT);
		const { raster, yMin, yMax } = this.plot;
		if (raster.begin(picture, `${yMin} ${yMax} ${this.heat?.max} ${picture.rollMs} ${theme}`)) {
			this.spec.paint(raster, d, this, picture);
			raster.end();
		}
		if (this.heat)
			setText(this.rampMax, `${this.heat.max.toLocaleString('en-US')} ${this.spec.legend}`);
		setText(this.hint, picture.rollMs && this.spec.rolled ? `over ${picture.rollMs / 1000} s` : '');
	}

	/** The numbers of window @k, -1 for none. */
	read(k) {
		const d = this.picture?.data;
		this.spec.rows.forEach((r, n) => setText(this.rows[n].value, k >= 0 && d ? r.text(d, k) : '–'));
	}

	/** Fills this.tipRoot with window @k. */
	tip(k) {
		this.spec.rows.forEach((r, n) => setText(this.tipRows[n].value, r.text(this.picture.data, k)));
	}

	/** What a screen reader hears. */
	describe(k) {
		const d = this.picture?.data;
		if (!d || k < 0)
			return;
		const label = `${this.spec.title}: ${this.spec.rows.map((r) => `${r.name} ${r.text(d, k)}`).join(', ')}`;
		if (this.label !== label)
			this.plot.canvas.setAttribute('aria-label', this.label = label);
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
