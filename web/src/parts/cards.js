// SPDX-License-Identifier: GPL-2.0-only
// cards - the five numbers, each with a word and a line.
import { colours } from '../colours.js';
import { $, el, setClass, setQuantity, setText } from '../dom.js';
import * as format from '../format.js';
import { Sheet } from '../charts/sheet.js';
import { drawSpark } from '../charts/spark.js';

const dash = format.NONE;

// least: what the height of the line stands for at least, so that noise around nothing stays flat.
const CARDS = [
	{
		key: 'requests', title: 'Requests',
		value: (c) => [format.rate(c.rate), c.rate === null ? '' : '/s'],
		sub: (c) => (c.rate === null ? ['not measured'] : [c.average === null ? 'nothing to time' : `average ${format.duration(c.average)}`,
			c.inFlight === null ? '' : `${format.count(c.inFlight)} in flight`]),
		values: (d) => d.requests, least: 4,
	},
	{
		key: 'latency', title: 'Latency p99',
		value: (c) => format.durationParts(c.p99),
		sub: (c) => (c.p99 === null ? ['nothing to time'] : [`p50 ${format.duration(c.p50)}`, `max ${format.duration(c.max)}`]),
		values: (d) => d.latency.p99, least: 1e6,
	},
	{
		key: 'errors', title: 'Errors 5xx',
		value: (c) => (c.ratio === null ? [dash, ''] : [format.percent(c.ratio), '%']),
		sub: (c) => [c.responses === null ? 'not measured' : c.responses === 0 ? 'no responses' : `${format.count(c.errors)} of ${format.count(c.responses)} responses`],
		values: (d) => d.errors, least: 0.05,
	},
	{
		key: 'queue', title: 'Run queue', hostTitle: 'Host queue',
		value: (c) => [format.decimal(c.mean), c.mean === null ? '' : 'waiting'],
		sub: (c) => (c.mean === null ? ['not measured'] : [`p99 wait ${format.duration(c.p99)}`, c.cpus === 1 ? '1 CPU' : `${c.cpus} CPUs`]),
		values: (d) => d.waiting, least: 1,
	},
	{
		key: 'memory', title: 'Memory', hostTitle: 'Host memory',
		value: (c) => (c.ratio === null ? [dash, ''] : [format.percent(c.ratio), '%']),
		sub: (c) => {
			if (c.ratio === null)
				return ['not measured'];
			const [total, unit] = format.bytesParts(c.total);
			const [used] = format.bytesParts(c.used, c.total), [held] = format.bytesParts(c.anonymous, c.total);
			return [`${used} of ${total} ${unit}`, `processes ${held}`];
		},
		values: (d) => d.memory.used, least: 1, total: (d) => d.memory.total.findLast?.((x) => x) ?? 1,
	},
];

export class Cards {
	constructor() {
		this.cards = CARDS.map((spec) => {
			const root = el('article', 'card'), heading = el('h2'), word = el('span', 'word');
			const value = el('p', 'value'), number = el('span', '', dash), unit = el('small');
			const sub = el('p', 'sub'), first = el('span', '', '\u00a0'), second = el('span', 'second'), trend = el('div', 'trend');
			root.dataset.card = spec.key;
			const title = el('span', '', spec.title);
			heading.append(title, word);
			value.append(number, unit);
			sub.append(first, second);
			root.append(heading, value, sub, trend);
			$('cards').append(root);
			return { spec, title, word, number, unit, sub, first, second, trend, place: null, level: '' };
		});
		this.sheet = new Sheet($('cards'), 'trends');
	}

	/** @param {object} state of assess.cards() @param {{gone: boolean}|null} focused some cards are of one service, the others say that they are not */
	show(state, focused) {
		for (const card of this.cards) {
			const { hostTitle, title } = card.spec;
			setText(card.title, focused && hostTitle ? hostTitle : title);
			const own = state[card.spec.key];
			const [first, second] = focused?.gone && !hostTitle ? ['not there'] : card.spec.sub(own);
			setQuantity(card.number, card.unit, card.spec.value(own));
			setText(card.first, first);
			setText(card.second, second ? `, ${second}` : '');
			if (card.sub.title !== card.sub.textContent)
				card.sub.title = card.sub.textContent;
			setText(card.word, own.word[0]);
			setClass(card.word, `word ${own.word[1]}`);
			card.level = own.word[1];
		}
	}

	/** After a change of the window's size: to read it on each drawing would make the browser lay out each time. */
	size() {
		const root = $('cards'), ratio = devicePixelRatio || 1, from = root.getBoundingClientRect();
		for (const card of this.cards) {
			const to = card.trend.getBoundingClientRect();
			card.place = { left: Math.round((to.left - from.left) * ratio), top: Math.round((to.top - from.top) * ratio),
				width: Math.round(to.width * ratio), height: Math.round(to.height * ratio) };
		}
		this.sheet.size(from.width, from.height);
	}

	/** @param {object} host picture of it @param {object} own of the service that is shown, else the same */
	draw(host, own) {
		for (const { spec, place, level } of this.cards) {
			const picture = spec.hostTitle ? host : own;
			const colour = level === 'bad' ? colours.bad : level === 'warn' ? colours.warn : colours.accent;
			drawSpark(this.sheet.context, place, picture, spec.values(picture.data), colour, spec.total?.(picture.data) ?? spec.least);
		}
	}
}
