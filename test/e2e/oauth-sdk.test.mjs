// The official clients sign in by themselves: discovery, registration, login, consent, token, refresh, and the way back
// after everything was revoked. Only the browser is a script.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import * as v2 from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError as UnauthorizedV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { Browser } from './lib/browser.mjs';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { makeUser } from './lib/people.mjs';
import { sql } from './lib/sqlite.mjs';
import { timed, until } from './lib/wait.mjs';

const file = scope(after);
const gateway = await startGateway(file, {
	upstreams: { fx: stdioFixture() },
	limits: { per_auth: 'off' },
	config: { toolsets: { billing: { include: ['fx.*'] } } },
});
const ann = await makeUser(gateway, { email: 'ann@acme.example' });
const origin = `http://127.0.0.1:${gateway.port}`;
const database = `${gateway.data}/gatehouse.db`;

/** An OAuthClientProvider that keeps everything in memory and remembers where it was sent. */
class Provider {
	constructor(over = {}) {
		this.over = over;
		this.kept = {};
		this.sent = [];
	}

	get redirectUrl() {
		return 'http://localhost:8090/callback';
	}

	get clientMetadata() {
		return { client_name: 'Official client', redirect_uris: [this.redirectUrl], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
			token_endpoint_auth_method: 'none', ...this.over };
	}

	state() {
		return this.kept.state = crypto.randomUUID();
	}

	clientInformation() {
		return this.kept.client;
	}

	saveClientInformation(client) {
		this.kept.client = client;
	}

	tokens() {
		return this.kept.tokens;
	}

	saveTokens(tokens) {
		this.kept.tokens = tokens;
	}

	redirectToAuthorization(url) {
		this.sent.push(url);
	}

	saveCodeVerifier(verifier) {
		this.kept.verifier = verifier;
	}

	codeVerifier() {
		return this.kept.verifier;
	}

	saveDiscoveryState(state) {
		this.kept.discovery = state;
	}

	discoveryState() {
		return this.kept.discovery;
	}

	invalidateCredentials(what) {
		if (what === 'all' || what === 'client') delete this.kept.client;
		if (what === 'all' || what === 'tokens') delete this.kept.tokens;
		if (what === 'all' || what === 'verifier') delete this.kept.verifier;
		if (what === 'all' || what === 'discovery') delete this.kept.discovery;
	}
}

const LINES = {
	'SDK v1': { Client: ClientV1, Transport: TransportV1, Unauthorized: UnauthorizedV1, options: [undefined] },
	'SDK v2': { Client: v2.Client, Transport: v2.StreamableHTTPClientTransport, Unauthorized: v2.UnauthorizedError, options: [{ versionNegotiation: { mode: 'auto' } }] },
};

