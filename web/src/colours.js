// SPDX-License-Identifier: GPL-2.0-only
// colours - the style sheet's variables as what a canvas takes. The style sheet is where they are chosen.

const NAMES = ['panel', 'line', 'grid', 'text', 'dim', 'faint', 'accent', 'ok', 'warn', 'bad', 'queued', 'cpu-wait', 'on-cpu', 'blocked',
	's2xx', 's3xx', 's4xx', 's5xx', 'mem-anonymous', 'mem-other', 'p50', 'p90', 'p99', 'max',
	'heat0', 'heat1', 'heat2', 'heat3', 'heat4'];
const STEPS = 256;

export let colours = {};
export let theme = 0; // rises when the colours change
export let font = '11px sans-serif';
export let ramp = new Uint32Array(STEPS); // of a heatmap, as pixels of an ImageData

const pixels = new Map();
const rgb = (text) => text.match(/[\d.]+/g).slice(0, 3).map(Number);

/** A colour as a pixel of an ImageData; @alpha: 0 to 255. */
export function pixel(name, alpha = 255) {
	const key = `${name}/${alpha}`;
	let value = pixels.get(key);
	if (value === undefined) {
		const bytes = new Uint8ClampedArray(4);
		bytes.set([...rgb(colours[name]), alpha]);
		pixels.set(key, value = new Uint32Array(bytes.buffer)[0]);
	}
	return value;
}

/** Read them anew: at start and when the theme changes. */
export function readColours() {
	const probe = document.createElement('span');
	document.body.append(probe);
	const read = {};
	for (const name of NAMES) {
		probe.style.color = `var(--${name})`;
		read[name] = getComputedStyle(probe).color;
	}
	font = `11px ${getComputedStyle(probe).fontFamily}`;
	probe.remove();
	colours = read;
	pixels.clear();
	theme++;
	const stops = [0, 1, 2, 3, 4].map((k) => rgb(read[`heat${k}`]));
	const bytes = new Uint8ClampedArray(ramp.buffer);
	for (let step = 0; step < STEPS; step++) {
		const at = step / (STEPS - 1) * (stops.length - 1);
		const k = Math.min(stops.length - 2, Math.floor(at));
		for (let c = 0; c < 3; c++)
			bytes[step * 4 + c] = stops[k][c] + (stops[k + 1][c] - stops[k][c]) * (at - k);
		bytes[step * 4 + 3] = 255;
	}
}

/** Logarithmic: a single count can be seen, the largest is the brightest. */
export function rampStep(count, max) {
	return count >= max ? STEPS - 1 : Math.max(40, Math.round((STEPS - 1) * Math.log1p(count) / Math.log1p(max)));
}
