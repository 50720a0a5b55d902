// SPDX-License-Identifier: GPL-2.0-only
// questions - asks the server for history, no more often than it answers, and gives each answer to who asked. No DOM.

const MOST = 4; // questions in WITHIN_MS: the server turns down a fifth
const WITHIN_MS = 1100;
const ANSWER_MS = 3000; // after this long a question is taken for lost

export class Questions {
	/** @param {(message: object) => boolean} send */
	constructor(send) {
		this.send = send;
		this.open = new Map(); // id -> {take, at}
		this.nextId = 1;
		this.limited = true; // false: who answers is in this page
		this.times = []; // performance.now() of the last questions
	}

	/**
	 * @param {(answer: object) => string|null} take says what changed
	 * @param {object} more members of the message
	 * @returns {number} id; 0: not sent, try again later
	 */
	ask(fromMs, toMs, points, take, more = {}) {
		const now = performance.now();
		if (this.limited && this.times.length >= MOST && now - this.times.at(-MOST) < WITHIN_MS)
			return 0;
		const id = this.nextId++;
		if (!this.send({ type: 'history', id, from_ms: Math.floor(fromMs), to_ms: Math.ceil(toMs), points, ...more }))
			return 0;
		this.times.push(now);
		this.times.splice(0, this.times.length - MOST);
		this.open.set(id, { take, at: now });
		return id;
	}

	/** An answer has come. @returns {string|null} what changed */
	answer(message) {
		const question = this.open.get(message.id);
		this.open.delete(message.id);
		return question ? question.take(message) : null;
	}

	/** Whether the answer to question @id can still come. */
	waits(id) {
		const question = this.open.get(id);
		if (!question)
			return false;
		if (performance.now() - question.at < ANSWER_MS)
			return true;
		this.open.delete(id);
		return false;
	}

	clear() {
		this.open.clear();
	}
}
