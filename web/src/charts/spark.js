// SPDX-License-Identifier: GPL-2.0-only
// spark - small lines without axes: on a canvas for what changes with each window, as SVG for what changes each second.
import { svg } from '../dom.js';

const CORNER_PX = 7; // of the frame around it, below

/**
 * Draws @values (null: unknown) over the whole of a place on a canvas. @least: what its height stands for at least.
 * @param {{left: number, top: number, width: number, height: number}} place device pixels
 */
export function drawSpark(c, { left, top, width: w, height: h }, picture, values, colour, least) {
	const ratio = devicePixelRatio || 1;
	const { t, span, n } = picture.data;
	const perMs = w / (picture.maxT - picture.minT);
	c.clearRect(left, top, w, h);
	c.save();
	c.translate(left, top);
	c.beginPath();
	c.roundRect(0, 0, w, h, [0, 0, CORNER_PX * ratio, CORNER_PX * ratio]);
	c.clip();
	let max = least;
	for (let k = 0; k < n; k++)
		max = Math.max(max, values[k]);
	const line = new Path2D(), area = new Path2D();
	const stand = h - ratio, scale = (h - 4 * ratio) / max;
	let from = -1, x = 0;
	const close = () => {
		if (from < 0)
			return;
		area.lineTo(x, h);
		area.lineTo(from, h);
		area.closePath();
		from = -1;
	};
	for (let k = 0; k < n;) {
		// One point for what falls on one pixel: its largest.
		let value = values[k];
		const x0 = Math.max(0, (t[k] - span[k] - picture.minT) * perMs);
		let x1 = (t[k] - picture.minT) * perMs;
		for (k++; k < n && (t[k] - picture.minT) * perMs - x0 < 2; k++) {
			x1 = (t[k] - picture.minT) * perMs;
			if (values[k] !== null && !(value > values[k]))
				value = values[k];
		}
		if (value === null) {
			close();
			continue;
		}
		const y = stand - value * scale;
		if (from < 0 || x0 - x > 1.5 * ratio) {
			close();
			from = x0;
			line.moveTo(x0, y);
			area.moveTo(x0, y);
		} else {
			line.lineTo(x0, y);
			area.lineTo(x0, y);
		}
		line.lineTo(x1, y);
		area.lineTo(x1, y);
		x = x1;
	}
	close();
	c.globalAlpha = 0.13;
	c.fillStyle = colour;
	c.fill(area);
	c.globalAlpha = 1;
	c.strokeStyle = colour;
	c.lineWidth = 1.25 * ratio;
	c.lineJoin = 'round';
	c.stroke(line);
	c.restore();
}

export function newSvgSpark() {
	const node = svg('svg', { class: 'spark', viewBox: '0 0 94 20', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
	node.append(svg('path', {}));
	return node;
}

/** @values: oldest first, null: unknown. */
export function setSvgSpark(node, values) {
	let max = 0;
	for (const value of values)
		max = Math.max(max, value);
	let path = '', pen = false;
	const step = 94 / Math.max(1, values.length - 1), tenths = (x) => Math.round(x * 10) / 10; // ten times as fast as toFixed
	for (let k = 0; k < values.length; k++) {
		if (values[k] === null) {
			pen = false;
			continue;
		}
		const y = max ? 18 - values[k] / max * 14 : 18;
		path += `${pen ? 'L' : 'M'}${tenths(k * step)} ${tenths(y)}`;
		pen = true;
	}
	if (node.shownPath !== path)
		node.firstChild.setAttribute('d', node.shownPath = path);
}
