// SPDX-License-Identifier: GPL-2.0-only
// node web/build.mjs OUT_DIR NODE_MODULES_DIR
// Writes index.html, app.js, app.css and icon.svg into OUT_DIR, and beside each what is served, NAME.gz. Silent when all
// is well; exit 1 when the page grew over its limit.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { copyFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIMIT_BYTES = 80 * 1024; // of all files together, compressed
const [outDir, modulesDir] = process.argv.slice(2);
if (!outDir || !modulesDir) {
	console.error('usage: node build.mjs OUT_DIR NODE_MODULES_DIR');
	process.exit(2);
}
const out = resolve(outDir);
const modules = resolve(modulesDir);
const src = join(dirname(fileURLToPath(import.meta.url)), 'src');
// npm packages lie in the build folder, not beside this file.
const esbuild = createRequire(join(modules, 'x.js'))('esbuild');

mkdirSync(out, { recursive: true });
const uplotLicense = readFileSync(join(modules, 'uplot', 'LICENSE'), 'utf8').trim();
try {
	await esbuild.build({
		entryPoints: [join(src, 'app.js'), join(src, 'app.css')],
		outdir: out,
		bundle: true,
		minify: true,
		format: 'esm',
		target: 'es2022',
		nodePaths: [modules],
		charset: 'utf8',
		legalComments: 'none',
		footer: { js: `/* uPlot, which is part of this file:\n${uplotLicense}\n*/` },
		logLevel: 'error',
	});
} catch {
	process.exit(1); // esbuild has said why
}
for (const name of ['index.html', 'icon.svg'])
	copyFileSync(join(src, name), join(out, name));

// zopfli finds 3 % more than gzip -9 does, in the same format.
const names = ['index.html', 'app.js', 'app.css', 'icon.svg'];
execFileSync('zopfli', names.map((name) => join(out, name)), { stdio: 'inherit' });
const sizes = names.map((name) => [name, statSync(join(out, `${name}.gz`)).size]);
const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
if (total > LIMIT_BYTES) {
	for (const [name, bytes] of sizes)
		console.error(`${name}: ${bytes} bytes compressed`);
	console.error(`error: the page has ${total} bytes compressed, over its limit of ${LIMIT_BYTES}`);
	process.exit(1);
}
