// SPDX-License-Identifier: GPL-2.0-only
// address - keeps what is looked at in the address of the page, takes it from there, and copies it as a link.
import * as format from './format.js';
import { readLink, writeLink } from './link.js';
import * as prefs from './prefs.js';

const QUIET_MS = 400; // a browser refuses an address that changes too often
const AHEAD_MS = 5000; // by so much a stretch of time may end after now

export class Address {
	/**
	 * @param {{view: import('./view.js').View, services: import('./parts/services.js').Services, routes: import('./parts/routes.js').Routes,
	 *	focus: import('./focus.js').Focus, inflight: import('./parts/inflight.js').InFlight, say: (text: string, bad?: boolean) => void,
	 *	offline: () => boolean}} on
	 *	offline: it is not the address that tells what is looked at
	 */
	constructor(on) {
		this.on = on;
		this.stretch = null; // of the link, until it is known what there is
		this.timer = 0;
		this.who = null; // that the address has
	}

	/** Goes where the address leads. */
	take() {
		const { view, services, routes, focus, inflight, say } = this.on;
		const link = readLink(location.hash.slice(1));
		this.who = link.service ?? null;
		if (!link.stretch) {
			view.set({ endT: null });
			view.choose(link.rangeMs ?? prefs.range.get(), NaN);
		}
		this.stretch = link.stretch ?? null;
		for (const [sort, grid, what] of [[link.sort, services.grid, 'services'], [link.routeSort, routes.grid, 'routes']])
			if (sort && !grid.sortBy(sort))
				link.complaints.push(`This link sorts ${what} by a column that there is not.`);
		if (link.inflight && !inflight.open)
			inflight.toggle(true);
		focus.show(link.service ?? null);
		if (link.complaints.length)
			say(link.complaints.join(' '), true);
	}

	/** Now it is known of which time there is something. */
	hello({ attached_ms: attachedT, now_ms: nowT, history }) {
		const { stretch } = this;
		this.stretch = null;
		if (!stretch)
			return;
		const oldestT = Math.max(attachedT, nowT - Math.max(...history.map((h) => h.span_ms)));
		const { fromT, toT, paused } = stretch;
		if (toT <= oldestT || toT > nowT + AHEAD_MS)
			this.on.say(`This link shows ${format.moment(fromT)} to ${format.clock(toT)}; rqscope knows ${format.moment(oldestT)} to now.`, true);
		else
			this.on.view.set({ rangeMs: toT - fromT, endT: toT, paused });
	}

	/** What is looked at has changed. */
	changed() {
		this.timer ||= setTimeout(() => this.#write('replaceState'), QUIET_MS);
	}

	/** Another service is shown, or all: the way back is the browser's too. */
	moved() {
		const { who } = this.on.focus;
		if (JSON.stringify(who) === JSON.stringify(this.who))
			return;
		this.who = who;
		this.#write('pushState');
	}

	#write(how) {
		clearTimeout(this.timer);
		this.timer = 0;
		if (this.on.offline() || this.stretch)
			return;
		const fragment = this.#fragment({ rangeMs: prefs.range.get(), sort: '-rate', routeSort: '-rate', inflight: Boolean(prefs.panels.get()) });
		history[how](null, '', location.pathname + location.search + (fragment && `#${fragment}`));
	}

	async copy() {
		const { say } = this.on;
		if (this.on.offline())
			return say('A link cannot hold a snapshot. Save it, and send the file.', true);
		const link = `${location.origin}${location.pathname}#${this.#fragment({})}`;
		try {
			await navigator.clipboard.writeText(link);
			say('Link copied. It holds what you look at, not the token.');
		} catch {
			say(`The browser does not let this page copy. The link is ${link}`, true);
		}
	}

	#fragment(usual) {
		const { view, services, routes, focus, inflight } = this.on;
		return writeLink({ ...view.get(), service: focus.who, sort: services.grid.sort, routeSort: routes.grid.sort, inflight: inflight.open }, usual);
	}
}