for (const [name, { Client, Transport, Unauthorized, options: [options] }] of Object.entries(LINES)) {
	const attempt = async (provider, path = '/mcp') => {
		const transport = new Transport(new URL(origin + path), { authProvider: provider });
		const client = new Client({ name: 'test', version: '1' }, options);
		try {
			await client.connect(transport);
			return { client, transport };
		} catch (error) {
			if (!(error instanceof Unauthorized)) throw error;
			return { unauthorized: true, transport };
		}
	};
	/** Connect, sign in when sent to the browser, connect again. */
	const connect = async (provider, path, browser = new Browser()) => {
		const first = await attempt(provider, path);
		if (!first.unauthorized) return first;
		const left = await browser.authorize(provider.sent.at(-1), ann);
		assert.equal(left.searchParams.get('state'), provider.kept.state);
		assert.equal(left.searchParams.get('iss'), origin);
		await first.transport.finishAuth(left.searchParams.size > 0 && Transport === TransportV1 ? left.searchParams.get('code') : left.searchParams);
		const second = await attempt(provider, path);
		assert.ok(!second.unauthorized, 'signed in, and refused all the same');
		return second;
	};
	const call = async ({ client }, tool = 'fx_echo') => (await client.callTool({ name: tool, arguments: { text: 'hello' } })).isError ?? false;

	test(`${name}: from nothing to a call`, async () => {
		const provider = new Provider();
		const connection = await connect(provider);
		assert.equal(provider.sent.length, 1);
		assert.equal(provider.sent[0].searchParams.get('resource'), `${origin}/mcp`);
		assert.ok((await connection.client.listTools()).tools.length > 0);
		assert.equal(await call(connection), false);
		await connection.client.close();
		const [row] = await sql(database, "SELECT principal FROM audit WHERE event = 'mcp.tool_called' OR event = 'tool.call' ORDER BY seq DESC LIMIT 1");
		assert.equal(row.principal, JSON.parse(Buffer.from(provider.kept.tokens.access_token.split('.')[1], 'base64url')).sub);
	});

	test(`${name}: a toolset is a resource of its own`, async () => {
		const provider = new Provider();
		const connection = await connect(provider, '/mcp/billing');
		assert.equal(provider.sent[0].searchParams.get('resource'), `${origin}/mcp/billing`);
		assert.equal(await call(connection), false);
		await connection.client.close();
		// Its token is for nothing else.
		const answer = await fetch(`${origin}/mcp`, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${provider.kept.tokens.access_token}`, 'content-type': 'application/json' } });
		assert.equal(answer.status, 401);
		assert.match(answer.headers.get('www-authenticate'), /error="invalid_token"/);
	});

	test(`${name}: a token that is no good any more is refreshed without anybody noticing`, async () => {
		const provider = new Provider();
		const connection = await connect(provider);
		const before = provider.kept.tokens;
		provider.kept.tokens = { ...before, access_token: `${before.access_token.slice(0, -8)}AAAAAAAA` };
		assert.equal(await call(connection), false);
		assert.notEqual(provider.kept.tokens.refresh_token, before.refresh_token);
		assert.equal(provider.sent.length, 1);
		await connection.client.close();
	});

	test(`${name}: after a revocation, within a second, the person is asked again and all is well`, async () => {
		const provider = new Provider();
		const connection = await connect(provider);
		assert.equal(await call(connection), false);
		const token = provider.kept.tokens.access_token;
		const revoked = await fetch(`${origin}/oauth/revoke`, { method: 'POST', body: new URLSearchParams({ token, client_id: provider.kept.client.client_id }) });
		assert.equal(revoked.status, 200);
		const { ms } = await timed(() => until('the token to be refused', async () =>
			(await fetch(`${origin}/mcp`, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' } })).status === 401, 3000));
		assert.ok(ms < 1000, `it took ${ms} ms`);
		await assert.rejects(call(connection), (error) => error instanceof Unauthorized || /unauthorized/i.test(error.message));
		await connection.client.close().catch(() => {});
		const again = await connect(provider);
		assert.equal(await call(again), false);
		await again.client.close();
	});

	test(`${name}: a client that is not known any more registers again`, async () => {
		const provider = new Provider();
		await (await connect(provider)).client.close();
		const first = provider.kept.client.client_id;
		await sql(database, 'DELETE FROM oauth_refresh', `DELETE FROM oauth_code WHERE client_id = '${first}'`, `DELETE FROM oauth_grant WHERE client_id = '${first}'`,
			`DELETE FROM oauth_client WHERE id = '${first}'`, 'UPDATE meta SET generation = generation + 1');
		await until('the token to be refused', async () => (await fetch(`${origin}/mcp`, { method: 'POST', body: '{}',
			headers: { authorization: `Bearer ${provider.kept.tokens.access_token}`, 'content-type': 'application/json' } })).status === 401, 3000);
		const connection = await connect(provider);
		assert.notEqual(provider.kept.client.client_id, first);
		assert.equal(await call(connection), false);
		await connection.client.close();
	});

	test(`${name}: with a secret`, async () => {
		const provider = new Provider({ token_endpoint_auth_method: 'client_secret_basic' });
		const connection = await connect(provider);
		assert.match(provider.kept.client.client_secret, /^ghs_/);
		assert.equal(await call(connection), false);
		await connection.client.close();
	});
}
