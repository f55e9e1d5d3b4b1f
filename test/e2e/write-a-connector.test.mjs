// Connector files as their writers meet them: checked, and made from OpenAPI documents, GitHub's among them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { binary, e2eDirectory, rootDirectory } from './lib/paths.mjs';
import { run } from './lib/process.mjs';

const GITHUB = path.join(e2eDirectory, 'node_modules/@octokit/openapi/generated/api.github.com.json');

/** A directory whose commands are the page's: `gatehouse` is the one under test. */
function desk(t, port) {
	const root = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-guide-'));
	fs.mkdirSync(path.join(root, 'bin'));
	fs.symlinkSync(binary, path.join(root, 'bin/gatehouse'));
	t.after(() => fs.rmSync(root, { recursive: true, force: true }));
	const here = (text) => text.replaceAll('127.0.0.1:8099', `127.0.0.1:${port}`);
	return {
		file: (name) => path.join(root, name),
		write: (name, text) => fs.writeFileSync(path.join(root, name), here(text)),
		append: (name, text) => fs.appendFileSync(path.join(root, name), here(text)),
		read: (name) => fs.readFileSync(path.join(root, name), 'utf8'),
		async shell(line) {
			const ended = await run('/bin/sh', ['-c', here(line)], { cwd: root, env: { ...process.env, HOME: root, PATH: `${path.join(root, 'bin')}:${process.env.PATH}` } });
			return { ...ended, line };
		},
		async ok(line) {
			const ended = await this.shell(line);
			assert.equal(ended.code, 0, `${line}: ${ended.stderr}${ended.stdout}`);
			return ended.stdout;
		},
	};
}

test('connector check: the places of mistakes, as text and as JSON', async (t) => {
	const at = desk(t, 1);

	at.write('bad.yaml', 'connector: bad\ntitle: Bad\nabout: Bad\ntools:\n  a:\n    titel: A\n');
	const text = await at.shell('gatehouse connector check bad.yaml');
	assert.equal(text.code, 1);
	assert.match(text.stderr, /^bad\.yaml:6:5: a tool has no `titel`$/m);
	const json = await at.shell('gatehouse connector check bad.yaml --json');
	assert.equal(json.code, 1);
	assert.equal(JSON.parse(json.stdout).ok, false);
	assert.match(JSON.parse(json.stdout).problems[0], /^bad\.yaml:6:5: /);
	assert.match((await at.shell('gatehouse connector check none.yaml')).stderr, /no such file/);
});

test('every built-in connector is right', async (t) => {
	const at = desk(t, 1);
	const directory = path.join(rootDirectory, 'connectors');
	const files = fs.readdirSync(directory).filter((name) => name.endsWith('.yaml'));

	assert.ok(files.length > 0);
	for (const name of files) assert.match(await at.ok(`gatehouse connector check ${path.join(directory, name)} --json`), new RegExp(`"connector":"${path.basename(name, '.yaml')}"`));
});

test('import openapi: GitHub, whole and in part', async (t) => {
	const at = desk(t, 1);

	await at.ok(`gatehouse import openapi ${GITHUB} --name github --out github.yaml`);
	const { tools } = JSON.parse(await at.ok('gatehouse connector check github.yaml --json'));
	assert.ok(tools.length > 1000, `${tools.length} operations`);
	assert.ok(tools.includes('issues_create') && tools.includes('repos_get'));
	assert.ok(tools.every((name) => name.length <= 48));
	assert.equal(new Set(tools).size, tools.length);
	await at.ok(`gatehouse import openapi ${GITHUB} --include "issues" --exclude "*label*" --out issues.yaml`);
	const part = JSON.parse(await at.ok('gatehouse connector check issues.yaml --json')).tools;
	assert.ok(part.length > 20 && part.length < 100 && part.every((name) => name.startsWith('issues_') && !name.includes('label')), part.join(' '));
	assert.match(at.read('issues.yaml'), /url: "\{\{set\.base\}\}\/repos\/\{\{args\.owner\}\}\/\{\{args\.repo\}\}\/issues"/);
});
