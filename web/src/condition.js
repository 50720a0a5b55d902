// SPDX-License-Identifier: GPL-2.0-only
// condition - whether what is seen is now, in words: the pill, and the sentence where there is no other. No DOM.
import * as format from './format.js';

const RESTART_SHOWN_MS = 15e3;

/** @returns {{state: string, text: string, said?: string}} said: without what counts on */
export function pill({ offline, socket, store, view, rateMs }) {
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
	if (silent > Math.max(2000, 4 * rateMs))
		return { state: 'stale', text: `Stale: nothing for ${format.elapsed(silent)}` };
	if (!view.live)
		return { state: view.paused ? 'paused' : 'back',
			text: `${view.paused ? 'Paused, ' : view.zoomed ? 'Zoomed, ' : ''}${format.elapsed(store.newestT - view.endT)} behind`,
			said: view.paused ? 'Paused' : view.zoomed ? `Zoomed to ${format.span(view.rangeMs)}` : 'Not live' };
	if (Date.now() - store.restartedAt < RESTART_SHOWN_MS)
		return { state: 'restarted', text: store.upgraded ? `rqscope was upgraded to ${store.hello.tool.version}` : 'rqscope was restarted' };
	return { state: 'live', text: `Live, ${rateMs < 1000 ? `${rateMs} ms` : '1 s'}` };
}

/** What stands in the place of a verdict while nothing new comes. */
export function disconnected({ offline, socket, store }) {
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

/** What is said of a service that is to be shown and is not there. @param {import('./focus.js').Focus} focus */
export function gone(focus, name, { restartedAt, replay }) {
	if (focus.ended)
		return { level: 'warn', head: `${name} has ended.`, why: 'None of its programs is left. It goes on here by itself when it answers again.' };
	if (focus.seen)
		return { level: 'warn', head: `${name} is gone.`, why: 'It ended, and its place is another\'s now. It comes back here by itself when it answers again.' };
	const why = replay ? 'This snapshot has no such service.' : restartedAt ? 'rqscope was restarted and has not seen it since. It comes back here by itself when it answers again.'
		: 'rqscope has not seen it since it was attached. It is shown here by itself when it answers.';
	return { level: 'warn', head: `${name} is not there.`, why };
}
