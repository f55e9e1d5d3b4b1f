// Connectors as upstreams: a file of one's own beside the configuration, its settings and accounts, credentials of tenants and of
// people, what publishes and is sent once, also when the gateway is killed; and that all that holds for servers holds for them.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Tickets, connectorFile } from '../fixtures/platforms/tickets.mjs';
import { call } from './lib/api.mjs';
import { connectAccount } from './lib/connect.mjs';
import { setSecret } from './lib/connector.mjs';
import { prepareGateway } from './lib/gateway.mjs';
import { modern, modernCall, modernStream, openSession } from './lib/mcp.mjs';
import { binary } from './lib/paths.mjs';
import { makeUser } from './lib/people.mjs';
import { run } from './lib/process.mjs';
import { startProvider } from './lib/provider.mjs';
import { until } from './lib/wait.mjs';

/** The file, before there is a gateway: its first commands read the configuration already. */
function fileFor(t, text = connectorFile()) {
	const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-connector-'));
	const file = path.join(directory, 'tickets.yaml');
	t.after(() => fs.rmSync(directory, { recursive: true }));
	fs.writeFileSync(file, text);
	return file;
}

const resultOf = (answer) => answer.message.result ?? assert.fail(answer.text);
const textOf = (answer) => resultOf(answer).content.map(({ text }) => text).join('\n');

async function done(answer) {
	const result = resultOf(await answer);
	assert.notEqual(result.isError, true, JSON.stringify(result));
	return result.structuredContent;
}

async function listed(target) {
	const answer = await modern(target, 'tools/list');
	return answer.message.result.tools.map(({ name }) => name).sort();
}

/** An upstream of the file; `connector` overrides. */
const upstream = (platform, file, { settings = {}, auth, ...connector } = {}) => ({
	connector: { file, settings: { base: platform.url, project: 'SHOP', ...settings }, ...connector },
	...(auth === undefined ? {} : { auth }),
});

async function start(t, { upstreams, secret = true, ...options } = {}) {
	const file = fileFor(t);
	const platform = await new Tickets().start(t);
	const gateway = await prepareGateway(t, { workers: 2, upstreams: upstreams?.(platform, file) ?? { tickets: upstream(platform, file) }, ...options });
	if (secret) await setSecret(gateway, 'tickets', platform.token);
	await gateway.start();
	await until('its tools', async () => (await listed(gateway)).length > 0);
	return { platform, gateway, file };
}

test('a file of one\'s own: its tools are listed, called, paged, audited, narrowed and limited like any server\'s', async (t) => {
	const { platform, gateway } = await start(t, { config: { toolsets: { readers: { include: ['tickets.list_*'] } } } });

	assert.deepEqual(await listed(gateway), ['tickets_create_ticket', 'tickets_list_tickets', 'tickets_whoami']);
	assert.deepEqual(await listed({ ...gateway.as('acme'), path: '/mcp/readers' }), ['tickets_list_tickets']);
	assert.deepEqual(await done(modernCall(gateway, 'tickets_whoami')), { id: 'ada', name: 'ada of tickets' });
	const session = await openSession(gateway);
	assert.deepEqual(await done(session.call('tickets_whoami')), { id: 'ada', name: 'ada of tickets' });

	const titles = [];
	for (let cursor; cursor !== null;) {
		const page = await done(modernCall(gateway, 'tickets_list_tickets', cursor === undefined ? {} : { cursor }));
		titles.push(...page.tickets.map(({ title }) => title));
		cursor = page.next_cursor;
	}
	assert.deepEqual(titles, [1, 2, 3, 4, 5].map((n) => `ticket ${n}`));

	const refused = await modernCall(gateway, 'tickets_create_ticket', { title: '' });
	assert.equal(platform.asked('POST').length, 0, refused.text);
	platform.refuse('GET /me', 403, { error: 'not for you' });
	const failed = await modernCall(gateway, 'tickets_whoami');
	assert.equal(resultOf(failed).isError, true);
	assert.match(textOf(failed), /^permission: .*not for you/);

	const owner = (await gateway.makeKey('acme', '--role', 'owner')).key;
	const trail = await call(gateway, 'GET', '/tenants/acme/audit?limit=100', { key: owner });
	const rows = trail.json.items.filter(({ target }) => target === 'tickets_whoami' || target === 'tickets.whoami');
	assert.deepEqual(rows.map(({ event, outcome }) => `${event} ${outcome}`).sort(), ['mcp.tool_called ok', 'mcp.tool_called ok', 'mcp.tool_failed tool_error']);
	assert.equal((await gateway.upstream('tickets')).state, 'up');
	platform.satisfied();
});

