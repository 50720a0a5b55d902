// SPDX-License-Identifier: GPL-2.0-only
// app - joins socket, store and views, and draws what changed.
import { Address } from './address.js';
import * as assess from './assess.js';
import { Scope } from './charts/scope.js';
import { colours, readColours } from './colours.js';
import * as condition from './condition.js';
import { $, setData, setHidden } from './dom.js';
import { Focus } from './focus.js';
import * as format from './format.js';
import { Frames } from './frames.js';
import { listenToKeys } from './keys.js';
import { Navigator } from './navigate.js';
import { Cards } from './parts/cards.js';
import { Ask, Help } from './parts/dialogs.js';
import { Events } from './parts/events.js';
import { Footer } from './parts/footer.js';
import { Header } from './parts/header.js';
import { InFlight } from './parts/inflight.js';
import { showNotes } from './parts/notes.js';
import { Routes } from './parts/routes.js';
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
const SPARK_MS = 500;
const NOW_MS = 60e3;
const MANY = 50; // rows of a table: they get a frame of their own, so that none takes long

const state = {
	rateMs: prefs.rate.get(),
	theme: prefs.theme.get(),
};

prefs.token();
setData(document.documentElement, 'theme', state.theme);

let card = null; // of assess.cards(), once there are numbers
const frames = new Frames(draw, () => Boolean(card));
const changed = (...what) => frames.changed(...what);

let replay = null; // plays a snapshot in the place of the server
let offline = new URLSearchParams(location.hash.slice(1)).has('replay'); // nothing is connected

