// SPDX-License-Identifier: GPL-2.0-only
// scenarios - what invented hosts do: at(s) is the state s seconds after the feed was started.

const GIB = 2 ** 30;
const MS = 1e6;
const wave = (s, period, phase = 0) => Math.sin((s / period) * 2 * Math.PI + phase);
const slope = (s, from, to) => Math.min(1, Math.max(0, (s - from) / (to - from)));

const memory = (s) => ({ total: 31.9 * GIB, used: (13.1 + 0.25 * wave(s, 47)) * GIB, anonymous: (9.2 + 0.2 * wave(s, 31)) * GIB });

function calmAt(s) {
	return {
		rate: 6400 + 500 * wave(s, 23) + 300 * wave(s, 7, 1),
		latency: [[0.86, 2.6 * MS, 0.28], [0.14, 9 * MS, 0.35]],
		errors: 0, split: [0.05, 0.07, 0.34, 0.54], queue: 0.7 + 0.3 * wave(s, 11), waits: 9000,
		wait: [[0.9, 14e3, 0.45], [0.1, 90e3, 0.7]], memory: memory(s),
	};
}

const nginx = { name: 'nginx', port: 8080, share: 0.7, errors: 0, pids: [812, 813, 814, 815] };
const api = { name: 'api', port: 3000, container: 'pod-6f9', share: 0.24, errors: 0, split: [0.04, 0.18, 0.3, 0.48], latency: () => [[1, 6 * MS, 0.5]] };
const gunicorn = { name: 'gunicorn', port: 8000, share: 0.06, errors: 0, split: [0.02, 0.09, 0.21, 0.68], latency: () => [[1, 9.7 * MS, 0.6]] };

const DAY_MS = 3 * 3600e3;

// Two populations: what gets its CPU at once, and what waits.
function slowAt(s) {
	const load = slope(s, -24, -19) * (1 - 0.12 * slope(s, -4, -3));
	return {
		...calmAt(s),
		rate: 18400 - 900 * load + 400 * wave(s, 23),
		latency: [[0.9 - 0.34 * load, (2.8 + load) * MS, 0.3], [0.1 + 0.34 * load, (9 + 150 * load) * MS, 0.34]],
		errors: 0.0004 + 0.003 * load, queue: 1.2 + 12.5 * load + 0.6 * wave(s, 5), waits: 14000,
		split: [0.12 - 0.06 * load, 0.1 + 0.58 * load, 0.3 - 0.2 * load, 0.48 - 0.32 * load],
		wait: [[0.88 - 0.4 * load, 14e3, 0.4], [0.12 + 0.4 * load, 90e3 + 12 * MS * load, 0.6 - 0.15 * load]],
	};
}

const slowEvent = (ms, path) => ({ level: 'warning', kind: 'slow_request', service: 'nginx :8080', duration_ns: ms * MS, status: 200,
	text: `GET ${path} ${(ms / 1000).toFixed(2)} s: ${Math.round(ms * 0.03)} ms queued, ${Math.round(ms * 0.71)} ms waiting for CPU, ${Math.round(ms * 0.1)} ms on CPU, ${Math.round(ms * 0.16)} ms blocked`,
	split: { queued_ns: ms * 0.03 * MS, cpu_wait_ns: ms * 0.71 * MS, on_cpu_ns: ms * 0.1 * MS, blocked_ns: ms * 0.16 * MS } });
const errorEvent = { level: 'error', kind: 'server_error', service: 'api :3000', status: 502, text: 'GET /api/orders/1881 502 after 31 ms, from 10.0.4.17' };
const stallEvent = { level: 'warning', kind: 'runqueue_stall', service: null, text: 'cc1plus waited 94 ms for CPU 3' };
const startEvent = { level: 'info', kind: 'service_start', service: 'gunicorn :8000', text: 'answers HTTP requests' };

const stuck = { connections: { open: 412, http: 388 }, requests: 1071, items: [
	{ ageS: 754, role: 'client', slot: 3, service: 'gunicorn :8000', path: '/reports/2026/q3', route: { method: 'GET', path: '/reports/:id/q3' }, peer: '10.0.9.2:8000', pid: 4713, tid: 4720, thread: { comm: 'gunicorn', state: 'sleeping' } },
	{ ageS: 61.4, slot: 3, service: 'gunicorn :8000', method: 'POST', path: '/reports', route: { method: 'POST', path: '/reports' }, stage: 'serving', pid: 4713, tid: 4720, thread: { comm: 'gunicorn', state: 'blocked' } },
	{ ageS: 12, stage: 'reading', method: 'POST', path: '/upload/a-file-with-quite-a-long-name-that-does-not-fit-at-all…', peer: '[2001:db8::1]:51822', thread: { comm: 'nginx', state: 'sleeping' } },
	{ ageS: 4.2, slot: 1, stage: 'queued', method: null, path: null, pid: null, tid: null, thread: null },
	{ ageS: 3.5, method: null, path: null, route: { method: 'GET', path: '/users/:id' } },
	{ ageS: 3.1, slot: null, service: null, method: null, path: null, role: 'client', stage: 'sending', pid: null, thread: null },
	...Array.from({ length: 44 }, (_, k) => ({ age_ns: 930e6 / (k + 1), path: `/search/${k}`, route: { method: 'GET', path: '/search/:id' }, peer: `10.0.4.${k}:51822`, stage: k % 3 ? 'serving' : 'sending', thread: { comm: 'nginx', state: k % 4 ? 'runnable' : 'running' } }))] };

