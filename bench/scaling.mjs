// Write the measured figures into doc/scaling.md, from a file of bench/results.
//
//   node bench/scaling.mjs bench/results/DATE-COMMIT.json [MORE.json...]
//
// Parts that a run left out come from the files behind it: the first one that has a part is taken.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fillPage } from './lib/costs.mjs';

const page = path.join(path.dirname(fileURLToPath(import.meta.url)), '../doc/scaling.md');
const files = process.argv.slice(2);

function main() {
	if (files.length === 0) throw new Error('name a file of bench/results');
	const [first, ...others] = files.map((file) => JSON.parse(fs.readFileSync(file, 'utf8')));
	const merged = { ...first, cases: [...first.cases] };
	for (const other of others) {
		for (const [part, value] of Object.entries(other)) merged[part] ??= value;
		merged.cases.push(...other.cases.filter(({ name }) => !merged.cases.some((one) => one.name === name)));
	}
	fs.writeFileSync(page, fillPage(fs.readFileSync(page, 'utf8'), merged, files.map((file) => path.basename(file)).join('`, `')));
}

try {
	main();
} catch (error) {
	console.error(`scaling: ${error.message}`);
	process.exitCode = 1;
}
