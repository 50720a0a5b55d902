// SPDX-License-Identifier: GPL-2.0-only
// prefs - what this person chose: theme, range, rate (kept for good), and the token (kept for this tab).
// Storage can be forbidden; then choices last as long as the page.

const memory = new Map();

function read(storage, key) {
	try {
		return window[storage].getItem(key) ?? memory.get(key) ?? null;
	} catch {
		return memory.get(key) ?? null;
	}
}

function write(storage, key, value) {
	memory.set(key, value);
	try {
		window[storage].setItem(key, value);
	} catch {
		/* kept in memory only */
	}
}

function choice(key, values, initial) {
	return {
		values,
		get() {
			const value = read('localStorage', key);
			return values.find((v) => String(v) === value) ?? initial;
		},
		set(value) {
			write('localStorage', key, String(value));
		},
	};
}

export const theme = choice('rqscope.theme', ['auto', 'light', 'dark'], 'auto');
export const rate = choice('rqscope.rate_ms', [100, 250, 500, 1000], 250);
export const range = choice('rqscope.range_ms', [6e3, 60e3, 600e3, 3600e3, 21600e3], 60e3);

/** Text that was chosen, or null. */
function text(key) {
	return { get: () => read('localStorage', key), set: (value) => write('localStorage', key, value) };
}

export const sort = text('rqscope.sort'); // of services
export const panels = text('rqscope.panels'); // that are open
export const routeSort = text('rqscope.route_sort');

/** The token of this tab, or null. One in the address is taken over and cleared from there at once. */
export function token() {
	const fragment = new URLSearchParams(location.hash.slice(1));
	const given = fragment.get('token');
	if (given !== null) {
		fragment.delete('token');
		const rest = fragment.toString();
		history.replaceState(null, '', location.pathname + location.search + (rest ? `#${rest}` : ''));
		setToken(given);
	}
	return read('sessionStorage', 'rqscope.token') || null;
}

export function setToken(value) {
	write('sessionStorage', 'rqscope.token', value.trim());
}
