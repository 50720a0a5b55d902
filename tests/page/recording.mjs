// SPDX-License-Identifier: GPL-2.0-only
// recording - a snapshot (docs/snapshot.schema.json) of an invented host, as rqscope would make it.
import { Host, LOWS } from './host.mjs';

const RANGES = [[600e3, 600], [3600e3, 360], [21600e3, 360]];
export const RECORDED_T = Date.UTC(2026, 10, 24, 3, 0, 0);

const without = (message, ...names) => Object.fromEntries(Object.entries(message).filter(([name]) => !names.includes(name)));

function windows(host, spanMs, points) {
	const { lastT } = host;
	const answer = host.history({ id: 0, from_ms: lastT - spanMs, to_ms: lastT, points });
	return without(answer, 'type', 'id', 'from_ms', 'to_ms', 'missed');
}

function event(e) {
	const [service, port] = (e.service ?? '').split(' :');
	return { at: new Date(e.t).toISOString(), level: e.level, kind: e.kind, service: service || null, port: port ? Number(port) : null, role: e.role ?? null, container: e.container ?? null, pid: e.pid, text: e.text,
		...(e.duration_ns && { duration_ns: e.duration_ns }), ...(e.status && { status: e.status }), ...(e.split && { split: e.split }) };
}

export function snapshotOf(host) {
	const hello = host.hello(250), status = host.status(1), { lastT } = host;
	const uptimeMs = lastT - host.attachedT;
	const last = windows(host, 60e3, 600);
	return {
		schema: 'rqscope/snapshot/1', tool: hello.tool, host: hello.host, taken_at: new Date(lastT).toISOString(), uptime_ns: uptimeMs * 1e6, slow_ms: hello.slow_ms,
		totals: { http: {}, runqueue: status.runqueue },
		services: host.services().items.map((s) => ({ ...s, routes: host.routes(s.slot).items.map((r) => without(r, 'recent')) })),
		history: {
			tick_ms: hello.tick_ms, start: new Date(last.t[0] - last.span_ms[0]).toISOString(), windows: last.t.length, span_ns: last.t.length * hello.tick_ms * 1e6,
			...without(last, 'resolution_ms'), heat: { lows_ns: LOWS, ...last.heat },
			ranges: [[5000, 1], ...RANGES.filter((_, k) => uptimeMs > [60e3, ...RANGES.map(([ms]) => ms)][k])].map(([ms, points]) => windows(host, ms, points)),
		},
		events: { ...without(host.eventsAfter(0), 'type', 'seq', 'items'), recent: host.events.map(event) },
		coverage: { ...status.coverage, connections: status.connections },
		self: status.self,
	};
}

/** The same each time: @scenario after it has run for @ms. */
export function recording(scenario, ms = 3000) {
	const host = new Host(scenario, RECORDED_T);
	host.advance(RECORDED_T + ms);
	return snapshotOf(host);
}
