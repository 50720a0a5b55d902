// SPDX-License-Identifier: GPL-2.0-only
// legend - the names, colours and numbers of a chart's series; a click shows one alone, with Ctrl it shows or hides it.
import { el } from '../dom.js';

/** A colour swatch: shape is area, line, dots or none. */
function swatch(colour, shape) {
	const i = el('i', `sw ${shape}`);
	if (colour)
		i.style.setProperty('--c', `var(--${colour})`);
	return i;
}

export function legendRow(list, { name, colour, shape = 'area', sum }, press) {
	const line = el(press ? 'button' : 'div', sum ? 'row sum' : 'row');
	const value = el('b');
	line.append(swatch(colour, colour ? shape : 'none'), el('span', '', name), value);
	if (press) {
		line.type = 'button';
		line.title = 'Click: this one alone; with Ctrl: show or hide it';
		line.onclick = (e) => press(e.ctrlKey || e.metaKey);
		line.onkeydown = (e) => {
			if ((e.ctrlKey || e.metaKey) && (e.key === 'Enter' || e.key === ' ')) {
				e.preventDefault(); // no click comes of it by itself in each browser
				press(true);
			}
		};
	}
	list.append(line);
	return { line, value };
}

export class Legend {
	/** @param {object[]} specs rows @param {() => void} changed */
	constructor(list, specs, changed) {
		this.hidden = new Set(); // colours
		this.specs = specs;
		this.changed = changed;
		this.rows = specs.map((spec) => legendRow(list, spec, spec.colour && ((toggle) => (toggle ? this.#toggle(spec.colour) : this.#alone(spec.colour)))));
		this.#mark();
	}

	shows(colour) {
		return !this.hidden.has(colour);
	}

	/** What the look of the chart depends on. */
	get key() {
		return [...this.hidden].join();
	}

	#toggle(colour) {
		if (!this.hidden.delete(colour))
			this.hidden.add(colour);
		this.#told();
	}

	#alone(colour) {
		const others = this.specs.map((s) => s.colour).filter((c) => c && c !== colour);
		const already = this.shows(colour) && others.every((c) => !this.shows(c));
		this.hidden = new Set(already ? [] : others);
		this.#told();
	}

	#told() {
		this.#mark();
		this.changed();
	}

	#mark() {
		this.specs.forEach(({ colour }, n) => colour && this.rows[n].line.setAttribute('aria-pressed', String(this.shows(colour))));
	}
}