test('what is wrong with settings, accounts and files is said with line and column', async (t) => {
	const gateway = await prepareGateway(t, {});
	const wrong = [
		['connector: { file: ./tickets.yaml, settings: { project: SHOP, projct: x } }', /gatehouse\.yaml:3:\d+: .*"projct" is no setting of tickets; there are: base, project/],
		['connector: { file: ./tickets.yaml }', /gatehouse\.yaml:3:\d+: the setting `project` is needed/],
		['connector: { file: ./tickets.yaml, settings: { project: shop } }', /gatehouse\.yaml:3:\d+: project: must match/],
		['connector: { file: ./tickets.yaml, settings: { project: SHOP, base: "ftp://x" } }', /gatehouse\.yaml:3:\d+: base: must be an http or https URL/],
		['connector: { file: ./tickets.yaml, accounts: { a: { project: SHOP }, b: } }', /gatehouse\.yaml:3:\d+: account b: the setting `project` is needed/],
		['connector: { file: ./tickets.yaml, accounts: { a.b: { project: SHOP } } }', /gatehouse\.yaml:3:\d+: .*an account's name/],
		['connector: { file: ./nothing.yaml }', /gatehouse\.yaml:3:\d+: file: there is no .*nothing\.yaml/],
		['connector: { file: ./broken.yaml }', /broken\.yaml:\d+:\d+: /],
		['connector: { use: nobody }', /gatehouse\.yaml:3:\d+: use: "nobody" is not built in/],
		['connector: { use: nobody, file: ./tickets.yaml }', /gatehouse\.yaml:3:\d+: connector: needs one of/],
		['connector: { use: twitter }', /gatehouse\.yaml:3:5: auth: .*`client_id`/],
		['connector: {}', /gatehouse\.yaml:3:\d+: connector: needs one of/],
		['connector: { file: ./tickets.yaml, settings: { project: SHOP } }\n    auth: { type: basic }', /gatehouse\.yaml:4:\d+: auth: this connector signs in with type bearer, oauth/],
		['connector: { file: ./tickets.yaml, settings: { project: SHOP } }\n    http: "http://127.0.0.1:1/"', /gatehouse\.yaml:\d+:\d+: an upstream needs one of/],
		['http: "http://127.0.0.1:1/"\n    auth: { type: secret }', /gatehouse\.yaml:\d+:\d+: auth: type `secret` is for connectors/],
	];

	fs.writeFileSync(path.join(gateway.root, 'tickets.yaml'), connectorFile());
	fs.writeFileSync(path.join(gateway.root, 'broken.yaml'), 'connector: broken\ntools: 5\n');
	for (const [text, words] of wrong) {
		gateway.writeConfig(`upstreams:\n  tickets:\n    ${text}\n`);
		const ended = await gateway.cli('check');
		assert.equal(ended.code, 1, text);
		assert.match(ended.stderr, words, text);
	}
});

test('accounts: each with settings and a credential of its own, named by an argument', async (t) => {
	const platform = await new Tickets().start(t);
	platform.tokens = { 'token-of-sales': 'sales', 'token-of-support': 'support' };
	platform.tickets.push({ id: 6, project: 'HELP', title: 'help' });
	const gateway = await prepareGateway(t, { upstreams: { tickets: { connector: { file: fileFor(t), settings: { base: platform.url }, accounts: { sales: { project: 'SHOP' }, support: { project: 'HELP' } } } } } });
	await setSecret(gateway, 'tickets.sales', 'token-of-sales');
	await gateway.start();
	await until('its tools', async () => (await listed(gateway)).length > 0);

	const { tools } = (await modern(gateway, 'tools/list')).message.result;
	const whoami = tools.find(({ name }) => name === 'tickets_whoami');
	assert.deepEqual(whoami.inputSchema.properties.account.enum, ['sales', 'support']);
	assert.equal((await done(modernCall(gateway, 'tickets_whoami', { account: 'sales' }))).id, 'sales');
	assert.match(textOf(await modernCall(gateway, 'tickets_whoami', { account: 'support' })), /CREDENTIAL|credential|account/);
	assert.equal(platform.asked('GET /me').length, 1, 'nobody is asked without a credential');
	await setSecret(gateway, 'tickets.support', 'token-of-support');
	await until('the other account', async () => resultOf(await modernCall(gateway, 'tickets_whoami', { account: 'support' })).structuredContent?.id === 'support');
	assert.equal((await done(modernCall(gateway, 'tickets_list_tickets', { account: 'support' }))).tickets[0].title, 'help');
	for (const args of [{}, { account: 'nobody' }]) {
		const before = platform.seen.length;
		assert.match((await modernCall(gateway, 'tickets_whoami', args)).text, /account/);
		assert.equal(platform.seen.length, before);
	}
	platform.satisfied();
});

test('people\'s own accounts at an OAuth provider: a link for who has none, the token for who has', async (t) => {
	const provider = await startProvider(t, {});
	const { authorize, token } = provider.endpoints;
	const auth = { type: 'oauth', each: 'user', authorize_url: authorize, token_url: token, client_id: provider.client.id, client_secret: provider.client.secret, scope: 'read' };
	const { platform, gateway } = await start(t, { secret: false, upstreams: (platform, file) => ({ tickets: upstream(platform, file, { auth }) }) });
	const ada = await makeUser(gateway, { email: 'ada@acme.example' });
	const target = { port: gateway.port, key: (await gateway.cliJson('key', 'create', '--tenant', 'acme', '--user', ada.id)).key };

	const none = textOf(await modernCall(target, 'tickets_whoami'));
	const link = /http:\/\/127\.0\.0\.1:\d+\/auth\/tickets\/start\?ticket=[\w-]{43}/.exec(none)?.[0];
	assert.ok(link, none);
	assert.equal(platform.seen.length, 0);
	platform.authorize = () => undefined;
	platform.table.find(({ name }) => name === 'GET /me').answer = ({ headers }) => ({ status: provider.good(/^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]) ? 200 : 401, headers: { 'content-type': 'application/json' }, body: '{"id":"u1","name":"Ada L."}' });
	await connectAccount(gateway, { upstream: 'tickets', person: ada, link: { url: link } });
	await until('the account', async () => resultOf(await modernCall(target, 'tickets_whoami')).structuredContent?.id === 'u1');
	await done(modernCall(target, 'tickets_create_ticket', { title: 'mine' }));
	assert.equal(platform.asked('POST').at(-1).json.by, 'Ada L.', 'who the account is can be named');
	platform.satisfied();
});

