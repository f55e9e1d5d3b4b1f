// A server behind somebody else's authorization server, npm's oidc-provider: found by the server's own documents, the
// gateway registers itself, a person agrees, tokens are bound to a key of the gateway (DPoP), refresh tokens are used
// once each, and given back at the end.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { EmbeddedJWK, calculateJwkThumbprint, jwtVerify } from 'jose';
import { call } from './lib/api.mjs';
import { startCompany } from './lib/company.mjs';
import { Browser } from './lib/browser.mjs';
import { leave, makeLink } from './lib/connect.mjs';
import { startGateway } from './lib/gateway.mjs';
import { modern } from './lib/mcp.mjs';
import { Visitor, makeUser } from './lib/people.mjs';
import { until } from './lib/wait.mjs';

const PEOPLE = { ada: { email: 'ada@acme.example', email_verified: true, name: 'Ada Lovelace' } };
const CACHED = { ttlMs: 60000, cacheScope: 'public' };
const RESULTS = {
	'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo: { name: 'notes', version: '1' }, ...CACHED },
	'tools/list': { tools: [{ name: 'whoami', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }], ...CACHED },
};

/** RFC 9449 section 4.3, of one request. */
async function proves(request, url, text, jkt, seen) {
	const { payload, protectedHeader } = await jwtVerify(request.headers.dpop ?? '', EmbeddedJWK, { typ: 'dpop+jwt', maxTokenAge: 60 });
	assert.equal(await calculateJwkThumbprint(protectedHeader.jwk), jkt);
	assert.deepEqual([payload.htm, payload.htu, payload.ath], [request.method, url, createHash('sha256').update(text).digest('base64url')]);
	assert.ok(!seen.has(payload.jti), 'a proof came twice');
	seen.add(payload.jti);
}