export const scenarios = {
	calm: () => ({ attachedForMs: DAY_MS, at: calmAt, flying: { connections: { open: 31, http: 24 }, items: [] }, services: [nginx, api, gunicorn], past: [{ ...startEvent, agoMs: 724e3 }] }),

	slow: () => ({
		attachedForMs: DAY_MS, at: slowAt, heldBack: 12, flying: stuck,
		services: [{ ...nginx, errors: 0.004, latency: (s) => slowAt(s).latency }, { ...api, errors: 0.001 }, gunicorn],
		past: [{ ...startEvent, agoMs: 1724e3 }, { ...stallEvent, agoMs: 17e3 }, { ...slowEvent(1213, '/search'), agoMs: 12.4e3 }, { ...errorEvent, agoMs: 9e3 }, { ...slowEvent(1090, '/search'), agoMs: 3.1e3 }],
		event: (s, seq) => (seq % 67 === 0 ? slowEvent(1010 + (seq * 37) % 400, '/search') : seq % 151 === 0 ? stallEvent : null),
		connections: { tls: 212 },
	}),

	errors: () => ({
		attachedForMs: DAY_MS, at: (s) => ({ ...calmAt(s), rate: 900, errors: 0.002 + 0.13 * slope(s, -14, -12) }),
		services: [nginx, { ...api, errors: 0.52 }, gunicorn], event: (s, seq) => (seq % 5 === 0 ? { ...errorEvent, text: `GET /api/orders/${1000 + seq % 900} 502 after 31 ms, from 10.0.4.17` } : null),
		past: [{ ...errorEvent, agoMs: 9e3 }],
	}),

	trickle: () => ({ attachedForMs: DAY_MS, at: (s) => ({ ...calmAt(s), rate: 10, queue: 0.1, waits: 900 }), services: [{ ...nginx, share: 1 }] }),

	idle: () => ({ attachedForMs: 21e3, at: (s) => ({ ...calmAt(s), rate: 0, queue: 0.06, waits: 620 }), services: [] }),

	tls: () => ({ attachedForMs: 95e3, at: (s) => ({ ...calmAt(s), rate: 0, queue: 0.06, waits: 620 }), services: [], connections: { tls: 212, http2: 3 } }),

	probeOff: () => ({
		attachedForMs: 300e3, at: (s) => ({ ...calmAt(s), http: false }), services: [],
		probes: [{ name: 'http', state: 'off', tap: null, reason: 'this kernel (5.10) has none of the tracepoints that HTTP is measured with; 6.3 or later does' }, { name: 'sched', state: 'on', tap: null, reason: null }],
	}),

	withoutSplit: () => ({ attachedForMs: DAY_MS, at: calmAt, services: [nginx, api, gunicorn], withoutSplit: true }),

	tight: () => ({
		attachedForMs: DAY_MS, at: (s) => ({ ...calmAt(s), memory: { total: 7.7 * GIB, used: 7.4 * GIB, anonymous: 6.8 * GIB, stalled: 0.21 } }), services: [nginx], host: { cpus: 1 },
		past: [{ level: 'error', kind: 'oom_kill', service: 'gunicorn :8000', agoMs: 20e3, text: 'out of memory: the kernel killed gunicorn (pid 2201, 2.1 GiB)' }],
	}),

	crowd: () => ({
		attachedForMs: DAY_MS, at: calmAt, host: { cpus: 128, name: 'a-host-with-quite-a-long-name.eu-central-1.compute.example.internal' },
		services: [
			{ name: '<img src=x onerror=document.title=1>', port: 8081, share: 0.2, errors: 0.01 },
			{ name: `worker-${'abcdefghij'.repeat(20)}`.slice(0, 200), port: 8082, share: 0.1, errors: 0 },
			...Array.from({ length: 58 }, (_, k) => ({ name: ['nginx', 'envoy', 'node', 'puma', 'java'][k % 5], port: 9000 + k, container: k % 3 ? `pod-${(k * 7919).toString(16)}` : null, share: 0.7 / 58 * (1.6 - k / 58), errors: k === 20 ? 0.07 : 0, latency: () => [[1, (2 + k) * MS, 0.4]], split: [0.05, 0.1 + 0.01 * (k % 9), 0.3, 0.45 - 0.01 * (k % 9)] })),
		],
		event: (s, seq) => (seq % 2 ? { ...errorEvent, text: `GET /<script>alert(1)</script>/${'x'.repeat(seq % 60)} 502` } : stallEvent),
	}),

	twins: () => ({ // services that a name and a port don't tell apart
		attachedForMs: DAY_MS, at: calmAt,
		services: [{ name: 'web', port: 80, container: 'blue', share: 0.5, errors: 0 }, { name: 'web', port: 80, container: 'green', share: 0.3, errors: 0 }, { name: 'web', port: 80, role: 'client', container: 'green', share: 0.2, errors: 0 }],
		past: [['server', 'blue', 'GET /blue'], ['server', 'green', 'GET /green'], ['client', 'green', 'GET /asked'], ['server', 'blue', 'POST /blue']]
			.map(([role, container, what], k) => ({ ...errorEvent, service: 'web :80', role, container, text: `${what} 502 after 31 ms`, agoMs: 9e3 - k * 1e3 })),
	}),

	multitude: () => ({
		attachedForMs: DAY_MS, at: slowAt, host: { cpus: 128 },
		routes: [...Array.from({ length: 200 }, (_, k) => ['GET', `/v1/things-${k}/:id`, 0.9 / 200, k === 7, 0.5 + k / 100]), [null, null, 0.1, false, 1]],
		services: Array.from({ length: 200 }, (_, k) => ({ name: `svc-${k}`, port: 9000 + k, share: 1 / 200, errors: 0 })),
	}),
};
