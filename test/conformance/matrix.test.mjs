// Every official client through the gateway to every official server: the list, a call, and an
// elicitation where the client can be asked.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { scope, startGateway } from '../e2e/lib/gateway.mjs';
import { run } from '../e2e/lib/process.mjs';
import { within } from '../e2e/lib/wait.mjs';
import { connect } from './lib/clients.mjs';
import { Record } from './lib/record.mjs';
import { SERVERS, sdkUpstream, TRANSPORTS } from './lib/sdk-servers.mjs';
import { packageDirectory } from './lib/suite.mjs';

const file = scope(after);
const record = new Record('matrix');
after(() => record.save());

const STEP_MS = 20000;
const elicit = () => ({ action: 'accept', content: { name: 'matrix' } });
const text = (result) => result.content[0].text;

function packageBin(name) {
	const { bin } = JSON.parse(fs.readFileSync(path.join(packageDirectory(name), 'package.json'), 'utf8'));
	return path.join(packageDirectory(name), typeof bin === 'string' ? bin : Object.values(bin)[0]);
}

/** An SDK client over HTTP, as the steps of the test. */
async function sdk(line, era, url) {
	const client = await connect(line, era, url, { elicit });
	return {
		list: async () => (await client.list()).map(({ name }) => name),
		call: async () => text(await client.call('echo', { text: 'hello' })),
		elicit: async () => text(await client.call('elicit')),
		close: () => client.close(),
	};
}

/** The Inspector's command line: a process a step. It answers no questions. */
function inspector(url) {
	const program = packageBin('@modelcontextprotocol/inspector-cli');
	const inspect = async (...args) => {
		const ended = await run(process.execPath, [program, '--cli', url, '--transport', 'http', ...args], { cwd: path.dirname(program) });
		assert.equal(ended.code, 0, `${ended.stderr}${ended.stdout}`);
		return JSON.parse(ended.stdout);
	};
	return {
		list: async () => (await inspect('--method', 'tools/list')).tools.map(({ name }) => name),
		call: async () => text(await inspect('--method', 'tools/call', '--tool-name', 'echo', '--tool-arg', 'text=hello')),
		close: () => {},
	};
}

/** mcp-remote as a child of an SDK client that knows only stdio. */
async function remote(url, directory) {
	const transport = new StdioClientTransport({
		command: process.execPath,
		args: [packageBin('mcp-remote'), url, '--allow-http', '--transport', 'http-only'],
		env: { ...process.env, MCP_REMOTE_CONFIG_DIR: directory },
		stderr: 'ignore',
	});
	const client = new ClientV1({ name: 'conformance', version: '1' }, { capabilities: { elicitation: {} } });
	client.setRequestHandler(ElicitRequestSchema, elicit);
	await client.connect(transport);
	return {
		list: async () => (await client.listTools()).tools.map(({ name }) => name),
		call: async () => text(await client.callTool({ name: 'echo', arguments: { text: 'hello' } })),
		elicit: async () => text(await client.callTool({ name: 'elicit', arguments: {} })),
		close: () => client.close(),
	};
}

const clients = [
	['SDK v1', (url) => sdk('v1', 'legacy', url)],
	['SDK v2, 2025-11-25', (url) => sdk('v2', 'legacy', url)],
	['SDK v2, 2026-07-28', (url) => sdk('v2', 'modern', url)],
	['Inspector CLI', (url) => inspector(url)],
	['mcp-remote', (url, directory) => remote(url, directory)],
];

const steps = [
	['list', async (client) => {
		const names = await client.list();
		for (const name of ['echo', 'elicit']) assert.ok(names.includes(name), `${name} in ${names}`);
	}],
	['call', async (client) => assert.equal(await client.call(), 'echo: hello')],
	['elicit', async (client) => assert.equal(await client.elicit(), 'accept matrix')],
];

const servers = SERVERS.flatMap(({ line }) => TRANSPORTS.map((transport) => ({ line, transport, name: `${line}_${transport}` })));
let gateway;

before(async () => {
	const entries = await Promise.all(servers.map(async ({ line, transport, name }) => [name, await sdkUpstream(file, line, transport)]));
	const toolsets = Object.fromEntries(servers.map(({ name }) => [name, { include: [`${name}.*`], names: 'plain' }]));
	gateway = await startGateway(file, { tenants: [], upstreams: Object.fromEntries(entries), config: { auth: 'none', toolsets } });
});

for (const [title, open] of clients) {
	describe(title, { concurrency: 2 }, () => {
		for (const { line, transport, name } of servers) {
			const column = `${line} server, ${transport}`;
			test(column, async (t) => {
				const directory = gateway.file(`remote-${name}`);
				fs.mkdirSync(directory, { recursive: true });
				const client = await within('the client to connect', Promise.resolve(open(`http://127.0.0.1:${gateway.port}/mcp/${name}`, directory)), STEP_MS);
				t.after(() => client.close());
				const failures = [];
				for (const [step, act] of steps) {
					if (client[step] === undefined) continue;
					const failure = await within(step, act(client), STEP_MS).then(() => undefined, (error) => error);
					record.add({ section: 'matrix', item: title, column, part: step, state: failure === undefined ? 'passed' : 'failed' });
					if (failure !== undefined) failures.push(failure);
				}
				if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures, failures.map(({ message }) => message).join('\n'));
			});
		}
	});
}
