// Files of a fleet: each lies at one replica, and is found from the others; while its replica is away, it is said to be away.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startFleet } from './lib/cluster.mjs';
import { fileAddress } from './lib/files.mjs';
import { request } from './lib/raw.mjs';
import { until } from './lib/wait.mjs';

const PIECE = 64 * 1024;

test('a file is found from every replica', async (t) => {
	const fleet = await startFleet(t, { replicas: 2, config: { jobs: { media: 'every 1s' } } });
	const key = fleet.replicas[0].gateway.keys.acme;
	const ask = (number, method, file, body) => request({ port: fleet.replicas[number].port },
		{ method, path: file, headers: { ...(key === null ? {} : { 'x-api-key': key }), 'content-type': 'application/octet-stream' }, body });
	const bytes = randomBytes(3 * PIECE + 5);
	const stored = (number) => fs.readdirSync(path.join(fleet.replicas[number].gateway.data, 'media'));
	const begun = await ask(0, 'POST', `/media?size=${bytes.length}`, Buffer.alloc(0));
	const id = begun.json.upload_id;

	assert.equal(begun.status, 201, begun.text);
	assert.equal((await ask(1, 'PUT', `/media/${id}?offset=0`, bytes.subarray(0, PIECE))).json.received, PIECE);
	assert.equal((await ask(0, 'PUT', `/media/${id}?offset=${PIECE}`, bytes.subarray(PIECE, 2 * PIECE))).json.received, 2 * PIECE);
	const done = await ask(1, 'PUT', `/media/${id}?offset=${2 * PIECE}`, bytes.subarray(2 * PIECE));
	assert.deepEqual([done.json.complete, done.json.sha256], [true, createHash('sha256').update(bytes).digest('hex')], done.text);
	assert.deepEqual([stored(0), stored(1)], [[id], []]);

	const at = fileAddress(fleet.replicas[0].gateway, id);
	for (const number of [0, 1]) {
		assert.equal((await ask(number, 'GET', `/media/${id}`)).json.complete, true);
		assert.deepEqual((await ask(number, 'GET', at)).body, bytes);
		const part = await request({ port: fleet.replicas[number].port }, { method: 'GET', path: at, headers: { range: 'bytes=100-199' } });
		assert.deepEqual([part.status, part.headers['content-range']], [206, `bytes 100-199/${bytes.length}`]);
		assert.deepEqual(part.body, bytes.subarray(100, 200));
		assert.equal((await request({ port: fleet.replicas[number].port }, { method: 'HEAD', path: at, headers: {} })).headers['content-length'], String(bytes.length));
	}

	await t.test('its replica is away', async () => {
		await fleet.replicas[0].gateway.crash();
		const away = await until('the other replica to say so', async () => {
			const answer = await ask(1, 'GET', at);
			return answer.status === 503 ? answer : undefined;
		});
		assert.equal(away.json.error, 'MEDIA_AWAY');
		assert.equal((await ask(1, 'GET', `/media/${id}`)).status, 200);
		await fleet.replicas[0].restart();
		await until('the file to be there again', async () => (await ask(1, 'GET', at)).status === 200);
	});

	await t.test('deleted at the other one it is gone from the first one\'s disk', async () => {
		assert.equal((await ask(1, 'DELETE', `/media/${id}`)).status, 204);
		for (const number of [0, 1]) assert.equal((await ask(number, 'GET', at)).status, 404);
		await fleet.replicas[0].gateway.stop();
		await fleet.replicas[0].restart(); // it sweeps when it starts
		await until('the file to be swept', () => stored(0).length === 0);
	});
});