function receive(message) {
	const what = store.apply(message), own = focus.apply(message), flying = inflight.apply(message);
	if (what === 'hello') {
		inflight.forget();
		subscribe();
		address.hello(message);
	}
	if (!document.hidden)
		store.keepRecent();
	changed(what, own, flying);
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
const focus = new Focus({ send: (message) => (replay ?? socket).send(message), questions: () => store.questions });
if (!offline)
	socket.connect(); // the answer comes while the page is built
readColours();
const picture = new Picture(); // of the host
const ownPicture = new Picture(); // of the service that is shown alone
const table = new TableView(() => changed('table'));
const scope = new Scope($('scope'), changed, (strip) => table.open(scope.all, strip));
const navigator = new Navigator({ root: $('scope'), view, store, scope });
const cards = new Cards();
const services = new Services({ pick: (service) => focus.show(service), sorted: () => address.changed() });
const allServices = () => focus.show(null);
const routes = new Routes({ all: allServices, sorted: () => address.changed() });
const events = new Events(() => scope.pick(null));
const inflight = new InFlight((message) => socket.send(message));
inflight.button.onclick = inflight.close.onclick = () => {
	inflight.toggle();
	prefs.panels.set(inflight.open ? 'inflight' : '');
	address.changed();
	changed('state', 'inflight');
};
$('scope').addEventListener('band', (e) => events.pick(e.detail));
const footer = new Footer();
const verdict = new Verdict(allServices);
const help = new Help();
const ask = new Ask((token) => {
	prefs.setToken(token);
	socket.connect();
}, () => share.choose());
const share = new Share({ play, charts: () => scope.all, chart: chartFile, link: () => address.copy(), host: () => ({ name: store.hello?.host.name ?? 'host', t: store.newestT > 0 ? store.newestT : Date.now() }) });
if (offline)
	share.head(null);
const address = new Address({ view, services, routes, focus, inflight, say: (...what) => share.say(...what), offline: () => offline });
const header = new Header({ range: setRange, rate: setRate, pause: () => view.togglePause(store.newestT), theme: nextTheme, help: () => help.open(), all: allServices });

function subscribe() {
	socket.send({ type: 'subscribe', rate_ms: document.hidden ? HIDDEN_RATE_MS : state.rateMs });
}

function play(snapshot) {
	offline = true;
	replay?.end();
	socket.stop();
	ask.close();
	store.clear();
	focus.forget();
	store.questions.limited = false; // and nothing would come that asks again
	events.show([], null);
	card = null;
	view.follow();
	replay = new Replay(snapshot, receive);
	replay.start();
	share.head(store.hello);
	changed('choices', 'state');
}

function chartFile({ spec, heat, legend, picture: shown }) {
	if (!shown?.data.n)
		return null;
	const [from, to] = [shown.minT, shown.maxT].map((t) => new Date(t).toISOString().slice(0, 19).replace('T', ' '));
	return vegaLite({ id: spec.id, title: spec.title, subtitle: `${[store.hello.host.name, !spec.hostTitle && name()].filter(Boolean).join(', ')}, ${from} to ${to.slice(11)} UTC`, colours, heat,
		shows: (colour) => legend.shows(colour), split: !scope.withoutSplit }, shown);
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

focus.subscribe(() => {
	address.moved();
	changed('focus', 'view', 'state');
});

/** Of the one service that is shown, or null. */
function name() {
	return focus.active ? assess.serviceTitle(focus.who) : null;
}

/** The one above or below it. */
function neighbour(step) {
	const next = focus.active ? services.neighbour(focus.service, step) : services.neighbour(null, 0);
	if (next)
		focus.show(next);
}

/** To the box that finds a service. */
function find() {
	if (!focus.active)
		return services.find();
	allServices();
	requestAnimationFrame(() => services.find()); // once its table is there again
}

function nextTheme() {
	const all = prefs.theme.values;
	state.theme = all[(all.indexOf(state.theme) + 1) % all.length];
	prefs.theme.set(state.theme);
	setData(document.documentElement, 'theme', state.theme);
	changed('theme', 'choices');
}

function draw(what, reads) {
	const still = view.paused && card && services.message && !what.has('focus'); // numbers too; a page that is opened paused has them first
	for (const [table, message] of [['services', store.services], ['routes', focus.routes]])
		if (what.has('picture') && message?.items.length > MANY && what.delete(table))
			frames.next(table);
	if (what.has('theme')) {
		readColours();
		what.add('picture');
	}
	if (what.has('hello')) {
		header.host(store.hello);
		services.slowNs = routes.slowNs = store.hello.slow_ms * 1e6;
		scope.setSplit(store.has('http.server.split.count'));
	}
	if (what.has('state'))
		look();
	if (what.has('choices'))
		header.choices({ ...state, ...view.get() });
	if (what.has('size')) {
		scope.size();
		cards.size();
		what.add('picture');
	}
	if (what.has('status') && store.status && store.hello)
		footer.show(store.status, store.hello, store.missed);
	if (store.hello && (what.has('hello') || what.has('focus')))
		document.title = `${replay ? 'Replay of ' : ''}${[name(), store.hello.host.name, 'rqscope'].filter(Boolean).join(' · ')}`;
	if (what.has('focus')) {
		drawFocus();
		what.add('services');
	}
	if (focus.active && (what.has('focus') || (what.has('routes') && (!still || !routes.message))))
		routes.show(name(), focus.gone ? null : focus.routes, focus.gone ? 'It is not there.'
			: focus.refused ? 'rqscope answers that nothing is counted in its place: it has just ended or was started anew. It is asked again each second.' : 'Asked for: they come within a second.');
	if (what.has('services') && store.services && !still && !(focus.active && services.message))
		services.show(store.services);
	if (what.has('events') && !still)
		events.show(store.events, store.eventInfo);
	if (what.has('recent') || what.has('status') || what.has('services') || what.has('state') || what.has('hello') || what.has('tick') || what.has('focus'))
		drawWords(still);
	if (['picture', 'ranged', 'view', 'hello', 'focus'].some((w) => what.has(w)))
		drawPicture(what, reads);
	else if (what.has('cross'))
		scope.cross(reads);
	else if (reads && view.live && picture.timeline) { // the last windows came between two readings
		scope.cross(true);
		navigator.drawn(picture);
	}
	table.fill(name());
	drawNotes();
	if (inflight.open && (what.has('inflight') || what.has('focus')))
		inflight.show(focus.active ? { name: name(), slot: focus.slot ?? -1 } : null, store.hello?.slow_ms * 1e6);
}

/** What is in flight is read from the kernel for us: no longer than somebody can see it. */
function look() {
	inflight.ask({ offline, seen: !document.hidden && !view.paused && socket.phase === 'open' });
}

function drawPicture(what, reads) {
	const { rangeMs, endT } = view.get();
	const timeline = store.timelineFor(rangeMs, endT, scope.widthPx); // this asks for what is missing
	const own = focus.active && store.hello ? focus.timelineFor(rangeMs, endT, scope.widthPx, store.known) : null;
	const fresh = ['ranged', 'view', 'hello', 'focus', 'size', 'theme'].some((w) => what.has(w)) || picture.timeline !== timeline;
	if (!timeline || navigator.holds || !picture.frame({ timeline, rangeMs, endT, widthPx: scope.widthPx, grows: timeline === store.live, fresh, newestT: store.newestT }))
		return;
	if (own)
		ownPicture.beside(picture, own);
	scope.draw(picture, own ? ownPicture : picture, beginning(), reads || fresh);
	if (reads || fresh)
		navigator.drawn(picture);
	if (fresh || view.live)
		drawSparks(fresh);
}

/** Where what can be shown begins. */
function beginning() {
	const oldestT = focus.active ? focus.oldestT(store.known) : 0;
	return oldestT > store.hello.attached_ms + 1000 ? { t: oldestT, text: `${format.span(store.newestT - oldestT)} are kept of it` } : { t: store.hello.attached_ms, text: 'rqscope was attached' };
}

/** Everything that is of one service, or of all again. */
function drawFocus() {
	const { active } = focus, held = [$('services'), $('routes'), $('only')].some((root) => root.contains(document.activeElement) && document.activeElement.matches(':focus-visible'));
	header.only(name(), focus.who?.container);
	setHidden($('services'), active);
	setHidden($('routes'), !active);
	events.only(focus.who, name());
	if (scope.band && active)
		scope.pick(null);
	routes.message = null;
	if (held) // what was pressed is no longer there
		(active ? routes : services).grid.root.focus({ preventScroll: true });
}

// What cards say is about now: while the charts show the past, their lines come from pictures of their own.
const nowPicture = new Picture(), ownNowPicture = new Picture();
let sparksAt = 0;

function drawSparks(fresh) {
	const now = performance.now();
	if (now - sparksAt < SPARK_MS && !fresh)
		return;
	sparksAt = now;
	const { host, own } = picturesOfNow();
	cards.draw(host, own);
}

function picturesOfNow() {
	if (view.live)
		return { host: picture, own: focus.active ? ownPicture : picture };
	nowPicture.frame({ timeline: store.live, rangeMs: NOW_MS, endT: null, widthPx: NOW_MS / 100, newestT: store.newestT, grows: true, fresh: true });
	if (focus.active)
		ownNowPicture.beside(nowPicture, focus.live);
	return { host: nowPicture, own: focus.active ? ownNowPicture : nowPicture };
}

function drawWords(still) {
	if (store.hello && store.recent && !still) {
		const { own } = picturesOfNow();
		card = assess.cards(focus.active ? focus.recent(store.recent) : store.recent, store.hello, assess.median(own.data.latency.p99));
		if (!view.live)
			drawSparks(true);
		cards.show(card, focus.active ? focus : null);
	}
	const of = { offline, socket, store, view, rateMs: state.rateMs };
	header.state(condition.pill(of), socket.phase === 'open' ? performance.now() - socket.openedAt : null);
	const lost = !offline && socket.phase !== 'open' && store.hello;
	setData($('main'), 'link', lost ? 'lost' : 'open');
	if (offline ? !replay : socket.phase !== 'open')
		verdict.show(condition.disconnected(of));
	else if (store.hello && (focus.gone || (focus.ended && !replay)))
		verdict.show({ ...condition.gone(focus, name(), { restartedAt: store.restartedAt, replay }), way: true });
	else if (store.hello && !still)
		verdict.show(assess.verdict({ card: card ?? assess.cards(null, store.hello, null), services: store.services, only: focus.service,
			status: store.status, recent: store.recent, slowMs: store.hello.slow_ms, lasting: assess.lasting(picturesOfNow(), store.hello) }));
}

function drawNotes() {
	const seen = store.services?.items.some((s) => s.role === 'server' && s.requests > 0) || picture.data.requests.some((x) => x > 0);
	showNotes(scope.strips, { probes: store.status?.coverage.probes, seen: store.status && store.services ? seen : null, empty: offline && !replay,
		focus: focus.active ? { name: name(), charted: focus.charted, replay: Boolean(replay) } : null });
}

listenToKeys({
	' ': (e) => !offline && !e.target.matches('button') && view.togglePause(store.newestT),
	...Object.fromEntries(prefs.range.values.map((ms, k) => [k + 1, () => setRange(ms)])),
	r: () => setRate(prefs.rate.values[(prefs.rate.values.indexOf(state.rateMs) + 1) % prefs.rate.values.length]),
	t: nextTheme,
	c: () => $('scope').focus(),
	d: () => table.open(scope.all, scope.over ?? scope.strips.latency),
	'/': find,
	'[': () => neighbour(-1),
	']': () => neighbour(1),
	f: () => !offline && inflight.button.onclick(),
	y: () => void address.copy(),
	s: () => void share.save(),
	o: () => share.choose(),
	'?': () => help.open(),
}, (e) => {
	if (navigator.key(e))
		return true;
	if (e.key !== 'Escape' || !focus.active)
		return false;
	allServices();
	return true;
});

document.addEventListener('visibilitychange', () => {
	subscribe();
	look();
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
	changed('state');
	if (store.hello)
		address.hello({ ...store.hello, now_ms: store.newestT });
});
setInterval(() => changed('tick'), 1000);
if (!offline) {
	if (prefs.panels.get())
		inflight.toggle(true);
	address.take();
}

changed('choices', 'size', 'state');
