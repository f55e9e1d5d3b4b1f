// The throw-away Redis or Valkey that other tests stand on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisServers, startRedis } from './lib/redis.mjs';
import { request } from './lib/raw.mjs';

for (const server of redisServers()) {
	test(`${server.name} answers, needs its password and forgets when it restarts`, async (t) => {
		const redis = await startRedis(t, { server });

		assert.equal(await redis.command('SET', 'name', 'väl\r\nue'), 'OK');
		assert.equal(await redis.command('GET', 'name'), 'väl\r\nue');
		assert.deepEqual(await redis.command('MGET', 'name', 'none'), ['väl\r\nue', null]);
		assert.equal(await redis.command('INCRBY', 'number', 41), 41);
		await assert.rejects(redis.command('NOSUCH'), /unknown command/);
		assert.match(redis.url, /^redis:\/\/127\.0\.0\.1:\d+\/0$/);
		await redis.restart();
		assert.equal(await redis.command('GET', 'name'), null);
		await redis.kill();
		await assert.rejects(request({ port: redis.port }, { method: 'GET', path: '/' }), /ECONNREFUSED/);
		await redis.start();
		assert.equal(await redis.command('PING'), 'PONG');
	});
}
