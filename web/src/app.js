// SPDX-License-Identifier: GPL-2.0-only
// app - joins socket, store and views, and decides when to draw: once a frame at most, only what changed, and nothing
// while nobody looks.
import { Address } from './address.js';
import * as assess from './assess.js';
import { Scope } from './charts/scope.js';
import { colours, readColours } from './colours.js';
import { $, el, setData } from './dom.js';
import * as format from './format.js';
import { Navigator } from './navigate.js';
import { Cards } from './parts/cards.js';
import { Ask, Help, firstSteps } from './parts/dialogs.js';
import { Events } from './parts/events.js';
import { Footer } from './parts/footer.js';
import { Header } from './parts/header.js';
import { Services } from './parts/services.js';
import { Share } from './parts/share.js';
import { TableView } from './parts/table.js';
import { Verdict } from './parts/verdict.js';
import { Picture } from './picture.js';
import * as prefs from './prefs.js';
import { Replay } from './replay.js';
import { Socket } from './socket.js';
import { Store } from './store.js';
import { vegaLite } from './vega.js';
import { view } from './view.js';

const HIDDEN_RATE_MS = 1000; // a tab that nobody looks at needs no more
const RESTART_SHOWN_MS = 15e3;
const WAITS = new Set(['services', 'events', 'status', 'recent', 'tick']);
const WAIT_MS = 300;
const SPARK_MS = 500;
const NOW_MS = 60e3;
const MANY = 50; // services: they get a frame of their own, so that none takes long

const state = {
	rateMs: prefs.rate.get(),
	theme: prefs.theme.get(),
};

prefs.token();
setData(document.documentElement, 'theme', state.theme);

const dirty = new Set();
let frame = 0;

let card = null; // of assess.cards(), once there are numbers
let latest = 0; // of changes that can wait for the next picture

function changed(...what) {
	for (const w of what)
		if (w)
			dirty.add(w);
	if (frame || !dirty.size || document.hidden)
		return;
	// A frame has its price: what changes once a second goes along with the next windows, if they come soon.
	if (card && what.every((w) => !w || WAITS.has(w))) {
		latest ||= setTimeout(() => frame ||= requestAnimationFrame(draw), WAIT_MS);
		return;
	}
	frame = requestAnimationFrame(draw);
}

let replay = null; // plays a snapshot in the place of the server
let offline = new URLSearchParams(location.hash.slice(1)).has('replay'); // nothing is connected

function receive(message) {
	const what = store.apply(message);
	if (what === 'hello') {
		subscribe();
		address.hello(message);
	}
	if (!document.hidden)
		store.keepRecent();
	changed(what);
}

const socket = new Socket({
	token: prefs.token,
	message: receive,
	phase(phase) {
		if (phase === 'refused')
			ask.open(Boolean(socket.tokenUsed));
		else if (phase === 'open')
			ask.close();
		changed('state');
	},
});
const store = new Store((message) => (replay ?? socket).send(message));
if (!offline)
	socket.connect(); // the answer comes while the page is built
readColours();
const picture = new Picture();
const table = new TableView(() => changed('table'));
const scope = new Scope($('scope'), changed, (strip) => table.open(scope.all, strip));
const navigator = new Navigator({ root: $('scope'), view, store, scope });
const cards = new Cards();
const services = new Services({ pick: () => {}, sorted: () => address.changed() });
const events = new Events(() => scope.pick(null));
$('scope').addEventListener('band', (e) => events.pick(e.detail));
const footer = new Footer();
const verdict = new Verdict();
const help = new Help();
const ask = new Ask((token) => {
	prefs.setToken(token);
	socket.connect();
}, () => share.choose());
const share = new Share({ play, charts: () => scope.all, chart: chartFile, link: () => address.copy(), host: () => ({ name: store.hello?.host.name ?? 'host', t: store.newestT > 0 ? store.newestT : Date.now() }) });
if (offline)
	share.head(null);
