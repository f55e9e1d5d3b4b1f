// Where things are: the binary under test, its build tree, packages of this directory.
import fs from 'node:fs';
import path from 'node:path';
import { e2eDirectory, isExecutable, rootDirectory } from './places.mjs';

export { e2eDirectory, isExecutable, rootDirectory } from './places.mjs';

function findBinary() {
	const given = process.env.GATEHOUSE ?? process.env.GATEHOUSE_BIN;
	const candidates = given ? [path.resolve(given)] : ['asan', 'release'].map((flavour) => path.join(rootDirectory, 'build', flavour, 'gatehouse'));
	const found = candidates.find(isExecutable);
	if (found === undefined) throw new Error(`no gatehouse binary at ${candidates.join(' or ')}: ./dev build asan`);
	return found;
}

export const binary = findBinary();
export const buildDirectory = path.dirname(binary);

/** The script that an npm package's command runs, for `node SCRIPT`. */
export function packageBin(name, command) {
	const directory = path.join(e2eDirectory, 'node_modules', name);
	const { bin } = JSON.parse(fs.readFileSync(path.join(directory, 'package.json'), 'utf8'));
	return path.join(directory, typeof bin === 'string' ? bin : bin[command ?? Object.keys(bin)[0]]);
}
