// The Inspector's command line, as a person would use it against the gateway.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { prepareGateway, scope } from './lib/gateway.mjs';
import { packageBin } from './lib/paths.mjs';
import { run } from './lib/process.mjs';
import { realUpstreams } from './lib/real.mjs';

const file = scope(after);
const inspector = packageBin('@modelcontextprotocol/inspector-cli');
const here = { cwd: path.dirname(inspector) }; // it looks for its own package.json from there
let gateway;

before(async () => {
	gateway = await prepareGateway(file);
	gateway.configure({ upstreams: await realUpstreams(file, gateway.file('files')) });
	await gateway.start();
	await gateway.settled(60000);
});

async function inspect(...args) {
	const ended = await run(process.execPath, [inspector, '--cli', `http://127.0.0.1:${gateway.port}/mcp`, '--transport', 'http', '--header', `Authorization: Bearer ${gateway.key}`, ...args], here);
	return { ...ended, json: () => JSON.parse(ended.stdout) };
}

describe('inspector', () => {
	test('tools/list', async () => {
		const ended = await inspect('--method', 'tools/list');
		assert.equal(ended.code, 0, ended.stderr);
		const names = ended.json().tools.map(({ name }) => name);
		for (const name of ['everything_echo', 'remote_echo', 'files_list_directory']) assert.ok(names.includes(name), name);
	});

	test('tools/call', async () => {
		for (const server of ['everything', 'remote']) {
			const ended = await inspect('--method', 'tools/call', '--tool-name', `${server}_echo`, '--tool-arg', 'message=from the inspector');
			assert.equal(ended.json().content[0].text, 'Echo: from the inspector', ended.stderr);
		}
		const files = await inspect('--method', 'tools/call', '--tool-name', 'files_list_allowed_directories');
		assert.match(files.json().content[0].text, /files/);
	});

	test('resources, templates, prompts', async () => {
		const { resources } = (await inspect('--method', 'resources/list')).json();
		assert.ok(resources.length > 0);
		const read = (await inspect('--method', 'resources/read', '--uri', resources[0].uri)).json();
		assert.equal(read.contents[0].uri, resources[0].uri);
		assert.ok((await inspect('--method', 'resources/templates/list')).json().resourceTemplates.length > 0);
		assert.ok((await inspect('--method', 'prompts/list')).json().prompts.some(({ name }) => name === 'remote_args-prompt'));
		const prompt = (await inspect('--method', 'prompts/get', '--prompt-name', 'remote_args-prompt', '--prompt-args', 'city=Oslo')).json();
		assert.match(prompt.messages[0].content.text, /Oslo/);
	});

	test('a wrong key fails with a word about it', async () => {
		const ended = await run(process.execPath, [inspector, '--cli', `http://127.0.0.1:${gateway.port}/mcp`, '--transport', 'http', '--header', 'Authorization: Bearer gh_wrong', '--method', 'tools/list'], here);
		assert.notEqual(ended.code, 0);
		assert.match(ended.stderr, /401|key|unauthorized|invalid_token/i);
	});
});