const address = new Address({ view, services, say: (...what) => share.say(...what), offline: () => offline });
const header = new Header({ range: setRange, rate: setRate, pause: () => view.togglePause(store.newestT), theme: nextTheme, help: () => help.open() });

function subscribe() {
	socket.send({ type: 'subscribe', rate_ms: document.hidden ? HIDDEN_RATE_MS : state.rateMs });
}

function play(snapshot) {
	offline = true;
	replay?.end();
	socket.stop();
	ask.close();
	store.clear();
	store.questions.limited = false; // and nothing would come that asks again
	events.show([], null);
	card = null;
	view.follow();
	replay = new Replay(snapshot, receive);
	replay.start();
	share.head(store.hello);
	changed('choices', 'state');
}

function chartFile({ spec, heat, legend }) {
	if (!picture.data.n)
		return null;
	const [from, to] = [picture.minT, picture.maxT].map((t) => new Date(t).toISOString().slice(0, 19).replace('T', ' '));
	return vegaLite({ id: spec.id, title: spec.title, subtitle: `${store.hello.host.name}, ${from} to ${to.slice(11)} UTC`, colours, heat,
		shows: (colour) => legend.shows(colour), split: !scope.withoutSplit }, picture);
}

function setRange(ms) {
	prefs.range.set(ms);
	view.choose(ms, store.newestT);
}

function setRate(ms) {
	state.rateMs = ms;
	prefs.rate.set(ms);
	subscribe();
	changed('choices', 'state');
}

view.subscribe(() => {
	address.changed();
	changed('choices', 'state', 'view', 'recent', 'services', 'events', 'status');
});

function nextTheme() {
	const all = prefs.theme.values;
	state.theme = all[(all.indexOf(state.theme) + 1) % all.length];
	prefs.theme.set(state.theme);
	setData(document.documentElement, 'theme', state.theme);
	changed('theme', 'choices');
}

function draw() {
	const what = new Set(dirty);
	const still = view.paused && card && services.message; // numbers too; a page that is opened paused has them first
	frame = 0;
	if (document.hidden)
		return;
	clearTimeout(latest);
	latest = 0;
	dirty.clear();
	if (what.has('picture') && store.services?.items.length > MANY && what.delete('services')) {
		dirty.add('services');
		frame = requestAnimationFrame(draw);
	}
	if (what.has('theme')) {
		readColours();
		what.add('picture');
	}
	if (what.has('hello')) {
		header.host(store.hello);
		if (replay)
			document.title = `Replay of ${document.title}`;
		services.slowNs = store.hello.slow_ms * 1e6;
		scope.setSplit(store.has('http.server.split.count'));
	}
	if (what.has('choices'))
		header.choices({ ...state, ...view.get() });
	if (what.has('size')) {
		scope.size();
		cards.size();
		what.add('picture');
	}
	if (what.has('status') && store.status && store.hello)
		footer.show(store.status, store.hello, store.missed);
	if (what.has('services') && store.services && !still)
		services.show(store.services);
	if (what.has('events') && !still)
		events.show(store.events, store.eventInfo);
	if (what.has('recent') || what.has('status') || what.has('services') || what.has('state') || what.has('hello') || what.has('tick'))
		drawWords(still);
	if (['picture', 'ranged', 'view', 'hello'].some((w) => what.has(w)))
		drawPicture(what);
	else if (what.has('cross'))
		scope.cross();
	table.fill(picture);
	drawNotes();
}

function drawPicture(what) {
	const { rangeMs, endT } = view.get();
	const timeline = store.timelineFor(rangeMs, endT, scope.widthPx);
	const fresh = ['ranged', 'view', 'hello', 'size', 'theme'].some((w) => what.has(w)) || picture.timeline !== timeline;
	if (!timeline || navigator.holds || !picture.frame({ timeline, rangeMs, endT, widthPx: scope.widthPx, grows: timeline === store.live, fresh, newestT: store.newestT }))
		return;
	scope.draw(picture, store.hello.attached_ms);
	navigator.drawn(picture);
	if (fresh || view.live)
		drawSparks(pictureOfNow(), fresh);
}