test('an idempotency key: the same call twice is one ticket; another call with it is refused', async (t) => {
	const { platform, gateway } = await start(t);
	const first = await done(modernCall(gateway, 'tickets_create_ticket', { title: 'once', idempotency_key: 'k-1' }));
	assert.deepEqual(await done(modernCall(gateway, 'tickets_create_ticket', { title: 'once', idempotency_key: 'k-1' })), first);
	assert.equal(platform.asked('POST').length, 1);
	await done(modernCall(gateway, 'tickets_create_ticket', { title: 'once' }));
	assert.equal(platform.asked('POST').length, 2, 'without a key it is another ticket');
	platform.satisfied();
});

test('killed between the request that publishes and its answer: the next one hears that the outcome is unknown', async (t) => {
	const { platform, gateway } = await start(t, { limits: { request_timeout: '3s' } });
	const calls = [{ title: 'with a key', idempotency_key: 'k-2' }, { title: 'without' }];
	const before = platform.asked('POST').length;
	platform.fault({ at: 'POST', how: 'held', times: calls.length });
	const cut = calls.map((args) => modernCall(gateway, 'tickets_create_ticket', args).catch(() => undefined));
	await until('the platform to have them', () => platform.asked('POST').length === before + calls.length);
	await gateway.crash();
	await Promise.all(cut);
	platform.clearFaults();
	await gateway.start();
	await until('its tools', async () => (await listed(gateway)).length > 0);
	for (const args of calls)
		await until('the gateway to be sure', async () => /^unknown_outcome/.test(textOf(await modernCall(gateway, 'tickets_create_ticket', args))), 20_000);
	assert.equal(platform.asked('POST').length, before + calls.length, 'they are not sent again');
});

