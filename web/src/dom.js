// SPDX-License-Identifier: GPL-2.0-only
// dom - the few things that views do to the document. Text goes in by textContent only, and only when it changed.

export const $ = (id) => document.getElementById(id);

export function el(tag, className, text) {
	const node = document.createElement(tag);
	if (className)
		node.className = className;
	if (text !== undefined)
		node.textContent = text;
	return node;
}

export function svg(tag, attributes) {
	const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
	for (const name in attributes)
		node.setAttribute(name, attributes[name]);
	return node;
}

/** Writing to the document costs even where nothing changes: what was written last is remembered. */
export function setText(node, text) {
	if (node.shownText === text)
		return;
	node.shownText = text;
	node.textContent = text;
}

export function setClass(node, name) {
	if (node.shownClass === name)
		return;
	node.shownClass = name;
	node.className = name;
}

export function setData(node, key, value) {
	if (node.dataset[key] !== value)
		node.dataset[key] = value;
}

export function setHidden(node, hidden) {
	if (node.hidden !== hidden)
		node.hidden = hidden;
}

/** A number and its unit, the unit dim: [number, unit]. */
export function setQuantity(number, unit, parts) {
	setText(number, parts[0]);
	setText(unit, parts[1]);
}