// What cards say is about now: while the charts show the past, their lines come from a picture of their own.
const nowPicture = new Picture();
let sparksAt = 0;

function drawSparks(from, fresh) {
	const now = performance.now();
	if (now - sparksAt < SPARK_MS && !fresh)
		return;
	sparksAt = now;
	cards.draw(from);
}

function pictureOfNow() {
	if (view.live)
		return picture;
	nowPicture.frame({ timeline: store.live, rangeMs: NOW_MS, endT: null, widthPx: NOW_MS / 100, newestT: store.newestT, grows: true, fresh: true });
	return nowPicture;
}

function drawWords(still) {
	if (store.hello && store.recent && !still) {
		const now = pictureOfNow();
		card = assess.cards(store.recent, store.hello, median(now.data.latency.p99));
		if (!view.live)
			drawSparks(now, true);
		cards.show(card);
	}
	header.state(pill(), socket.phase === 'open' ? performance.now() - socket.openedAt : null);
	const lost = !offline && socket.phase !== 'open' && store.hello;
	setData($('main'), 'link', lost ? 'lost' : 'open');
	if (offline ? !replay : socket.phase !== 'open')
		verdict.show(disconnected());
	else if (store.hello && !still)
		verdict.show(assess.verdict({ card: card ?? assess.cards(null, store.hello, null), services: store.services,
			status: store.status, recent: store.recent, slowMs: store.hello.slow_ms, lasting: lasting(pictureOfNow()) }));
}

// For how long the picture has shown slowness and a crowd without a pause.
function lasting({ data }) {
	const over = (values, limit) => {
		let k = values.length - 1;
		while (k >= 0 && values[k] >= limit)
			k--;
		if (k === values.length - 1)
			return '';
		const ms = data.t[values.length - 1] - (k < 0 ? data.t[0] - data.span[0] : data.t[k]);
		return ms < 2000 ? '' : `${k < 0 ? 'more than ' : ''}${format.elapsed(ms)}`;
	};
	return { latency: over(data.latency.p99, store.hello.slow_ms * 2e5), queue: over(data.waiting, store.hello.host.cpus / 2) };
}

function drawNotes() {
	const { latency, split, status, wait } = scope.strips;
	const off = (name) => store.status?.coverage.probes.find((p) => p.name === name && p.state !== 'on');
	const http = off('http'), sched = off('sched');
	const seen = store.services?.items.some((s) => s.role === 'server' && s.requests > 0) || picture.data.requests.some((x) => x > 0);
	const words = (title, why) => () => [el('h3', '', title), el('p', '', why)];
	const quiet = (text) => () => [el('p', 'quiet', text)];
	if (offline && !replay) {
		latency.say('empty', words('Drop a snapshot here', 'It holds all that the charts need: the last minute window by window, the hours before in less detail.'));
	} else if (http) {
		latency.say(`off ${http.reason}`, words('HTTP is not measured', assess.sentence(http.reason)));
		split.say('off', quiet('no HTTP probe'));
		status.say('off', quiet('no HTTP probe'));
	} else if (store.status && store.services && !seen) {
		latency.say('first', firstSteps);
		split.say('first', quiet('waiting for the first request'));
		status.say('first', quiet('waiting for the first request'));
	} else {
		for (const strip of [latency, split, status])
			strip.say('', null);
	}
	wait.say(sched ? `off ${sched.reason}` : '', sched ? words('The run queue is not measured', assess.sentence(sched.reason)) : null);
}

