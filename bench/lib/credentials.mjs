// One caller by three credentials: an API key, an issuer's JWT and an access token of the gateway's own. What each of
// them proves is kept once it is verified, so a call must cost the same with any of them.
import crypto from 'node:crypto';
import http from 'node:http';
import path from 'node:path';
import { loadArguments } from './cases.mjs';
import { startFixture } from './fixture.mjs';
import { launchGatehouse, prepareGatehouse, waitForTools } from './gatehouse.mjs';
import { run } from './processes.mjs';

const HOUR_S = 3600;

/** An issuer on loopback: its key set, and tokens. */
async function startIssuer() {
	const { privateKey, publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' };
	const server = http.createServer((_, answer) => answer.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] })));
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	server.unref();
	const issuer = `http://127.0.0.1:${server.address().port}`;
	const part = (object) => Buffer.from(JSON.stringify(object)).toString('base64url');
	const sign = (claims) => {
		const text = `${part({ alg: 'ES256', typ: 'JWT', kid: jwk.kid })}.${part(claims)}`;
		return `${text}.${crypto.sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
	};
	return { issuer, sign, close: () => server.close() };
}

/** A service account's own token, by client credentials. */
async function accessToken({ binary, config, port }) {
	const make = (...args) => JSON.parse(run(binary, [...args, '--tenant', 'bench', '--json', '--config', config]));
	const machine = make('service-account', 'create', '--name', 'bench', '--role', 'member');
	const client = make('client', 'create', '--name', 'bench', '--user-id', machine.id, '--grant-types', 'client_credentials', '--auth-method', 'client_secret_post');
	const answer = await fetch(`http://127.0.0.1:${port}/oauth/token`, {
		method: 'POST',
		body: new URLSearchParams({
			grant_type: 'client_credentials', client_id: client.id, client_secret: client.client_secret ?? client.secret,
			scope: 'mcp:read mcp:tools', resource: `http://127.0.0.1:${port}/mcp`,
		}),
	});
	const body = await answer.json();
	if (!body.access_token) throw new Error(`no access token: ${JSON.stringify(body)}`);
	return body.access_token;
}

/** The same call with each credential, at 64 connections. */
export async function credentialCases({ tools, root }) {
	const upstream = await startFixture({ binary: tools.fixture, cores: '1', args: ['--sessions', '--tools', '1'] });
	const issuer = await startIssuer();
	const prepared = await prepareGatehouse({
		binary: tools.gatehouse, root: path.join(root, 'auth'), upstreams: { bench: upstream.url },
		more: `issuers:\n  bench: { issuer: "${issuer.issuer}", jwks_uri: "${issuer.issuer}/keys", allow_private: true, claims: { tenant: bench, role: member } }`,
	});
	const gatehouse = await launchGatehouse(prepared, { cores: '0' });
	await waitForTools(gatehouse, 1);
	const now = Math.floor(Date.now() / 1000);
	const keys = {
		key: gatehouse.key,
		jwt: issuer.sign({ iss: issuer.issuer, sub: 'bench', aud: `http://127.0.0.1:${gatehouse.port}/mcp`, iat: now, exp: now + HOUR_S }),
		token: await accessToken(gatehouse),
	};
	const targets = {};
	for (const [name, key] of Object.entries(keys)) {
		const target = { ...gatehouse, key, prefix: 'bench_' };
		await waitForTools(target, 1);
		targets[name] = { args: loadArguments('call_250', 'modern', target), pid: gatehouse.pid, upstreamPid: upstream.pid };
	}
	return [{ name: 'auth.modern.64c', kind: 'auth', era: 'modern', connections: 64, targets }];
}
