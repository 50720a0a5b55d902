// SPDX-License-Identifier: GPL-2.0-only
// keys - the keys of the whole page. Those of a part (a chart, a table, a box) are its own, and come first.

/**
 * @param {Object<string, (e: KeyboardEvent) => unknown>} keys what each does; false: nothing now
 * @param {(e: KeyboardEvent) => boolean} other what any other key does
 */
export function listenToKeys(keys, other) {
	document.addEventListener('keydown', (e) => {
		if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open], :popover-open') || e.target.matches?.('input, select, textarea'))
			return;
		if (Object.hasOwn(keys, e.key) ? keys[e.key](e) !== false : other(e))
			e.preventDefault();
	});
}