function pill() {
	if (offline)
		return { state: 'replay', text: 'Replay' };
	const waiting = Math.max(1, Math.ceil((socket.retryAt - performance.now()) / 1000));
	switch (socket.phase) {
	case 'open':
		break;
	case 'refused':
		return { state: 'lost', text: 'Token needed' };
	case 'full':
	case 'waiting':
		return { state: 'lost', text: `Reconnecting in ${waiting} s` };
	default:
		return { state: store.hello ? 'lost' : 'wait', text: store.hello ? 'Reconnecting' : 'Connecting' };
	}
	const silent = performance.now() - socket.heardAt;
	if (silent > Math.max(2000, 4 * state.rateMs))
		return { state: 'stale', text: `Stale: nothing for ${format.elapsed(silent)}` };
	if (!view.live)
		return { state: view.paused ? 'paused' : 'back',
			text: `${view.paused ? 'Paused, ' : view.zoomed ? 'Zoomed, ' : ''}${format.elapsed(store.newestT - view.endT)} behind`,
			said: view.paused ? 'Paused' : view.zoomed ? `Zoomed to ${format.span(view.rangeMs)}` : 'Not live' };
	if (Date.now() - store.restartedAt < RESTART_SHOWN_MS)
		return { state: 'restarted', text: store.upgraded ? `rqscope was upgraded to ${store.hello.tool.version}` : 'rqscope was restarted' };
	return { state: 'live', text: `Live, ${state.rateMs < 1000 ? `${state.rateMs} ms` : '1 s'}` };
}

function disconnected() {
	if (offline)
		return { level: 'info', head: 'Drop a snapshot onto this page, or choose a file.', why: 'rqscope snapshot -o FILE makes one, and so does Share on a live page.' };
	const since = socket.lostAt ? `Connection lost since ${format.clock(socket.lostAt)}.` : '';
	if (socket.phase === 'refused')
		return { level: 'bad', head: 'rqscope asks for its token.', why: '' };
	if (socket.phase === 'full')
		return { level: 'warn', head: 'rqscope has no room for another viewer.', why: 'Trying again by itself.' };
	if (!store.hello && socket.phase === 'connecting' && socket.attempts === 0)
		return { level: 'info', head: 'Connecting to rqscope.', why: '' };
	return { level: 'bad', head: since || 'rqscope does not answer.',
		why: socket.reason?.code === 'shutdown' ? 'rqscope was stopped on that host. This page comes back by itself when it runs again.'
			: 'What is shown is from before. Trying again by itself.' };
}

function median(values) {
	const known = values.filter((v) => v !== null).sort((a, b) => a - b);
	return known.length >= 20 ? known[known.length >> 1] : null;
}

document.addEventListener('keydown', (e) => {
	if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open], :popover-open') || e.target.matches?.('input, select, textarea'))
		return;
	const number = Number(e.key);
	if (e.key === ' ' && !e.target.matches('button') && !offline)
		view.togglePause(store.newestT);
	else if (number >= 1 && number <= prefs.range.values.length)
		setRange(prefs.range.values[number - 1]);
	else if (e.key === 'r')
		setRate(prefs.rate.values[(prefs.rate.values.indexOf(state.rateMs) + 1) % prefs.rate.values.length]);
	else if (e.key === 't')
		nextTheme();
	else if (e.key === 'c')
		$('scope').focus();
	else if (e.key === 'd')
		table.open(scope.all, scope.over ?? scope.strips.latency);
	else if (e.key === '/')
		services.find();
	else if (e.key === 'y')
		address.copy();
	else if (e.key === 's')
		share.save();
	else if (e.key === 'o')
		share.choose();
	else if (e.key === '?')
		help.open();
	else if (!navigator.key(e))
		return;
	e.preventDefault();
});

document.addEventListener('visibilitychange', () => {
	subscribe();
	if (!document.hidden)
		changed('size', 'state', 'recent', 'services', 'events', 'status');
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => changed('theme'));
window.addEventListener('hashchange', () => {
	const given = new URLSearchParams(location.hash.slice(1)).has('token') && prefs.token();
	if (offline)
		return;
	if (given)
		socket.connect();
	address.take();
	if (store.hello)
		address.hello({ ...store.hello, now_ms: store.newestT });
});
setInterval(() => changed('tick'), 1000);
if (!offline)
	address.take();

changed('choices', 'size', 'state');
