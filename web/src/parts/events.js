// SPDX-License-Identifier: GPL-2.0-only
// events - what happened, newest first.
import { PARTS, serviceName, shares } from '../assess.js';
import { $, el, setHidden, setText } from '../dom.js';
import * as format from '../format.js';

const SHOWN = 100;
const LEVELS = { info: 'dim', warning: 'warn', error: 'bad' };

/** Stalls come in crowds: those of one second, one after the other, are told as one, by the longest of them. */
function crowds(events) {
	const told = [];
	let crowd = null;
	for (const event of events) {
		const second = Math.floor(event.t / 1000);
		if (event.kind !== 'runqueue_stall' || crowd?.second !== second) {
			crowd = event.kind === 'runqueue_stall' ? { second, longest: event, count: 1, newest: event } : null;
			told.push(crowd ?? event);
			continue;
		}
		crowd.count++;
		if (event.duration_ns > crowd.longest.duration_ns)
			crowd.longest = event;
	}
	return told.map((one) => (one.newest ? { ...one.newest, text: one.count > 1 ? `${one.longest.text}; ${one.count - 1} more waited long` : one.newest.text } : one));
}

const EDGE_MS = 50; // an event has the time of its end, a window ends a little later

/** Whether @event is of what was picked in a chart. */
function within(event, { strip, fromT, toT, lowNs, highNs }) {
	return (event.kind === 'runqueue_stall') === (strip === 'wait') && event.t > fromT - EDGE_MS && event.t <= toT + EDGE_MS
		&& event.duration_ns >= lowNs && event.duration_ns < highNs;
}

/** Whether @event is of this one service; one without a role is from a snapshot that does not tell more than a name. */
const isOf = ({ service, role, container = null }, who) => service === serviceName(who) && (!role || (role === who.role && container === who.container));

const EMPTY = 'Slow requests, errors, aborted requests, long waits for a CPU and out-of-memory kills will be told here.';
const NONE_PICKED = {
	latency: 'Nothing is told of these requests one by one: they were counted. What is slow, fails or is aborted has an event.',
	wait: 'Nothing is told of these waits one by one: they were counted. Those over 50 ms have an event.',
};

export class Events {
	/** @param {() => void} all called when all events are wanted again */
	constructor(all) {
		const root = $('events'), heading = el('h2'), title = el('span', '', 'Events');
		title.id = 'events-title';
		this.summary = el('small');
		this.chip = el('button', 'chip');
		this.chip.type = 'button';
		this.chip.hidden = true;
		this.chip.title = 'Show all events again';
		this.chip.onclick = all;
		this.band = this.info = this.who = null;
		this.events = [];
		heading.append(title, this.chip, this.summary);
		const scroll = el('div', 'scroll'), table = el('table'), head = el('tr'), thead = el('thead');
		scroll.tabIndex = 0;
		scroll.setAttribute('role', 'group');
		scroll.setAttribute('aria-label', 'Events, a table that scrolls');
		thead.className = 'off-screen';
		for (const name of ['when and level', 'what'])
			head.append(Object.assign(el('th', '', name), { scope: 'col' }));
		thead.append(head);
		this.body = el('tbody');
		const columns = el('colgroup');
		columns.append(el('col', 'c-when'), el('col'));
		table.append(columns, thead, this.body);
		this.table = table;
		this.empty = el('p', 'empty', EMPTY);
		scroll.append(table, this.empty);
		root.append(heading, scroll);
		this.shown = [];
		table.hidden = true;
	}

	/** Only those of the service @who, @title in sentences; null: of all. */
	only(who, title) {
		this.who = who;
		this.title = title;
		this.#anew();
	}

	/** Only what is of @band, as the charts tell it; null: all. */
	pick(band) {
		this.band = band;
		this.#anew();
	}

	#anew() {
		const { band, who } = this;
		for (const { tr } of this.shown)
			tr.remove();
		this.shown = [];
		setHidden(this.chip, !band);
		if (band)
			setText(this.chip, `${format.clock(band.fromT, 'tenth')}, ${format.duration(band.lowNs)} ${Number.isFinite(band.highNs) ? `to ${format.duration(band.highNs)}` : 'and longer'} ×`);
		setText(this.empty, band ? NONE_PICKED[band.strip] : who ? `None of the last events is of ${this.title}.` : EMPTY);
		this.show(this.events, this.info);
	}

	/** @param {object[]} events newest first @param {object|null} info the last message */
	show(events, info) {
		this.events = events;
		this.info = info;
		const { band, who } = this, wanted = events.filter((e) => (!who || isOf(e, who)) && (!band || within(e, band)));
		const told = crowds(wanted).slice(0, SHOWN), known = new Set(told.map((e) => e.seq));
		this.shown = this.shown.filter(({ seq, tr }) => known.has(seq) || tr.remove());
		const newest = this.shown[0]?.seq ?? -1;
		for (const event of told.filter((e) => e.seq > newest).reverse()) {
			const tr = this.#row(event);
			this.body.prepend(tr);
			this.shown.unshift({ seq: event.seq, tr });
		}
		setHidden(this.table, !this.shown.length);
		setHidden(this.empty, this.shown.length > 0);
		const total = Object.values(info?.counts ?? {}).reduce((sum, n) => sum + n, 0);
		setText(this.summary, who ? `${told.length} of ${this.title} among the last ${events.length}` : total ? `${format.count(total)} since attaching${info.held_back ? `, ${format.count(info.held_back)} only counted` : ''}` : '');
		const kinds = Object.entries(info?.counts ?? {}).filter(([, n]) => n).map(([kind, n]) => `${kind.replaceAll('_', ' ')}: ${format.count(n)}`);
		this.summary.title = kinds.join('\n');
	}

	#row(event) {
		const tr = el('tr'), when = el('td', 'at', format.clock(event.t, 'tenth')), what = el('td');
		const level = LEVELS[event.level] ? event.level : 'info';
		when.append(' ', el('b', LEVELS[level], level));
		const who = event.role === 'client' ? event.service.replace(/ (?=[:/@])/, ' asking ') : event.service;
		if (who && !event.text?.startsWith(who))
			what.append(el('b', '', who), ' ');
		if (event.container)
			what.append(el('small', 'dim', event.container), ' ');
		what.append(event.text ?? '');
		const parts = shares(event.split);
		if (parts.length) {
			const bar = el('div', 'bar');
			bar.setAttribute('aria-hidden', 'true'); // the text says it
			const by = new Map(parts);
			for (const [key, , colour] of PARTS) {
				const i = el('i');
				i.style.setProperty('--c', `var(--${colour})`);
				i.style.width = `${(by.get(key) * 100).toFixed(1)}%`;
				bar.append(i);
			}
			when.append(bar);
		}
		tr.append(when, what);
		return tr;
	}
}
