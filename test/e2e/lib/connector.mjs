// A connector of the gateway on a simulated platform (test/fixtures/platforms), used through the official client.
//
//	const telegram = await new Telegram().start(t);
//	const it = await startConnector(t, 'telegram', { platform: telegram, secret: telegram.token });
//	const { id } = await it.ok('get_me', {}, { username: 'a_bot' });       // structuredContent, checked against the tool's outputSchema
//	await it.fails('send_message', { chat_id: '5', text: 'x' }, 'rate_limited', /3 s/);
//	const items = await it.pages('get_updates', { limit: 2 }, 'updates');
//
// Each look at a result is also one at the platform: what it was asked wrongly fails the call that asked it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { connectAccount } from './connect.mjs';
import { prepareGateway } from './gateway.mjs';
import { binary } from './paths.mjs';
import { makeUser } from './people.mjs';
import { run } from './process.mjs';
import { request } from './raw.mjs';
import { until } from './wait.mjs';

const PAGES_MAX = 100;
const HINTS = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'];
const TOOLS = {
	read: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
	read_local: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
	create: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
	update: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
};

const plain = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throw unless all of `wanted` is in `value`: objects may have more, a regular expression is looked for in text. */
export function includes(value, wanted, at = '') {
	if (wanted instanceof RegExp) return assert.match(String(value), wanted, at);
	if (Array.isArray(wanted)) {
		assert.ok(Array.isArray(value), `${at} is no list: ${JSON.stringify(value)}`);
		assert.equal(value.length, wanted.length, `${at}: ${JSON.stringify(value)}`);
		return wanted.forEach((one, index) => includes(value[index], one, `${at}[${index}]`));
	}
	if (!plain(wanted)) return assert.deepEqual(value, wanted, at);
	assert.ok(plain(value), `${at} is no object: ${JSON.stringify(value)}`);
	return Object.entries(wanted).forEach(([name, one]) => includes(value[name], one, `${at}.${name}`));
}

export const textOf = (result) => (result.content ?? []).map(({ text }) => text ?? '').join('\n');

export class Connector {
	constructor(gateway, platform, upstream) {
		Object.assign(this, { gateway, platform, upstream });
	}

	/** The same upstream for another of the gateway's tenants: a limit of the platform makes the gateway leave an account alone, not the next test's. */
	as(tenant) {
		return new Connector(this.gateway, this.platform, this.upstream).connect(this.scope, this.gateway.keys[tenant]);
	}

	async connect(t, key = this.gateway.key) {
		this.scope = t;
		this.client = new Client({ name: 'e2e', version: '1' }, { versionNegotiation: { mode: 'auto' } });
		const transport = new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${this.gateway.port}/mcp`), { requestInit: { headers: { Authorization: `Bearer ${key}` } } });
		await this.client.connect(transport);
		t.after(() => this.client.close());
		this.tools = new Map();
		await until(`the tools of ${this.upstream}`, async () => {
			for (const tool of (await this.client.listTools()).tools) this.tools.set(tool.name, tool);
			return [...this.tools.keys()].some((name) => name.startsWith(`${this.upstream}_`));
		});
		this.ajv = new Ajv2020({ strict: false, allErrors: true });
		addFormats.default(this.ajv);
		this.validators = new Map(); // by tool
		return this;
	}

	nameOf(tool) {
		return `${this.upstream}_${tool}`;
	}

	definition(tool) {
		const found = this.tools.get(this.nameOf(tool));
		assert.ok(found, `there is no tool ${this.nameOf(tool)}, but ${[...this.tools.keys()].join(', ')}`);
		return found;
	}

	/** The result as it came: {content, structuredContent, isError}. */
	async call(tool, args = {}, options = {}) {
		this.definition(tool);
		const result = await this.client.callTool({ name: this.nameOf(tool), arguments: args }, options);
		this.platform?.satisfied();
		return result;
	}

	/** The structured result of a call that succeeds; all of `wanted` has to be in it. */
	async ok(tool, args = {}, wanted = {}) {
		const result = await this.call(tool, args);
		assert.ok(!result.isError, `${tool}: ${textOf(result)}`);
		this.#fits(tool, result);
		includes(result.structuredContent, wanted, tool);
		return result.structuredContent;
	}

	#fits(tool, result) {
		if (!this.validators.has(tool)) this.validators.set(tool, this.ajv.compile(this.definition(tool).outputSchema));
		const validate = this.validators.get(tool);
		assert.ok(validate(result.structuredContent), `${tool}: ${this.ajv.errorsText(validate.errors)}: ${JSON.stringify(result.structuredContent)}`);
		assert.deepEqual(JSON.parse(textOf(result)), result.structuredContent, `${tool}: the text is the structure's`);
	}

