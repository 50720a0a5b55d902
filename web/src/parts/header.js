// SPDX-License-Identifier: GPL-2.0-only
// header - which host, whether what is seen is now, and what can be chosen.
import { $, el, setData, setHidden, setText } from '../dom.js';
import * as format from '../format.js';
import * as prefs from '../prefs.js';

const RANGE_NAMES = ['6 s', '1 min', '10 min', '1 h', '6 h'];

export class Header {
	/** @param {{range: (ms: number) => void, rate: (ms: number) => void, pause: () => void, theme: () => void, help: () => void, all: () => void}} on */
	constructor(on) {
		this.ranges = prefs.range.values.map((ms, k) => {
			const button = el('button', '', RANGE_NAMES[k]);
			button.type = 'button';
			button.title = `Key ${k + 1}`;
			button.onclick = () => on.range(ms);
			$('ranges').append(button);
			return [ms, button];
		});
		for (const ms of prefs.rate.values) {
			const option = el('option', '', ms < 1000 ? `${ms} ms` : '1 s');
			option.value = ms;
			$('rate').append(option);
		}
		$('rate').onchange = () => on.rate(Number($('rate').value));
		$('pause').onclick = on.pause;
		$('only').onclick = on.all;
		$('theme').onclick = on.theme;
		$('help-open').onclick = on.help;
	}

	choices({ rangeMs, rateMs, theme, endT, paused }) {
		for (const [ms, button] of this.ranges)
			button.setAttribute('aria-pressed', String(ms === rangeMs));
		$('rate').value = String(rateMs);
		setText($('theme-name'), { auto: 'Auto', light: 'Light', dark: 'Dark' }[theme]);
		$('theme').setAttribute('aria-label', `Theme: ${theme}`);
		setText($('pause'), paused ? 'Resume' : endT === null ? 'Pause' : 'Live');
		setData($('pause'), 'on', String(endT !== null));
	}

	host({ host, attached_ms: attached }) {
		const name = el('b', '', host.name);
		const cpus = host.cpus === 1 ? '1 CPU' : `${host.cpus} CPUs`;
		const kernel = `Linux ${host.kernel}`;
		$('host').replaceChildren(name, ` · ${kernel} · ${cpus}`);
		$('host').title = `${host.name}, ${kernel}, ${host.arch}, ${cpus}; attached since ${new Date(attached).toLocaleString()}`;
	}

	/** @param {string|null} name of the one service that is shown @param {string|null} container that it is in */
	only(name, container) {
		setHidden($('only'), !name);
		setText($('only-name'), name ?? '');
		setText($('only-where'), container ?? '');
		$('only').title = name ? `Only ${name} is shown. Click (Esc): all services` : '';
		setText($('only-said'), name ? `Only ${name} is shown` : 'The whole host is shown');
	}

	/** @param {{state: string, text: string, said?: string}} pill @param {number|null} connectedMs */
	state(pill, connectedMs) {
		setData($('pill'), 'state', pill.state);
		setText($('pill-text'), pill.text);
		setText($('pill-said'), pill.said ?? pill.text); // without what counts on
		setText($('since'), connectedMs === null ? '' : `connected ${format.elapsed(connectedMs)}`);
	}
}
