// SPDX-License-Identifier: GPL-2.0-only
// export - gives this person a file: what it is called and how a browser saves it.

const KEPT_MS = 30e3; // how long a browser may take to begin saving

/** "rqscope-web-07-20261124T030000Z.json": host and time in UTC, nothing that a file system minds. */
export function fileName(host, t, what, ending) {
	const time = new Date(t).toISOString().replace(/[-:]|\.\d+/g, '');
	const plain = (text) => text.replace(/[^\w.-]+/g, '_').slice(0, 80);
	return ['rqscope', plain(host), what && plain(what), time].filter(Boolean).join('-') + ending;
}

/** @param {Blob} blob */
export function save(blob, name) {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(blob);
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/** The snapshot that the server makes now. @returns {Promise<Blob>} */
export async function takeSnapshot(token) {
	const answer = await fetch('api/v1/snapshot', { cache: 'no-store', headers: token ? { authorization: `Bearer ${token}` } : {} });
	if (!answer.ok)
		throw new Error(`rqscope answered with status ${answer.status}`);
	return answer.blob();
}
