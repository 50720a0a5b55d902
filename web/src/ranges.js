// SPDX-License-Identifier: GPL-2.0-only
// ranges - a stretch of the server's history, merged by it to as many points as can be told apart. No DOM, no clock.
//
// It is asked for with some room at both sides. As the view moves along, only what is missing is asked for and joined;
// what is far away is forgotten. One question at a time.
import { Timeline } from './timeline.js';

export const POINTS_MAX = 1200; // in a picture
const KEPT = 2 * POINTS_MAX;
const ANSWER_MAX = 2000; // points in an answer
const RESOLUTIONS_MS = [100, 200, 500, 1e3, 2e3, 5e3, 10e3, 20e3, 30e3, 60e3, 120e3, 300e3];
const LEAD_MS = 1500; // before the view: rates and percentiles look back
const GROWS_MS = 500; // a live range is not asked for more often

export class Ranges {
	/** @param {import('./questions.js').Questions} questions */
	constructor(questions, columns, heats, lowsNs) {
		this.questions = questions;
		this.timeline = new Timeline(KEPT, columns, heats, lowsNs);
		this.forget();
	}

	/** What is known may be wrong: ask anew. The picture stays until the answer comes. */
	forget() {
		this.resolutionMs = 0;
		this.fromT = this.toT = NaN; // what was asked for and has come
		this.question = 0;
	}

	/**
	 * Sees to it that (fromT, toT] is there, or will be.
	 * @param {boolean} live whether the end moves along
	 * @param {{tickMs: number, widthPx: number, oldestT: number, ticksFromT: number, newestT: number}} o
	 *	oldestT: before it there is nothing; ticksFromT: from there on the server knows each tick
	 * @returns {Timeline}
	 */
	need(fromT, toT, live, o) {
		const resolution = resolutionFor(toT - fromT, o);
		const from = Math.max(fromT - LEAD_MS, o.oldestT), to = Math.min(toT, o.newestT);
		if (!(to > from) || this.questions.waits(this.question))
			return this.timeline;
		const spare = live ? 0 : (toT - fromT) / 2;
		// Room at the sides must not cost the resolution of what is looked at.
		const floor = fromT >= o.ticksFromT ? o.ticksFromT : o.oldestT;
		const left = Math.max(Math.min(from, Math.max(floor, from - spare)), o.oldestT), right = Math.min(to + spare, o.newestT);
		const near = this.resolutionMs === resolution && from <= this.toT && to >= this.fromT
			&& Math.max(to, this.toT) - from <= KEPT * resolution && to - Math.min(from, this.fromT) <= KEPT * resolution;
		// A live range grows by whole windows.
		const whole = (a, b) => (live ? a + Math.max(1, Math.floor((b - a) / resolution)) * resolution : b);
		if (!near)
			this.#ask(left, whole(left, right), resolution, true);
		else if (from < this.fromT)
			this.#ask(left, this.fromT, resolution, false);
		else if (live ? to - this.toT >= Math.max(resolution, GROWS_MS) : to > this.toT)
			this.#ask(this.toT, whole(this.toT, right), resolution, false);
		return this.timeline;
	}

	#ask(from, end, resolution, anew) {
		const points = Math.min(ANSWER_MAX, Math.max(1, Math.round((end - from) / resolution)));
		this.question = this.questions.ask(from, end, points, (m) => {
			if (anew) {
				this.timeline.clear();
				this.resolutionMs = resolution;
				this.fromT = from;
				this.toT = end;
			} else if (from < this.fromT) {
				this.#trim(from, Math.min(this.toT, from + KEPT * resolution));
			} else {
				this.#trim(Math.max(this.fromT, end - KEPT * resolution), end);
			}
			this.timeline.add(m);
			return 'ranged';
		});
	}

	#trim(from, to) {
		if (to < this.toT || from > this.fromT)
			this.timeline.keep(from, to);
		this.fromT = from;
		this.toT = to;
	}
}

function resolutionFor(rangeMs, { tickMs, widthPx }) {
	return RESOLUTIONS_MS.find((r) => r >= tickMs && rangeMs / r <= Math.min(POINTS_MAX, widthPx)) ?? RESOLUTIONS_MS.at(-1);
}
