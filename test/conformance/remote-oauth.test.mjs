// mcp-remote, the bridge that clients without OAuth of their own use, signs in by itself: it registers, prints the address
// to open, listens for its callback, keeps its tokens in files, and comes back after they were revoked.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { Browser } from '../e2e/lib/browser.mjs';
import { stdioFixture } from '../e2e/lib/fixture.mjs';
import { scope, startGateway } from '../e2e/lib/gateway.mjs';
import { makeUser } from '../e2e/lib/people.mjs';
import { isRunning, processInfo } from '../e2e/lib/process.mjs';
import { sql } from '../e2e/lib/sqlite.mjs';
import { until, within } from '../e2e/lib/wait.mjs';
import { packageDirectory } from './lib/suite.mjs';

const STEP_MS = 30000;
const file = scope(after);
const gateway = await startGateway(file, { upstreams: { fx: stdioFixture() }, limits: { per_auth: 'off' } });
const ann = await makeUser(gateway, { email: 'ann@acme.example' });
const directory = gateway.file('mcp-remote');
fs.mkdirSync(directory);

/** Start it; the person of `browser` signs in whenever an address is printed. */
async function remote(browser) {
	const { bin } = JSON.parse(fs.readFileSync(path.join(packageDirectory('mcp-remote'), 'package.json'), 'utf8'));
	const transport = new StdioClientTransport({
		command: process.execPath,
		args: [path.join(packageDirectory('mcp-remote'), bin['mcp-remote'] ?? bin), `http://127.0.0.1:${gateway.port}/mcp`, '--allow-http', '--transport', 'http-only'],
		// No real browser may be opened: the address is on stderr as well.
		env: { ...process.env, MCP_REMOTE_CONFIG_DIR: directory, PATH: directory, BROWSER: 'none' },
		stderr: 'pipe',
	});
	let said = '';
	const opened = [];
	transport.stderr.on('data', (bytes) => {
		said += bytes;
		for (const [url] of said.matchAll(/http:\/\/\S+\/oauth\/authorize\?\S+/g)) {
			if (opened.includes(url) || !said.includes(`${url}\n`)) continue;
			opened.push(url);
			// The address is printed before the callback listens: a browser that comes too early is reloaded.
			browser.authorize(url, ann).then((left) => until('the callback of mcp-remote', () => fetch(left)))
				.catch((error) => { said += `\nbrowser: ${error.stack}`; });
		}
	});
	const client = new Client({ name: 'conformance', version: '1' });
	await within('mcp-remote to connect', client.connect(transport), STEP_MS).catch((error) => { throw new Error(`${error.message}\n${said}`); });
	const info = processInfo(transport.pid);
	/** The next one wants the same port for its callback. */
	const end = async () => {
		await client.close();
		await until('mcp-remote to end', () => !isRunning(info));
	};
	return { client, opened, end };
}

const call = async ({ client }) => (await client.callTool({ name: 'fx_echo', arguments: { text: 'hello' } })).isError ?? false;

test('mcp-remote signs in, calls, and comes back with what it kept', async () => {
	const browser = new Browser();
	const first = await remote(browser);
	assert.equal(first.opened.length, 1);
	assert.ok((await first.client.listTools()).tools.length > 0);
	assert.equal(await call(first), false);
	await first.end();

	const second = await remote(browser);
	assert.equal(second.opened.length, 0, 'its tokens are good still');
	assert.equal(await call(second), false);
	await second.end();
});

test('mcp-remote refreshes what has expired, and signs in again after a revocation', async () => {
	const browser = new Browser();
	const tokens = fs.readdirSync(directory, { recursive: true, withFileTypes: true }).find(({ name }) => name.endsWith('_tokens.json'));
	const kept = path.join(tokens.parentPath ?? tokens.path, tokens.name);
	const before = JSON.parse(fs.readFileSync(kept, 'utf8'));
	fs.writeFileSync(kept, JSON.stringify({ ...before, access_token: `${before.access_token.slice(0, -8)}AAAAAAAA` }));
	const refreshed = await remote(browser);
	assert.equal(refreshed.opened.length, 0);
	assert.equal(await call(refreshed), false);
	assert.notEqual(JSON.parse(fs.readFileSync(kept, 'utf8')).refresh_token, before.refresh_token);
	await refreshed.end();

	const token = JSON.parse(fs.readFileSync(kept, 'utf8')).access_token;
	await sql(`${gateway.data}/gatehouse.db`, `UPDATE oauth_grant SET revoked_ms = ${Date.now()}`, 'DELETE FROM oauth_refresh', 'UPDATE meta SET generation = generation + 1');
	await until('the token to be refused', async () => (await fetch(`http://127.0.0.1:${gateway.port}/mcp`, { method: 'POST', body: '{}',
		headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } })).status === 401, 3000);
	const again = await remote(browser);
	assert.equal(again.opened.length, 1);
	assert.equal(await call(again), false);
	await again.end();
});