	/** A call that the platform, or the gateway, refuses with this class; returns what the caller reads. */
	async fails(tool, args, failure, words = /./) {
		const result = await this.call(tool, args);
		const text = textOf(result);
		assert.equal(result.isError, true, `${tool} should fail: ${text}`);
		assert.equal(result.structuredContent, undefined, text);
		assert.match(text, new RegExp(`^${failure}\\b`), tool);
		assert.match(text, words, tool);
		return text;
	}

	/** A call whose credential the platform takes no more: the caller hears that, as of any upstream. */
	disconnected(tool, args = {}) {
		return this.fails(tool, args, `${this.upstream}: the server refused the credential`);
	}

	/** A call whose arguments are wrong: nothing is asked of the platform. */
	async refuses(tool, args, words = /./) {
		const before = this.platform.seen.length;
		const text = await this.call(tool, args).then((result) => (result.isError ? textOf(result) : assert.fail(`${tool} took ${JSON.stringify(args)}`)), (error) => {
			if (error instanceof assert.AssertionError) throw error;
			return error.message;
		});
		assert.match(text, words, tool);
		assert.equal(this.platform.seen.length, before, `${tool}: the platform was asked although the arguments were wrong`);
		return text;
	}

	/** All elements of a list, page by page to the end; `onPage` sees each page. */
	async pages(tool, args, member, onPage = () => {}) {
		const items = [];
		let cursor;
		for (let number = 0; number < PAGES_MAX; number++) {
			const page = await this.ok(tool, cursor === undefined ? args : { ...args, cursor });
			items.push(...page[member]);
			onPage(page, number);
			if (page.next_cursor === null || page.next_cursor === undefined) return items;
			cursor = page.next_cursor;
		}
		throw new Error(`${tool}: no end after ${PAGES_MAX} pages`);
	}

	/** What publishes is sent once: whatever becomes of the answer, the caller hears that the outcome is unknown, and nobody sends again.
	 *   args   of the n-th call: no two are the same
	 *   at     the route that publishes */
	async sentOnce(tool, args, at) {
		for (const [n, how] of ['lost', 'cut', 'html', 'garbage'].entries()) {
			const before = this.platform.asked(at).length;
			this.platform.fault({ at, how, status: 502 });
			await this.fails(tool, args(n), 'unknown_outcome');
			assert.equal(this.platform.asked(at).length, before + 1, `${tool}: sent again after its answer was ${how}`);
		}
	}

	/** What every tool of a connector has; `kinds`: the tools of each kind, all of them. */
	async conventions(kinds) {
		const names = Object.values(kinds).flat().map((tool) => this.nameOf(tool));
		assert.deepEqual([...this.tools.keys()].filter((name) => name.startsWith(`${this.upstream}_`)).sort(), names.sort());
		for (const [kind, tools] of Object.entries(kinds)) {
			for (const tool of tools) await this.#convention(tool, kind);
		}
	}

	async #convention(tool, kind) {
		const { title, description, inputSchema, outputSchema, annotations } = this.definition(tool);
		assert.ok(title?.length > 2, `${tool} has no title`);
		assert.ok(description?.length > 40, `${tool} is not described`);
		assert.deepEqual(Object.fromEntries(HINTS.map((hint) => [hint, annotations?.[hint]])), TOOLS[kind], `${tool} is a ${kind}`);
		assert.equal(inputSchema.additionalProperties, false, `${tool} takes anything`);
		assert.equal(outputSchema?.type, 'object', `${tool} does not say what it gives`);
		for (const [name, schema] of Object.entries(inputSchema.properties ?? {})) assert.ok(schema.description ?? schema.anyOf ?? schema.oneOf, `${tool}: ${name} is not described`);
		await this.refuses(tool, { there_is_no_such_argument: 1 });
		if (inputSchema.required?.length > 0) await this.refuses(tool, {}, new RegExp(inputSchema.required.join('|')));
		assert.equal(inputSchema.properties?.idempotency_key !== undefined, !kind.startsWith('read'), `${tool}: idempotency_key`);
	}
}