test('an edited file: who listens is told, what did not change goes on', async (t) => {
	const { platform, gateway, file } = await start(t, { upstreams: (platform, file) => ({ tickets: upstream(platform, file), other: upstream(platform, file) }) });
	const listen = await modernStream(gateway, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 9 });
	t.after(() => listen.connection.destroy());
	await listen.next();
	const states = () => gateway.logged(({ event }) => event === 'upstream.state').length;
	const before = states();

	assert.equal((await gateway.reload()).code, 0);
	assert.equal(states(), before, 'nothing has changed');
	fs.writeFileSync(file, connectorFile({ tool: 'find_tickets' }));
	assert.equal((await gateway.reload()).code, 0);
	await listen.next(({ method }) => method === 'notifications/tools/list_changed');
	await until('the other name', async () => (await listed(gateway)).includes('tickets_find_tickets'));
	assert.ok(!(await listed(gateway)).includes('tickets_list_tickets'));

	fs.writeFileSync(file, 'connector: tickets\n');
	const refused = await gateway.reload();
	assert.equal(refused.code, 1);
	assert.match(refused.stderr, /tickets\.yaml:/);
	assert.deepEqual(await done(modernCall(gateway, 'tickets_whoami')), { id: 'ada', name: 'ada of tickets' });
	platform.satisfied();
});

test('a platform that is down is left alone after some failures, and only it', async (t) => {
	const { platform, gateway } = await start(t, { upstreams: (platform, file) => ({ tickets: { ...upstream(platform, file), breaker_failures: 2, breaker_rest: '300ms' } }) });
	platform.fault({ at: 'GET /me', how: 'refuse', status: 503, times: 100, json: { error: 'down' } });
	await until('it to rest', async () => {
		await modernCall(gateway, 'tickets_whoami');
		return (await gateway.upstream('tickets')).state === 'resting';
	});
	const before = platform.seen.length;
	await modernCall(gateway, 'tickets_whoami');
	assert.ok(platform.seen.length <= before + 3, 'it is not asked while it rests');
	platform.clearFaults();
	await until('it to be well again', async () => resultOf(await modernCall(gateway, 'tickets_whoami')).structuredContent?.id === 'ada');
});

