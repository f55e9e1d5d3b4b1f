// Who guesses keys learns nothing: not from the answer, not from its time, and not for long.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, test } from 'node:test';
import { scope, startGateway } from '../lib/gateway.mjs';
import { modernBody, modernHeaders } from '../lib/mcp.mjs';
import { Connection, request, requestBytes } from '../lib/raw.mjs';

const file = scope(after);
const gateway = await startGateway(file, { upstreams: {} });
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const random = (n) => Array.from(crypto.randomBytes(n), (byte) => alphabet[byte % 64]).join('');

/** A key that agrees with `key` in its first n characters and not in the next. Its last character is the real one's, whose
 * low bits base64url wants to be zero. */
function keyWithPrefix(key, n) {
	const next = alphabet[(alphabet.indexOf(key[n]) + 1) % 64];
	return `${key.slice(0, n)}${next}${random(key.length - n - 2)}${key.at(-1)}`;
}

function listing(key) {
	return requestBytes(gateway, { headers: { ...modernHeaders(gateway, 'tools/list'), authorization: null, 'x-api-key': key }, body: JSON.stringify(modernBody('tools/list')) });
}

async function answer(connection, key) {
	const begun = process.hrtime.bigint();
	await connection.write(listing(key));
	const { status } = await connection.response();
	return { us: Number(process.hrtime.bigint() - begun) / 1000, status };
}

/** z of the rank-sum test: how unlikely it is that both samples come from one distribution. */
function rankSum(a, b) {
	const ranks = [...a.map((us) => [us, 0]), ...b.map((us) => [us, 1])].sort(([x], [y]) => x - y);
	const sum = ranks.reduce((total, [, which], at) => total + (which === 0 ? at + 1 : 0), 0);
	const mean = (a.length * (a.length + b.length + 1)) / 2;
	return (sum - mean) / Math.sqrt((mean * b.length) / 6);
}

test('the time of a refusal does not tell how much of a key was right', async () => {
	const connection = await Connection.open(gateway);
	const near = [], far = [];
	try {
		for (let i = 0; i < 1200; i++) {
			// Turn by turn, in an order that changes: what else the machine does happens to both alike.
			for (const close of i % 2 === 0 ? [true, false] : [false, true]) {
				const { us, status } = await answer(connection, close ? keyWithPrefix(gateway.key, 40) : keyWithPrefix(gateway.key, 3));
				assert.equal(status, 401);
				(close ? near : far).push(us);
			}
		}
	} finally {
		connection.destroy();
	}
	const z = rankSum(near.slice(50), far.slice(50));
	assert.ok(Math.abs(z) < 4.5, `z = ${z}: keys that share 40 characters with a real one are answered in another time than others`);
});

test('every wrong key gets the same answer', async () => {
	const { key: revoked, id } = await gateway.makeKey('acme');
	assert.equal((await gateway.cli('key', 'revoke', id)).code, 0);
	const wrong = {
		unknown: `gh_${random(42)}A`,
		near: keyWithPrefix(gateway.key, 40),
		short: gateway.key.slice(0, -1),
		long: `${gateway.key}A`,
		'another case': gateway.key.toUpperCase(),
		'not base64url': `gh_${'!'.repeat(43)}`,
		'an id': id,
		'a huge one': `gh_${'A'.repeat(9000)}`,
		revoked,
	};
	const seen = new Map();
	for (const [name, key] of Object.entries(wrong)) {
		for (const headers of [{ 'x-api-key': key }, { authorization: `Bearer ${key}` }]) {
			let refusal;
			do { // the revoked one works until the gateway has heard of it
				refusal = await request(gateway, { headers: { ...modernHeaders(gateway, 'tools/list'), authorization: null, 'x-api-key': null, ...headers }, body: JSON.stringify(modernBody('tools/list', {}, { id: 1 })) });
			} while (name === 'revoked' && refusal.status === 200);
			assert.equal(refusal.status, 401, name);
			seen.set(name, refusal.text.replace(/"id":\d+/, '').replace(/request [0-9A-Z]{26}/g, ''));
			assert.ok(!refusal.text.includes(key.slice(0, 12)), `${name} is repeated in the answer`);
		}
	}
	assert.equal(new Set(seen.values()).size, 1, JSON.stringify([...seen], null, 1));
});

test('a key in the URL is no key', async () => {
	for (const name of ['api_key', 'key', 'access_token', 'x-api-key', 'token']) {
		const { status } = await request(gateway, { path: `/mcp?${name}=${gateway.key}`, headers: { ...modernHeaders(gateway, 'tools/list'), authorization: null, 'x-api-key': null }, body: JSON.stringify(modernBody('tools/list')) });
		assert.equal(status, 401, name);
	}
	assert.ok(!gateway.stderr.includes(gateway.key), 'the key is in the log');
});
