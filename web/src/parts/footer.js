// SPDX-License-Identifier: GPL-2.0-only
// footer - what rqscope costs, what was lost, how late it was, and what it can't see.
import { $, el, setClass, setHidden, setText } from '../dom.js';
import * as format from '../format.js';

const LOST = {
	events: ['event', 'events'], services: ['service', 'services'], routes: ['route', 'routes'], unparsed: ['unreadable message', 'unreadable messages'],
	partial_heads: ['unfinished request head', 'unfinished request heads'], unmatched: ['response without request', 'responses without request'],
	pipelined: ['pipelined request', 'pipelined requests'], connections: ['connection', 'connections'],
	recursion_misses: ['nested probe run', 'nested probe runs'], windows_merged: ['merged window', 'merged windows'],
};

const PROBES = { http: 'HTTP', unix: 'HTTP over Unix sockets', sched: 'run queue', waiters: 'who waits for a CPU', oom: 'out-of-memory kills', client: 'client role', routes: 'routes' };

const perSecond = (ns) => (ns == null ? format.NONE : `${format.duration(ns)}/s`);

const named = (key, n) => `${format.count(n)} ${LOST[key]?.[n === 1 ? 0 : 1] ?? key.replaceAll('_', ' ')}`;

export class Footer {
	constructor() {
		this.parts = Object.fromEntries(['costs', 'lost', 'tick', 'hidden', 'version'].map((key) => {
			const span = el('span'), value = el('span');
			const title = { costs: 'rqscope costs', lost: 'lost', tick: 'tick', hidden: 'not seen', version: '' }[key];
			if (title)
				span.append(el('b', '', title));
			span.append(value);
			span.hidden = true;
			$('footer').append(span);
			return [key, { span, value }];
		}));
	}

	show(status, hello, missed) {
		const { self, coverage, connections = {} } = status;
		this.#set('costs', `${format.percent(self.cpu_ratio)} % of a CPU, ${format.bytes(self.rss_bytes)}, ${perSecond(self.bpf_ns_per_s)} in BPF`, '',
			self.programs?.map((p) => `${p.name}: ${format.duration(p.ns_per_run)}, ${format.rate(p.runs_per_s)} times a second`).join('\n'));
		const lost = Object.entries(coverage.lost ?? {}).filter(([, n]) => n > 0).map(([key, n]) => named(key, n));
		if (missed)
			lost.push(`${named('windows_merged', missed)} on the way here`);
		this.#set('lost', lost.length ? lost.slice(0, 3).join(', ') + (lost.length > 3 ? ` and ${lost.length - 3} more` : '') : 'nothing', lost.length ? 'warn' : '', lost.join('\n'));
		const late = self.tick_late_max_ns;
		const tooLate = late > hello.tick_ms * 1e6;
		this.#set('tick', late == null ? format.NONE : `at most ${format.duration(late)} late`, tooLate ? 'warn' : '');
		const off = coverage.probes.filter((p) => p.state !== 'on');
		const hidden = off.map((p) => `${PROBES[p.name] ?? p.name} (probe ${p.state})`);
		if (connections.tls)
			hidden.push(`${format.count(connections.tls)} TLS connection${connections.tls === 1 ? '' : 's'}`);
		if (connections.http2)
			hidden.push(`${format.count(connections.http2)} HTTP/2 connection${connections.http2 === 1 ? '' : 's'}`);
		this.#set('hidden', hidden.length ? hidden.join(', ') : 'nothing known of', off.length ? 'warn' : '',
			off.map((p) => p.reason).join('\n'));
		const http = coverage.probes.find((p) => p.name === 'http' && p.tap);
		this.#set('version', `rqscope ${hello.tool.version}${http ? `, tap ${http.tap}` : ''}`);
	}

	#set(key, text, level = '', title = '') {
		const { span, value } = this.parts[key];
		setHidden(span, false);
		setText(value, text);
		setClass(value, level);
		if (value.title !== title)
			value.title = title;
	}
}