test('how accounts are: by their latest call, or a probe that a list begins', async (t) => {
	const { platform, gateway } = await start(t);
	gateway.owner = (await gateway.makeKey('acme', '--role', 'owner')).key;
	const health = async () => {
		const { json, text } = await call(gateway, 'GET', '/tenants/acme/credentials', { key: gateway.owner });
		assert.equal(json?.items?.length, 1, text);
		return json.items[0].health;
	};
	const counted = async () => (await (await fetch(`http://${gateway.address}/health/ready`)).json()).accounts;

	assert.deepEqual(JSON.parse((await gateway.cli('accounts', '--tenant', 'acme', '--no-wait', '--json')).stdout).map((row) => [row.upstream, row.health]), [['tickets', 'unknown']]);
	assert.match((await gateway.cli('accounts', '--tenant', 'acme')).stdout, /tickets .* ok /);
	await until('the probe', async () => await health() === 'ok');
	assert.equal(platform.asked('GET /me').length, 1, 'one probe, however often it is asked for');
	assert.deepEqual(await counted(), { ok: 1, reconnect: 0, unreachable: 0, failing: 0 });
	platform.refuse('GET /projects', 503, { error: 'down' }, { times: 2 });
	await modernCall(gateway, 'tickets_list_tickets');
	assert.equal(await health(), 'unreachable');
	await done(modernCall(gateway, 'tickets_list_tickets'));
	assert.equal(await health(), 'ok');
	const token = platform.token;
	platform.token = 'another';
	await modernCall(gateway, 'tickets_whoami');
	assert.equal(await health(), 'reconnect');
	assert.equal((await counted()).reconnect, 1);
	assert.ok(!gateway.allStderr.includes(token));
});

test('made at run time: no files, no private addresses unless the file allows them, no secrets', async (t) => {
	const { gateway } = await start(t);
	const owner = (await gateway.makeKey('acme', '--role', 'owner')).key;
	const make = (document) => call(gateway, 'POST', '/tenants/acme/upstreams', { key: owner, body: { name: 'made', document } });
	for (const [connector, words] of [
		[{ file: './tickets.yaml', settings: { project: 'SHOP' } }, /for the configuration file/],
		[{ use: 'nobody' }, /not built in/],
		[{ use: 'nobody', allow_private: true }, /for the configuration file/],
		[{ use: 'obsidian', settings: { vault: '/etc' } }, /for the configuration file/],
	]) {
		const refused = await make({ connector });
		assert.equal(refused.status, 422, refused.text);
		assert.match(refused.text, words);
	}
	const made = await make({ connector: { use: 'telegram', settings: { base: 'http://127.0.0.1:9' } }, auth: { type: 'secret' } });
	assert.equal(made.status, 201, made.text);
	await until('what is built in to be there', async () => (await listed(gateway)).includes('made_get_me'));
	const answer = textOf(await modernCall(gateway, 'made_get_me'));
	assert.match(answer, /credential/, 'it is known that a secret is missing');
	await setSecret(gateway, 'made', '123456:planted-secret-of-a-bot');
	await until('its address to be refused', async () => /address|private/i.test((await modernCall(gateway, 'made_get_me')).text));
});

test('tried without a server', async (t) => {
	const platform = await new Tickets().start(t);
	const gateway = await prepareGateway(t, {});
	fs.writeFileSync(path.join(gateway.root, 'tickets.yaml'), connectorFile());
	fs.writeFileSync(path.join(gateway.root, 'token'), `${platform.token}\n`, { mode: 0o600 });
	const words = ['--settings', JSON.stringify({ base: platform.url, project: 'SHOP' }), '--secret-file', 'token', '--allow-private'];
	const attempt = (...more) => run(binary, ['connector', 'try', 'tickets.yaml', ...more], { cwd: gateway.root });

	const good = await attempt('whoami', ...words);
	assert.equal(good.code, 0, good.stderr);
	assert.equal(JSON.parse(good.stdout).structuredContent.id, 'ada');
	assert.equal((await attempt('create_ticket', ...words)).code, 0, 'the example stands in for arguments');
	assert.equal(platform.asked('POST').at(-1).json.title, 'The first');
	const wrong = await attempt('create_ticket', '--args', '{"titel":"x"}', ...words);
	assert.equal(wrong.code, 1);
	assert.match(wrong.stderr, /do not fit/);
	assert.match((await attempt('nothing', ...words)).stderr, /there is no tool nothing; there are: whoami/);
	platform.refuse('GET /me', 403, { error: 'no' });
	const refused = await attempt('whoami', ...words);
	assert.equal(refused.code, 1);
	assert.equal(JSON.parse(refused.stdout).isError, true);
	platform.satisfied();
});
