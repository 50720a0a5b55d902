// SPDX-License-Identifier: GPL-2.0-only
// notes - words in the place of a chart that has nothing to show, and why.
import { sentence } from '../assess.js';
import { el } from '../dom.js';
import { firstSteps } from './dialogs.js';

const words = (title, why) => () => [el('h3', '', title), el('p', '', why)];
const quiet = (text) => () => [el('p', 'quiet', text)];

/**
 * @param {object} strips of the scope
 * @param {{probes: object[]|undefined, seen: boolean|null, empty: boolean, focus: {name: string, charted: boolean, replay: boolean}|null}} state
 *	seen: whether there was a request yet, null: not known; empty: no snapshot is open; focus: of which service
 */
export function showNotes({ latency, split, status, wait }, { probes, seen, empty, focus }) {
	const off = (name) => probes?.find((p) => p.name === name && p.state !== 'on');
	const http = off('http'), sched = off('sched');
	const say = (key, first, others) => {
		latency.say(first ? key : '', first);
		split.say(others ? key : '', others);
		status.say(others ? key : '', others);
	};
	if (empty)
		say('empty', words('Drop a snapshot here', 'It holds all that the charts need: the last minute window by window, the hours before in less detail.'), null);
	else if (http)
		say(`off ${http.reason}`, words('HTTP is not measured', sentence(http.reason)), quiet('no HTTP probe'));
	else if (focus && !focus.charted)
		say(`alone ${focus.name}`, null, quiet(focus.replay ? `A snapshot does not hold this of ${focus.name} alone.` : `This rqscope does not tell this of ${focus.name} alone.`));
	else if (seen === false)
		say('first', firstSteps, quiet('waiting for the first request'));
	else
		say('', null, null);
	wait.say(sched ? `off ${sched.reason}` : '', sched ? words('The run queue is not measured', sentence(sched.reason)) : null);
}
