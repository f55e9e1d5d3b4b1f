// doc/guides/write-a-connector.md, as somebody would follow it: its files are written and its commands run, in their order, against a ticket system that
// is what the page says; and connectors made from OpenAPI documents, among them the gateway's own and GitHub's.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { test } from 'node:test';
import { modern, modernCall } from './lib/mcp.mjs';
import { binary, e2eDirectory, rootDirectory } from './lib/paths.mjs';
import { freePort } from './lib/port.mjs';
import { run } from './lib/process.mjs';
import { request } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';

const GUIDE = path.join(rootDirectory, 'doc/guides/write-a-connector.md');
const GITHUB = path.join(e2eDirectory, 'node_modules/@octokit/openapi/generated/api.github.com.json');

const description = {
	openapi: '3.1.0',
	info: { title: 'Tickets', version: '1' },
	servers: [{ url: 'http://127.0.0.1:8099' }],
	components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
	paths: {
		'/tickets': {
			get: { operationId: 'ticketList', parameters: [{ name: 'state', in: 'query', schema: { type: 'string' } }] },
			post: { operationId: 'ticketCreate', requestBody: { content: { 'application/json': { schema: { type: 'object', required: ['title'], properties: { title: { type: 'string' } } } } } } },
		},
		'/admin': { delete: { operationId: 'dropEverything' } },
	},
};

/** The ticket system: what it was asked, and answers as the page has them. */
async function startTickets(t) {
	const seen = [];
	const server = http.createServer(async (req, res) => {
		const body = (await req.toArray()).join('');
		const url = new URL(req.url, 'http://tickets');
		seen.push({ method: req.method, path: url.pathname, query: Object.fromEntries(url.searchParams), body: body === '' ? undefined : JSON.parse(body), token: req.headers.authorization });
		const answer = req.headers.authorization !== 'Bearer t-0123456789' ? [401, '{"error":"Who are you?"}']
			: req.method === 'POST' ? [201, '{"id":12}'] : [200, '{"items":[{"id":9007199254740993,"title":"Door"},{"id":2}],"next":"b"}'];
		res.writeHead(answer[0], { 'content-type': 'application/json' });
		res.end(answer[1]);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => server.close());
	return { seen, port: server.address().port };
}

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

/** `gatehouse serve &`, until it serves. */
async function serve(t, at, port) {
	const child = spawn(binary, ['serve'], { cwd: at.file('.'), env: { ...process.env, HOME: at.file('.') }, stdio: 'ignore' });
	t.after(async () => {
		child.kill('SIGTERM');
		if (child.exitCode === null) await once(child, 'exit');
	});
	await until('the gateway serves', async () => (await request({ port }, { method: 'GET', path: '/health/ready' }).catch(() => ({}))).status === 200);
}

/** The page's blocks in their order: {language, text}. */
const blocks = () => [...fs.readFileSync(GUIDE, 'utf8').matchAll(/^```(yaml|sh)\n(.*?)^```$/gms)].map(([, language, text]) => ({ language, text }));

const resultOf = (stdout) => JSON.parse(stdout).structuredContent;

test('the guide: every file and every command of it', async (t) => {
	const tickets = await startTickets(t);
	const at = desk(t, tickets.port);
	const port = await freePort();
	const files = [(text) => at.write('tickets.yaml', text), (text) => at.append('tickets.yaml', text),
		(text) => at.write('gatehouse.yaml', `listen: 127.0.0.1:${port}\n${text}`)];
	const printed = new Map();

	at.write('api.json', JSON.stringify(description));
	for (const { language, text } of blocks()) {
		if (language === 'yaml') files.shift()(text);
		else for (const line of text.trim().split('\n')) {
			if (line === 'gatehouse serve &') await serve(t, at, port);
			else printed.set(line.replace(/ --args.*/, ''), await at.ok(line));
		}
	}
	assert.equal(files.length, 0, 'the page has three files');
	assert.deepEqual(tickets.seen.map(({ method, query, body }) => ({ method, query, body })), [
		{ method: 'GET', query: { state: 'open', per_page: '20' }, body: undefined },
		{ method: 'POST', query: {}, body: { title: 'The door is stuck' } },
	]);
	const listed = resultOf(printed.get('gatehouse connector try tickets.yaml list_tickets'));
	assert.deepEqual(listed.tickets, [{ id: '9007199254740993', title: 'Door' }, { id: '2' }]);
	assert.equal(typeof listed.next_cursor, 'string');
	assert.notEqual(listed.next_cursor, 'b', 'a cursor is sealed');
	assert.deepEqual(resultOf(printed.get('gatehouse connector try tickets.yaml create_ticket')), { id: '12', url: `http://127.0.0.1:${tickets.port}/tickets/12` });

	// and behind the gateway
	const key = /gh_\S+/.exec(printed.get('gatehouse key create --tenant default --name laptop'))[0];
	const names = await until('its tools are listed', async () => {
		const { message } = await modern({ port, key }, 'tools/list');
		return message.result.tools.length > 0 && message.result.tools.map(({ name }) => name);
	});
	assert.deepEqual(names.sort(), ['tickets_create_ticket', 'tickets_list_tickets']);
	const { message } = await modernCall({ port, key }, 'tickets_list_tickets', { state: 'open' });
	assert.deepEqual(message.result.structuredContent.tickets, listed.tickets);

	// the gateway's own description is one too: relative servers are where it was read
	await at.ok(`gatehouse import openapi http://127.0.0.1:${port}/api/v1/openapi.json --name own --out own.yaml`);
	assert.match(at.read('own.yaml'), new RegExp(`default: "http://127\\.0\\.0\\.1:${port}/api/v1"`));
	at.write('key', key);
	const me = resultOf(await at.ok('gatehouse connector try own.yaml get_me_top --secret-file key --allow-private'));
	assert.equal(me.status, 200);
	assert.equal(me.body.tenant, 'default');

	// an imported connector makes calls, too; what was not asked for is not in it
	assert.ok(!at.read('imported.yaml').includes('drop_everything'));
	const called = resultOf(await at.ok(`gatehouse connector try imported.yaml ticket_create --args '{"title":"x"}' --secret-file token --allow-private`));
	assert.deepEqual(called, { status: 201, body: { id: 12 } });
	assert.deepEqual(tickets.seen.at(-1).body, { title: 'x' });
});

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

test('the page of built-in connectors is as the files are', async (t) => {
	const at = desk(t, 1);

	assert.equal(await at.ok('gatehouse reference connectors'), fs.readFileSync(path.join(rootDirectory, 'doc/connectors.md'), 'utf8'), './dev docs');
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
