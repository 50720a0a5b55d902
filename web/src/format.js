// SPDX-License-Identifier: GPL-2.0-only
// format - numbers as people read them. Each returns [number, unit] or one string; "–" stands for unknown.

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
export const NONE = '–';
const known = (x) => typeof x === 'number' && Number.isFinite(x);

/** As many digits as are worth reading; trailing zeros stay, so that a number keeps its width as it changes. */
function digits(x, wholeFrom) {
	return Math.abs(x) >= wholeFrom - 0.05 || x === 0 ? grouped.format(x) : x.toFixed(1);
}

export function count(x) {
	return known(x) ? grouped.format(x) : NONE;
}

/** A mean: whole from 100 on. */
export function decimal(x) {
	return known(x) ? digits(x, 100) : NONE;
}

/** @param {number} ns */
export function durationParts(ns) {
	if (!known(ns))
		return [NONE, ''];
	if (ns < 1)
		return ['0', 'µs'];
	if (ns < 999.5)
		return [digits(ns, 1), 'ns'];
	if (ns < 999.5e3)
		return [digits(ns / 1e3, 10), 'µs'];
	if (ns < 999.5e6)
		return [digits(ns / 1e6, 10), 'ms'];
	return [ns < 9.995e9 ? (ns / 1e9).toFixed(2) : digits(ns / 1e9, 100), 's'];
}

export function duration(ns) {
	const [number, unit] = durationParts(ns);
	return unit ? `${number} ${unit}` : number;
}

export function percent(ratio) {
	if (!known(ratio))
		return NONE;
	const x = ratio * 100;
	if (x > 0 && x < 0.005)
		return '<0.01';
	return x === 0 || x >= 9.95 ? String(Math.round(x)) : x.toFixed(x < 0.995 ? 2 : 1);
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function bytesParts(x, unitOf = x) {
	if (!known(x))
		return [NONE, ''];
	let k = 0;
	while (k + 1 < BYTE_UNITS.length && unitOf >= 1024 ** (k + 1) * 0.9995)
		k++;
	return [digits(x / 1024 ** k, k ? 100 : 1), BYTE_UNITS[k]];
}

export function bytes(x) {
	const [number, unit] = bytesParts(x);
	return unit ? `${number} ${unit}` : number;
}

/** A rate: whole from 10 on. */
export function rate(x) {
	return known(x) ? digits(x, 10) : NONE;
}

/** How long something has been so: "8 s", "12m 04s", "3h 05m", "2d 04h". */
export function elapsed(ms) {
	if (!known(ms))
		return NONE;
	const s = Math.max(0, Math.floor(ms / 1000));
	const two = (x) => String(x).padStart(2, '0');
	if (s < 60)
		return `${s} s`;
	if (s < 3600)
		return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
	if (s < 86400)
		return `${Math.floor(s / 3600)}h ${two(Math.floor(s / 60) % 60)}m`;
	return `${Math.floor(s / 86400)}d ${two(Math.floor(s / 3600) % 24)}h`;
}

/** A length of time: "2.5 s", "45 s", "10 min", "1 h 20 min". */
export function span(ms) {
	if (ms < 9950)
		return `${(ms / 1000).toFixed(ms % 1000 ? 1 : 0)} s`;
	if (ms < 119.5e3 && ms % 60e3)
		return `${Math.round(ms / 1000)} s`;
	const minutes = Math.round(ms / 60e3), h = Math.floor(minutes / 60);
	return [h ? `${h} h` : '', minutes % 60 ? `${minutes % 60} min` : ''].filter(Boolean).join(' ');
}

const clocks = new Map();

/** Time of day where the reader is. @param {'minute'|'second'|'tenth'} to */
export function clock(ms, to = 'second') {
	if (!known(ms))
		return NONE;
	let format = clocks.get(to);
	if (!format) {
		format = new Intl.DateTimeFormat('en-GB', {
			hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
			...(to !== 'minute' && { second: '2-digit' }),
			...(to === 'tenth' && { fractionalSecondDigits: 1 }),
		});
		clocks.set(to, format);
	}
	return format.format(ms);
}

/** Date and time of day where the reader is. */
export function moment(ms) {
	return `${new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' }).format(ms)}, ${clock(ms)}`;
}

/** A round value on an axis: no more digits than it needs. */
export function tick(ns) {
	const [scale, unit] = ns < 999.5 ? [1, 'ns'] : ns < 999.5e3 ? [1e3, 'µs'] : ns < 999.5e6 ? [1e6, 'ms'] : [1e9, 's'];
	return `${+(ns / scale).toFixed(2)} ${unit}`;
}

export function tickCount(x) {
	return x >= 1000 ? grouped.format(x) : String(+x.toFixed(1));
}

/** A path that is told by its end, where it is long. */
export function tail(path, most = 22) {
	return path.length > most ? `…${path.slice(1 - most)}` : path;
}
