// SPDX-License-Identifier: GPL-2.0-only
// merge - windows made into one, as the server does it (docs/protocol.md, Columns); percentiles are read from the rows
// of the heatmaps, so within 10 %, and are null where there is no heatmap. Pure.

const sum = (a, b) => a + b;
const last = (a, b) => b;
const RULES = [[/\.min_ns$/, Math.min], [/[._]max(_ns)?$|late_ns$/, Math.max], [/in_flight$|length\.now$|^(memory|cpu|pressure|load|self)\./, last], [/./, sum]];
const QUANTILE = /^(.+)\.p(50|90|99|999)_ns$/;

/** @param {object[]} parts windows, oldest first @returns {object} as one of them, with one window or none */
export function merged(parts, lowsNs) {
	const span = parts.reduce((all, p) => p.span_ms.reduce(sum, all), 0);
	const one = { resolution_ms: span, t: [], span_ms: [], columns: {}, heat: {} };
	if (!parts.length)
		return one;
	one.t = [parts.at(-1).t.at(-1)];
	one.span_ms = [span];
	for (const { span_ms: spans, columns, heat } of parts) {
		for (const name in columns)
			one.columns[name] = [column(name, one.columns[name]?.[0] ?? null, columns[name], spans.map((ms) => ms / span))];
		for (const name in heat)
			one.heat[name] = [rows(one.heat[name]?.[0] ?? [], heat[name])];
	}
	for (const name in one.columns) {
		const [, histogram, digits] = name.match(QUANTILE) ?? [];
		if (histogram)
			one.columns[name] = [percentile(one.heat[histogram]?.[0] ?? [], Number(`0.${digits}`), lowsNs, one.columns[`${histogram}.max_ns`]?.[0])];
	}
	return one;
}

function column(name, before, values, shares) {
	const [, rule] = RULES.find(([pattern]) => pattern.test(name));
	const mean = name.endsWith('.mean');
	return values.reduce((all, value, k) => {
		if (value === null)
			return all;
		const own = mean ? value * shares[k] : value;
		return all === null ? own : rule(all, own);
	}, before);
}

function rows(before, windows) {
	const counts = new Map();
	for (const pairs of [before, ...windows])
		for (let k = 0; pairs && k < pairs.length; k += 2)
			counts.set(pairs[k], (counts.get(pairs[k]) ?? 0) + pairs[k + 1]);
	return [...counts].sort((a, b) => a[0] - b[0]).flat();
}

function percentile(pairs, q, lowsNs, max) {
	let all = 0;
	for (let k = 1; k < pairs.length; k += 2)
		all += pairs[k];
	let rank = Math.max(1, Math.ceil(q * all));
	for (let k = 0; k < pairs.length; k += 2) {
		if (rank <= pairs[k + 1]) {
			const low = lowsNs[pairs[k]] || 512, high = lowsNs[pairs[k] + 1] ?? low * 1.25;
			return Math.min(max ?? Infinity, low * (high / low) ** ((rank - 0.5) / pairs[k + 1]));
		}
		rank -= pairs[k + 1];
	}
	return null;
}