/** A server that believes tokens of the company for itself, and says by its documents where they are. */
async function startNotes(t) {
	const notes = { calls: [], schemes: new Set(), proofs: new Set(), tokens: [], company: null };
	const server = http.createServer(async (request, response) => {
		const pieces = [];
		for await (const piece of request) pieces.push(piece);
		const say = (status, value, headers = {}) => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
		if (request.url === '/.well-known/oauth-protected-resource/mcp') return say(200, { resource: notes.url, authorization_servers: [notes.company.issuer], scopes_supported: ['notes'] });
		const [, scheme, text] = /^(Bearer|DPoP) (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
		const token = text === undefined ? undefined : await notes.company.provider.AccessToken.find(text);
		let good = token !== undefined && token.aud === notes.url && (scheme === 'DPoP') === (token.jkt !== undefined);
		if (good && scheme === 'DPoP') good = await proves(request, notes.url, text, token.jkt, notes.proofs).then(() => true, (error) => !(notes.error = error));
		if (!good) return say(401, { error: 'no' }, { 'www-authenticate': `${scheme ?? 'Bearer'} resource_metadata="${new URL('/.well-known/oauth-protected-resource/mcp', notes.url)}", scope="notes"` });
		notes.schemes.add(scheme);
		notes.tokens.push(text);
		const message = request.method === 'POST' ? JSON.parse(Buffer.concat(pieces)) : {};
		if (message.id === undefined) return say(request.method === 'POST' ? 202 : 405, {});
		if (message.method === 'tools/call') notes.calls.push(token.accountId);
		const result = message.method === 'tools/call' ? { content: [{ type: 'text', text: token.accountId }] } : RESULTS[message.method];
		if (result === undefined) return say(404, { jsonrpc: '2.0', id: message.id, error: { code: -32601, message: 'Method not found' } });
		return say(200, { jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', ...result } });
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return Object.assign(notes, { url: `http://127.0.0.1:${server.address().port}/mcp` });
}

async function start(t, { lifeS = 600 } = {}) {
	const notes = await startNotes(t);
	const company = await startCompany(t, {
		people: PEOPLE,
		scopes: ['openid', 'offline_access', 'notes'],
		rotateRefreshToken: true,
		ttl: { AccessToken: lifeS, RefreshToken: 86400, Interaction: 600, Session: 600, Grant: 86400, AuthorizationCode: 60 },
		issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
		features: {
			devInteractions: { enabled: false },
			registration: { enabled: true },
			revocation: { enabled: true },
			resourceIndicators: {
				enabled: true,
				defaultResource: () => undefined,
				useGrantedResource: () => true,
				getResourceServerInfo: (ctx, resource) => ({ scope: 'notes', audience: resource, accessTokenFormat: 'opaque' }),
			},
		},
	});
	notes.company = company;
	company.next = 'ada';
	const gateway = await startGateway(t, { tenants: ['acme'], upstreams: { notes: { http: { url: notes.url }, auth: { type: 'oauth', each: 'tenant' } } }, settle: false });
	const owner = await makeUser(gateway, { email: 'owner@acme.example', role: 'owner' });
	return { notes, company, gateway, owner };
}

async function connect({ company, gateway, owner }) {
	const browser = new Browser();
	const link = await makeLink(gateway, { upstream: 'notes' });
	let location = String(await leave(browser, link.url, owner));
	const there = new Visitor(company.issuer);
	for (let i = 0; i < 8 && new URL(location, company.issuer).origin === company.issuer; i++) {
		const answer = await there.get(location);
		assert.ok(answer.location, answer.text);
		({ location } = answer);
	}
	return browser.visit(location);
}

const whoami = (gateway) => modern(gateway, 'tools/call', { name: 'notes_whoami', arguments: {} });
const asked = (company, what) => company.requests.filter((one) => one === what).length;
const textOf = (answer) => answer.message?.result?.content?.[0]?.text;

test('from nothing known to an account that renews itself, and its end', async (t) => {
	const all = await start(t, { lifeS: 3 });
	const { notes, company, gateway } = all;
	const done = await connect(all);
	assert.equal(done.answer.status, 200, done.html);
	assert.equal(asked(company, 'POST /reg'), 1);
	await until('the tool', async () => textOf(await whoami(gateway)) === 'ada');
	assert.deepEqual([...notes.schemes], ['DPoP'], String(notes.error));
	assert.equal(notes.error, undefined);

	// each renewal uses up a refresh token: three in a row work only when each new one was kept; and no call notices
	await until('three renewals', async () => {
		const text = textOf(await whoami(gateway));
		if (text !== 'ada') throw Object.assign(new Error(text), { fatal: true });
		return new Set(notes.tokens).size === 4;
	});
	assert.equal(asked(company, 'POST /token'), 4);

	const key = (await gateway.makeKey('acme', '--role', 'owner')).key;
	const [row] = (await call(gateway, 'GET', '/tenants/acme/credentials', { key })).json.items;
	assert.deepEqual([row.kind, row.state], ['oauth', 'active']);
	const ended = await call(gateway, 'DELETE', `/tenants/acme/credentials/${row.id}`, { key });
	assert.ok(ended.status === 200 || ended.status === 204, ended.text);
	assert.equal(asked(company, 'POST /token/revocation'), 1);
	assert.notEqual(textOf(await whoami(gateway)), 'ada');
});

test('a consent that was taken back there is asked for again once, not tried again and again', async (t) => {
	const all = await start(t);
	const { notes, company, gateway } = all;
	await connect(all);
	await until('the tool', async () => textOf(await whoami(gateway)) === 'ada');
	const token = await company.provider.AccessToken.find(notes.tokens.at(-1));
	await token.destroy();
	await company.provider.Grant.adapter.destroy(token.grantId);
	const before = asked(company, 'POST /token');
	for (let i = 0; i < 3; i++) assert.match(JSON.stringify((await whoami(gateway)).message), /has to connect its account/);
	assert.equal(asked(company, 'POST /token'), before + 1);

	assert.equal((await connect(all)).answer.status, 200);
	await until('the account again', async () => textOf(await whoami(gateway)) === 'ada');
	assert.equal(asked(company, 'POST /reg'), 1, 'the registration was good all along');
});
