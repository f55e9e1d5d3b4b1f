// Whoever may make an upstream over the API may not make the gateway speak to its own inside, run programs or read files.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call } from '../lib/api.mjs';
import { startFixture } from '../lib/fixture.mjs';
import { startGateway } from '../lib/gateway.mjs';
import { modern } from '../lib/mcp.mjs';
import { until } from '../lib/wait.mjs';

const owned = async (t) => {
	const gateway = await startGateway(t, { upstreams: {} });
	return Object.assign(gateway, { owner: (await gateway.makeKey('acme', '--role', 'owner')).key });
};

const make = (gateway, name, document) => call(gateway, 'POST', '/tenants/self/upstreams', { key: gateway.owner, body: { name, document } });

test('no spelling of an inside address is asked for anything', async (t) => {
	const gateway = await owned(t);
	const server = await startFixture(t); // it is there, and would answer
	const hosts = {
		loopback: `127.0.0.1:${server.port}`, other: `127.7.7.7:${server.port}`, localhost: `localhost:${server.port}`, upper: `LOCALHOST:${server.port}`,
		v6: `[::1]:${server.port}`, mapped: `[::ffff:127.0.0.1]:${server.port}`, mappedhex: `[::ffff:7f00:1]:${server.port}`, zero: `0.0.0.0:${server.port}`,
		unspecified: `[::]:${server.port}`, decimal: `2130706433:${server.port}`, octal: `0177.0.0.1:${server.port}`, short: `127.1:${server.port}`,
		metadata: '169.254.169.254', private10: '10.0.0.1', private172: '172.16.0.1', private192: '192.168.0.1', cgnat: '100.64.0.1', unique: '[fd00::1]',
		linklocal: '[fe80::1]', nat64: '[64:ff9b::7f00:1]', sixtofour: '[2002:7f00:1::]', multicast: '224.0.0.1', broadcast: '255.255.255.255',
	};
	const taken = [];
	for (const [name, host] of Object.entries(hosts)) {
		const { status } = await make(gateway, name, { http: { url: `http://${host}/mcp` } });
		assert.ok(status === 201 || status === 400 || status === 422, `${name}: ${status}`);
		if (status === 201) taken.push(name);
	}
	for (const name of taken) {
		const { last_error: why } = await until(`${name} to fail`, async () => {
			const upstream = await gateway.upstream(name);
			return upstream?.state === 'down' && upstream;
		});
		assert.match(why, /private address|host name could not be resolved/, `${name}: ${why}`);
	}
	assert.deepEqual((await modern(gateway, 'tools/list')).message.result.tools, []);
});

test('no document runs a program, names a file or carries a credential', async (t) => {
	const gateway = await owned(t);
	const url = 'https://mcp.example/mcp';
	const documents = {
		program: { stdio: { command: '/bin/sh', args: ['-c', 'id'] } },
		shorthand: { stdio: '/bin/sh' },
		authority: { http: { url, ca: '/etc/passwd' } },
		certificate: { http: { url, cert: '/etc/ssl/cert.pem', key: '/etc/ssl/key.pem' } },
		inside: { http: { url, allow_private: true } },
		credential: { http: { url, headers: { Authorization: 'Bearer abcdefghijklmnopqrstuvwxyz0123456789' } } },
		key: { http: { url, headers: { 'X-Api-Key': 'abcdefghijklmnopqrstuvwxyz0123456789' } } },
		user: { http: { url: 'https://user:secret@mcp.example/mcp' } },
		scheme: { http: { url: 'file:///etc/passwd' } },
		smuggled: { http: { url, headers: { 'X-A': 'b\r\nHost: inside' } } },
		variable: { http: { url: 'https://${PATH}/mcp' } },
	};
	for (const [name, document] of Object.entries(documents)) {
		const { status, json, text } = await make(gateway, name, document);
		assert.ok(status === 400 || status === 422, `${name}: ${status} ${text}`);
		assert.match(json.type ?? json.title, /./, name);
	}
	assert.deepEqual((await call(gateway, 'GET', '/tenants/self/upstreams', { key: gateway.owner })).json.items, []);
	assert.deepEqual((await gateway.status()).upstreams, []);
});