/** A connector at a provider of accounts (lib/provider.mjs), used as `ada`, who has connected hers. Options as below. */
export async function startConnected(t, use, provider, { auth = {}, ...options } = {}) {
	const { authorize, token, revoke, identity } = provider.endpoints;
	const it = await startConnector(t, use, {
		auth: {
			type: 'oauth', each: 'user', issuer: provider.issuer, authorize_url: authorize, token_url: token, revoke_url: revoke, client_id: provider.client.id, client_secret: provider.client.secret,
			identity: { url: identity, id: '/data/user/id', name: '/data/user/name' }, ...auth,
		},
		...options,
	});
	const ada = await makeUser(it.gateway, { email: 'ada@acme.example' });
	it.gateway.keys.ada = (await it.gateway.cliJson('key', 'create', '--tenant', 'acme', '--user', ada.id)).key;
	const hers = await it.as('ada');
	const { page } = await connectAccount(it.gateway, { upstream: it.upstream, person: ada });
	assert.equal(page.answer.status, 200, page.html);
	return hers;
}

/** Set the credential of a tenant's upstream; takes effect within half a second, at once before the gateway starts. */
export async function setSecret(gateway, upstream, secret, tenant = 'acme') {
	const ended = await run(binary, ['credential', 'set', '--tenant', tenant, '--upstream', upstream, '--config', gateway.configFile], { cwd: gateway.root, input: `${secret}\n` });
	assert.equal(ended.code, 0, ended.stderr);
}

/** A gateway with one upstream that is the built-in connector `use`, or the one in `file`. Options:
 *   platform      its address becomes setting `base`; its complaints fail calls
 *   settings, auth, connector, more  of the upstream, beside the usual
 *   secret        the credential of each of the gateway's tenants, for each of `connector.accounts`
 *   upstream      its name, `use` by default
 *   gateway       more options of startGateway */
export async function startConnector(t, use, { platform, settings = {}, auth, connector = {}, more = {}, secret, upstream = use, gateway: options = {} } = {}) {
	const section = { connector: { use, settings: { ...(platform === undefined ? {} : { base: platform.url }), ...settings }, allow_private: true, ...connector }, breaker_failures: 10000, ...more }; // tests break it on purpose
	const gateway = await prepareGateway(t, { workers: 1, upstreams: { [upstream]: { ...section, ...(auth === undefined ? {} : { auth }) } }, ...options, config: { media: { allow_private: true }, ...options.config } });
	const places = connector.accounts === undefined ? [upstream] : Object.keys(connector.accounts).map((account) => `${upstream}.${account}`);
	for (const tenant of secret === undefined ? [] : Object.keys(gateway.keys)) for (const place of places) await setSecret(gateway, place, secret, tenant);
	await gateway.start();
	return new Connector(gateway, platform, upstream).connect(t);
}

/** Files by their paths at a loopback address: {url, seen}. Each is {body, type}. */
export async function startFiles(t, files) {
	const seen = [];
	const server = http.createServer((req, res) => {
		const found = files[req.url];
		seen.push(`${req.method} ${req.url}`);
		if (found === undefined) {
			res.writeHead(404).end();
			return;
		}
		res.writeHead(200, { 'content-type': found.type, 'content-length': found.body.length });
		res.end(req.method === 'HEAD' ? undefined : found.body);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return { seen, url: `http://127.0.0.1:${server.address().port}` };
}

/** Upload a file to the gateway; its upload_id. */
export async function upload(gateway, body, { type = 'application/octet-stream', name = 'file' } = {}) {
	const answer = await request(gateway, { path: `/media?name=${encodeURIComponent(name)}`, headers: { 'x-api-key': gateway.key, 'content-type': type }, body });
	assert.equal(answer.status, 201, answer.text);
	return answer.json.upload_id ?? answer.json.id;
}

/** One picture, film or document by each of the three ways: [name, argument]. `bytes` are what the platform has to get. */
export async function mediaWays(t, gateway, body, type, name) {
	const files = await startFiles(t, { [`/${name}`]: { body, type } });
	return [
		['url', { url: `${files.url}/${name}` }],
		['upload_id', { upload_id: await upload(gateway, body, { type, name }) }],
		['base64', { base64: body.toString('base64'), mime: type }],
	];
}

/** The smallest files that are what they say they are, for sniffers. */
export const SAMPLES = {
	png: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64'),
	jpeg: Buffer.concat([Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'), Buffer.from('ffd9', 'hex')]),
	gif: Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
	/** A film of so many bytes: a header that says MP4, and noise that is the same each time. */
	mp4(size) {
		const body = Buffer.alloc(size);
		for (let at = 0, seed = 1; at < size; at++) {
			seed = (seed * 1103515245 + 12345) & 0x7fffffff;
			body[at] = seed >> 16;
		}
		Buffer.from('000000186674797069736f6d0000020069736f6d6d703431', 'hex').copy(body);
		return body;
	},
};
