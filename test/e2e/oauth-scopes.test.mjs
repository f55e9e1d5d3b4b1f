// What a token is good for: the endpoint it was given for, the scopes it was given with, as long as everything behind it
// lives; and how a client learns what it lacks.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { modern, modernCall } from './lib/mcp.mjs';
import { OAuth } from './lib/oauth.mjs';
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

async function signIn(over) {
	const oauth = new OAuth(gateway);
	await oauth.register();
	const tokens = await oauth.signIn(ann, over);
	return { oauth, tokens, target: { port: gateway.port, key: tokens.access_token } };
}

const list = (target, over = {}) => modern({ ...target, ...over }, 'tools/list', {});

test('a scope that is missing is named, with the way to get it', async () => {
	const { oauth, target } = await signIn({ scope: 'mcp:read' });
	assert.equal((await list(target)).status, 200);
	const refused = await modernCall(target, 'fx_echo', {});
	assert.equal(refused.status, 403, refused.text);
	const challenge = refused.headers['www-authenticate'];
	assert.match(challenge, /^Bearer error="insufficient_scope"/);
	assert.match(challenge, /scope="mcp:read mcp:tools"/);
	assert.match(challenge, /resource_metadata="[^"]+\/\.well-known\/oauth-protected-resource\/mcp"/);
	assert.doesNotThrow(() => JSON.parse(refused.text));
	// Asking again with what was named is enough.
	const more = await oauth.signIn(ann, { scope: /scope="([^"]+)"/.exec(challenge)[1] });
	assert.equal((await modernCall({ port: gateway.port, key: more.access_token }, 'fx_echo', {})).status, 200);
});

test('a token is for one endpoint', async () => {
	const { target } = await signIn();
	const other = await signIn({ resource: `${origin}/mcp/billing` });
	const at = (path) => ({ path });
	assert.equal((await list(target, at('/mcp'))).status, 200);
	assert.equal((await list(target, at('/mcp/'))).status, 200);
	assert.equal((await list(other.target, at('/mcp/billing'))).status, 200);
	for (const answer of [await list(target, at('/mcp/billing')), await list(other.target, at('/mcp'))]) {
		assert.equal(answer.status, 401);
		assert.match(answer.headers['www-authenticate'], /error="invalid_token"/);
	}
});

test('a token that was changed, or is not for calls, is none', async () => {
	const { tokens } = await signIn();
	const [head, payload, signature] = tokens.access_token.split('.');
	const claims = JSON.parse(Buffer.from(payload, 'base64url'));
	const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
	for (const token of [
		`${head}.${part({ ...claims, scope: 'api' })}.${signature}`,
		`${part({ alg: 'none' })}.${payload}.`,
		`${part({ alg: 'HS256', typ: 'at+jwt' })}.${payload}.${signature}`,
		`${head}.${payload}.`,
		`${head}.${payload}`,
		tokens.refresh_token,
	]) {
		const answer = await list({ port: gateway.port, key: token });
		assert.equal(answer.status, 401, token.slice(0, 40));
	}
	// Not in the query either.
	const query = await fetch(`${origin}/mcp?access_token=${tokens.access_token}`, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } });
	assert.equal(query.status, 401);
});

test('whatever ends the grant ends its tokens within a second', async () => {
	const ends = {
		'the user is disabled': ["UPDATE account SET disabled = 1 WHERE email = 'ann@acme.example'", "UPDATE account SET disabled = 0 WHERE email = 'ann@acme.example'"],
		'the tenant is disabled': ["UPDATE tenant SET disabled = 1 WHERE name = 'acme'", "UPDATE tenant SET disabled = 0 WHERE name = 'acme'"],
		'the client is disabled': ['UPDATE oauth_client SET disabled = 1', 'UPDATE oauth_client SET disabled = 0'],
		'the grant is revoked': ['UPDATE oauth_grant SET revoked_ms = 1'],
	};
	for (const [what, [end, mend]] of Object.entries(ends)) {
		const { target } = await signIn();
		assert.equal((await list(target)).status, 200);
		await sql(database, end, 'UPDATE meta SET generation = generation + 1');
		const { ms } = await timed(() => until(what, async () => (await list(target)).status === 401, 3000));
		assert.ok(ms < 1000, `${what}: it took ${ms} ms`);
		if (mend) await sql(database, mend, 'UPDATE meta SET generation = generation + 1');
		if (mend) await until('all is well again', async () => (await list(target)).status === 200, 3000);
	}
});
