// SPDX-License-Identifier: GPL-2.0-only
// inflight - what is stuck now: the oldest requests that have no answer, how far each came and what its thread is doing. It is asked
// for only while this panel is open and somebody can see it.
import { $, el, setClass, setHidden, setText } from '../dom.js';
import * as format from '../format.js';

const STAGES = {
	server: { queued: 'not read yet', reading: 'comes in', serving: 'being served', sending: 'being answered' },
	client: { queued: 'answer not read', reading: 'answer comes in', serving: 'awaits answer', sending: 'being sent' },
};
const STATES = { running: 'runs', runnable: 'waits for a CPU', sleeping: 'sleeps', blocked: 'blocked', stopped: 'stopped', exiting: 'ends' };
const COLUMNS = [['age', 'c-num'], ['stage', 'c-stage'], ['request'], ['service', 'c-who wide'], ['peer', 'c-who wide'], ['thread', 'c-who']];

const age = (ns) => (ns === null ? format.NONE : ns < 1e9 ? format.duration(ns) : format.elapsed(ns / 1e6));

export class InFlight {
	/** @param {(message: object) => boolean} send */
	constructor(send) {
		this.send = send;
		this.open = this.asked = false;
		this.message = null; // that is shown
		this.button = el('button', 'chip look', 'In flight');
		this.button.type = 'button';
		this.button.title = 'The oldest requests without an answer (f)';
		this.button.setAttribute('aria-controls', 'inflight');
		$('events-title').after(this.button);
		const heading = el('h2'), title = el('span', '', 'In flight'), scroll = el('div', 'scroll'), head = el('tr'), thead = el('thead');
		title.id = 'inflight-title';
		this.summary = el('small');
		this.close = el('button', 'chip', 'Close');
		this.close.type = 'button';
		heading.append(title, this.close, this.summary);
		scroll.tabIndex = 0;
		scroll.setAttribute('role', 'group');
		scroll.setAttribute('aria-label', 'Requests in flight, a table that scrolls');
		head.append(...COLUMNS.map(([name, css]) => Object.assign(el('th', `plain ${css ?? ''}`, name), { scope: 'col' })));
		thead.append(head);
		this.body = el('tbody');
		this.table = el('table');
		this.table.append(thead, this.body);
		this.empty = el('p', 'empty');
		scroll.append(this.table, this.empty);
		$('inflight').append(heading, scroll);
		this.scroll = scroll;
	}

	/** Opens or closes it. @param {boolean} [quiet] it was open when the page was left: nothing moves */
	toggle(quiet = false) {
		this.open = !this.open;
		this.quiet = quiet;
		this.message = null;
		setHidden($('inflight'), !this.open);
		if (!this.open) {
			this.button.focus({ preventScroll: true });
			return;
		}
		this.show(null, 0);
		if (!quiet)
			this.scroll.focus({ preventScroll: true });
	}

	/** @param {{offline: boolean, seen: boolean}} now seen: what comes would be shown. Tells the server when that changed. */
	ask({ offline, seen }) {
		setHidden(this.button, offline);
		setHidden($('inflight'), offline || !this.open);
		this.button.setAttribute('aria-expanded', String(this.open));
		const wanted = seen && this.open && !offline;
		if (wanted !== this.asked && this.send({ type: 'look', inflight: wanted }))
			this.asked = wanted;
	}

	/** A new connection, on which nothing was asked for yet. */
	forget() {
		this.asked = false;
	}

	/** @param {object} message @returns {string|undefined} what changed */
	apply(message) {
		if (message.type !== 'inflight' || !this.asked)
			return undefined;
		this.message = message;
		return 'inflight';
	}

	/** @param {{name: string, slot: number}|null} only the one service that is shown @param {number} slowNs */
	show(only, slowNs) {
		const { message, shown } = this, all = message?.items ?? [], items = only ? all.filter((i) => i.slot === only.slot) : all;
		setHidden(this.table, !items.length);
		setHidden(this.empty, items.length > 0);
		setText(this.empty, !message ? 'Asked for: it comes within a second.'
			: !message.items ? 'What is in flight can not be told, since HTTP is not measured here.'
				: only && all.length ? `None of the ${all.length} oldest requests is of ${only.name}.` : 'Nothing is in flight: every request has its answer.');
		setText(this.summary, message?.items ? this.#summary(message, items, only) : '');
		while (this.body.rows.length > items.length)
			this.body.lastChild.remove();
		items.forEach((item, n) => fill(this.body.rows[n] ?? this.body.appendChild(row()), item, slowNs));
		this.shown = message;
		if (!this.quiet && (!message || !shown)) // opened, and when there is something to see
			$('inflight').scrollIntoView({ block: 'nearest' });
	}

	#summary({ requests, items: { length }, connections: { open, http }, t }, items, only) {
		const some = only ? `${items.length} of ${only.name} among the ${length} oldest of ${format.count(requests)} requests` : length < requests ? `the ${length} oldest of ${format.count(requests)} requests` : `${length} request${length === 1 ? '' : 's'}`;
		return `${some}, ${format.count(http)} HTTP connections of ${format.count(open)} open, at ${format.clock(t)}`;
	}
}

function row() {
	const tr = el('tr');
	tr.append(...COLUMNS.map(([, css]) => el('td', css)));
	tr.cells[2].append(el('span'), ' ', el('small', 'dim'));
	return tr;
}

function fill(tr, item, slowNs) {
	const { age_ns: ns, thread, service, method, path, route } = item, [old, stage, request, who, peer, does] = tr.cells;
	setText(old, age(ns));
	setClass(old, `c-num${ns >= slowNs ? ' bad' : ns >= slowNs / 5 ? ' warn' : ''}`);
	setText(stage, STAGES[item.role]?.[item.stage] ?? item.stage);
	setText(request.children[0], path !== null ? `${method} ${path}` : route ? `${route.method} ${route.path}` : format.NONE);
	setText(request.children[1], path !== null && route && route.path !== path ? route.path : '');
	setText(who, service === null ? format.NONE : item.role === 'client' ? `asked by ${service.split(' :')[0]}` : service);
	setText(peer, item.peer ?? format.NONE);
	setText(does, thread ? `${thread.comm} ${STATES[thread.state] ?? thread.state}` : item.tid ? 'has ended' : format.NONE);
	const titles = [, , request.textContent.trim(), who.textContent, , thread ? `${does.textContent}, pid ${item.pid}, thread ${item.tid}` : ''];
	titles.forEach((title, k) => tr.cells[k].title !== title && (tr.cells[k].title = title));
}
