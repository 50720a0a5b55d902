// SPDX-License-Identifier: GPL-2.0-only
// share - what a person takes along or brings: the menu, files that are dropped or chosen, and the head of a replay.
import { $, el, setHidden, setText } from '../dom.js';
import { fileName, save, takeSnapshot } from '../export.js';
import * as format from '../format.js';
import * as prefs from '../prefs.js';
import { MOST_BYTES, Unreadable, readSnapshot } from '../snapshot.js';

const SAID_MS = 6000;

export class Share {
	/**
	 * @param {{play: (snapshot: object) => void, host: () => {name: string, t: number}, charts: () => object[],
	 *	chart: (strip: object) => object|null, link: () => void}} on
	 *	charts: the strips there are; chart: a strip as a Vega-Lite specification, null while it shows nothing
	 */
	constructor(on) {
		this.on = on;
		this.file = null; // that is shown
		$('open').onclick = $('replay-open').onclick = () => this.choose();
		$('link').onclick = () => on.link();
		$('save').onclick = () => this.save();
		$('replay-live').onclick = goLive;
		$('file').onchange = () => {
			this.#take($('file').files[0]);
			$('file').value = ''; // the same one can be chosen again
		};
		$('share').addEventListener('click', (e) => e.target.closest('button') && $('share').hidePopover());
		$('share').addEventListener('beforetoggle', () => $('charts').replaceChildren(...on.charts().map((strip) => {
			const button = el('button', '', strip.spec.title);
			button.type = 'button';
			button.onclick = () => this.#chart(strip);
			return button;
		})));
		this.#drop();
	}

	choose() {
		$('file').click();
	}

	/** Saves what is shown: the snapshot that was opened, or one of now. */
	async save() {
		try {
			const blob = this.file ?? await takeSnapshot(prefs.token());
			const { name, t } = this.on.host();
			save(blob, this.file?.name ?? fileName(name, t, '', '.json'));
			this.say(`Snapshot saved, ${format.bytes(blob.size)}.`);
		} catch (error) {
			this.say(`No snapshot could be had: ${error.message}.`, true);
		}
	}

	#chart(strip) {
		const { name, t } = this.on.host(), spec = this.on.chart(strip);
		if (!spec)
			return this.say('There is nothing in this chart yet.', true);
		save(new Blob([JSON.stringify(spec)], { type: 'application/json' }), fileName(name, t, strip.spec.id, '.vl.json'));
		this.say(`${strip.spec.title} saved. The Vega editor opens it as it is.`);
	}

	/** Tells what has happened, in a corner and to screen readers. */
	say(text, bad = false) {
		const box = $(!bad ? 'said' : $('ask').open ? 'ask-refusal' : 'said-bad'); // a dialog hides what is under it
		clearTimeout(this.timer);
		setText($('said'), '');
		setText($('said-bad'), '');
		setText(box, text);
		this.timer = setTimeout(() => setText(box, ''), bad ? 3 * SAID_MS : SAID_MS);
	}

	/** What a replay is of; @hello: null while there is none to show. */
	head(hello) {
		setHidden($('replay'), false);
		document.documentElement.dataset.mode = 'replay';
		setHidden($('replay-open'), Boolean(hello));
		setText($('replay-host'), hello ? `Replay of ${hello.host.name}` : 'No snapshot is open');
		setText($('replay-time'), hello ? format.moment(hello.now_ms) : '');
		$('replay-time').title = hello ? `${new Date(hello.now_ms).toISOString()}, ${this.file.name}` : '';
	}

	#drop() {
		const files = (e) => e.dataTransfer?.types.includes('Files');
		const show = (shown) => setHidden($('drop'), !shown);
		document.addEventListener('dragenter', (e) => files(e) && show(true));
		document.addEventListener('dragover', (e) => {
			if (files(e)) {
				e.preventDefault();
				e.dataTransfer.dropEffect = 'copy';
			}
		});
		document.addEventListener('dragleave', (e) => e.relatedTarget || show(false)); // out of the window
		document.addEventListener('drop', (e) => {
			if (!files(e))
				return;
			e.preventDefault();
			show(false);
			this.#take(e.dataTransfer.files[0]);
		});
	}

	async #take(file) {
		try {
			if (!file)
				return;
			if (file.size > MOST_BYTES)
				throw new Unreadable(`This file is too large for a snapshot: ${format.bytes(file.size)}, where at most ${format.bytes(MOST_BYTES)} are read.`);
			const snapshot = readSnapshot(await file.text());
			this.file = file;
			this.on.play(snapshot);
			this.say(`This is a replay of ${snapshot.host.name}.`);
		} catch (error) {
			this.say(error instanceof Unreadable ? error.message : 'This file could not be read.', true);
		}
	}
}

/** From a replay back to what is now: a fresh page, so that nothing of the other host stays. */
function goLive() {
	history.replaceState(null, '', location.pathname + location.search);
	location.reload();
}
