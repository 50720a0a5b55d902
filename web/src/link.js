// SPDX-License-Identifier: GPL-2.0-only
// link - what a link to a view holds, as the fragment of an address: browsers don't send it. Pure.
//
//   last=60                 the last 60 s, as they go by; or
//   from=…&to=…[&paused]    a stretch of time, UNIX ms
//   service=nginx&port=8080&role=server[&path=…][&container=…]
//                           one service alone; not by its slot, which is another one after a restart
//   sort=-rate, routes=-p99 the order of services, of routes, downward
//   open=inflight           panels that are open
// Never a token: that one is for a person, a link is for others too.
import { LEAST_MS, MOST_MS } from './view.js';

const LATEST_MS = 8.64e15; // that a Date can hold
const NAME_MOST = 256;
const SORT = /^-?[a-z0-9]{1,20}$/;

/**
 * @param {string} fragment without its #
 * @returns {{rangeMs?: number, stretch?: {fromT: number, toT: number, paused: boolean},
 *	service?: import('./focus.js').Who, sort?: string, routeSort?: string, inflight?: boolean, complaints: string[]}}
 *	complaints: what could not be read, in a sentence each; it is left out
 */
export function readLink(fragment) {
	const all = new URLSearchParams(fragment), link = { complaints: [] };
	const number = (name) => (/^\d{1,16}(\.\d+)?$/.test(all.get(name) ?? '') ? Number(all.get(name)) : NaN);
	const ignored = (what) => link.complaints.push(`This link's ${what} could not be read and was left out.`);
	if (all.has('last')) {
		const ms = number('last') * 1000;
		if (ms >= LEAST_MS && ms <= MOST_MS)
			link.rangeMs = ms;
		else
			ignored('range');
	}
	if (all.has('from') || all.has('to')) {
		const [fromT, toT] = [number('from'), number('to')];
		if (toT - fromT >= LEAST_MS / 2 && toT - fromT <= MOST_MS && toT < LATEST_MS)
			link.stretch = { fromT, toT, paused: all.has('paused') };
		else
			ignored('stretch of time');
	}
	if (all.has('service')) {
		const text = (name) => all.get(name) || null, port = all.has('port') ? number('port') : 0, role = all.get('role') ?? 'server';
		const texts = [text('service'), text('path'), text('container')];
		if (texts[0] && texts.every((t) => !t || t.length <= NAME_MOST) && port <= 65535 && Number.isInteger(port) && (role === 'server' || role === 'client'))
			link.service = { name: texts[0], role, port, path: texts[1], container: texts[2] };
		else
			ignored('service');
	}
	for (const [name, to, what] of [['sort', 'sort', 'order of services'], ['routes', 'routeSort', 'order of routes']])
		if (all.has(name)) {
			if (SORT.test(all.get(name)))
				link[to] = all.get(name);
			else
				ignored(what);
		}
	if (all.has('open')) {
		if (all.get('open') === 'inflight')
			link.inflight = true;
		else
			ignored('open panel');
	}
	return link;
}

/**
 * @param {{rangeMs: number, endT: number|null, paused: boolean, service: import('./focus.js').Who|null, sort: string, routeSort: string, inflight: boolean}} view
 * @param {{rangeMs?: number, sort?: string, routeSort?: string, inflight?: boolean}} usual what needs not be said
 * @returns {string} a fragment without its #
 */
export function writeLink(view, usual) {
	const all = new URLSearchParams();
	if (view.endT !== null) {
		all.set('from', Math.round(view.endT - view.rangeMs));
		all.set('to', Math.round(view.endT));
		if (view.paused)
			all.set('paused', '');
	} else if (view.rangeMs !== usual.rangeMs) {
		all.set('last', view.rangeMs / 1000);
	}
	if (view.service) {
		const { name, role, port, path, container } = view.service;
		for (const [key, value] of Object.entries({ service: name, port, role, path, container }))
			if (value)
				all.set(key, value);
	}
	if (view.sort !== usual.sort)
		all.set('sort', view.sort);
	if (view.service && view.routeSort !== usual.routeSort)
		all.set('routes', view.routeSort);
	if (view.inflight && !usual.inflight)
		all.set('open', 'inflight');
	return all.toString().replace(/=(?=&|$)/g, '');
}
