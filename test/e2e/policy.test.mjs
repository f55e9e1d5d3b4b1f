// Roles and rules over real servers: what a caller's lists show is what its calls allow, for every tool, prompt and
// resource; conditions, shadow rules, search mode, toolset endpoints; and how soon a change is true.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { startGateway } from './lib/gateway.mjs';
import { listAll, modern, modernCall, modernStream, openSession } from './lib/mcp.mjs';
import { request } from './lib/raw.mjs';
import { sql } from './lib/sqlite.mjs';
import { until } from './lib/wait.mjs';

const SEEN_MS = 1000 + Number(process.env.E2E_SLACK_MS ?? 1500); // a second, and a slow machine

const quote = (text) => `'${text.replaceAll("'", "''")}'`;
const database = (gateway) => `${gateway.data}/gatehouse.db`;
const BUMP = 'UPDATE meta SET generation = generation + 1';

/** What the management API would write, by another process. */
async function change(gateway, ...statements) {
	await sql(database(gateway), ...statements, BUMP);
}

function roleStatement(name, permissions) {
	return `INSERT INTO role (tenant_id, name, description, permissions, created_ms, changed_ms)
		SELECT id, ${quote(name)}, '', ${quote(JSON.stringify(permissions))}, 1, 1 FROM tenant WHERE name = 'acme'`;
}

function ruleStatement(rule, position) {
	return `INSERT INTO policy_rule (id, tenant_id, position, name, document, created_ms, changed_ms)
		SELECT ${quote(rule.name)}, id, ${position}, ${quote(rule.name)}, ${quote(JSON.stringify(rule))}, 1, 1
		FROM tenant WHERE name = 'acme'`;
}

/** Keys for roles: {role: {key}}; each role that is an array of permissions is made first. */
async function makeRoles(gateway, roles) {
	const own = Object.entries(roles).filter(([, permissions]) => permissions !== null);
	if (own.length > 0) await change(gateway, ...own.map(([name, permissions]) => roleStatement(name, permissions)));
	const targets = {};
	for (const name of Object.keys(roles)) {
		const made = await gateway.makeKey('acme', '--role', name);
		targets[name] = { ...gateway.as('acme'), key: made.key, id: made.id };
	}
	return targets;
}

const setRules = (gateway, rules) => change(gateway, 'DELETE FROM policy_rule', ...rules.map(ruleStatement));

const names = async (target) => (await listAll((method, params) => modern(target, method, params), 'tools/list', 'tools')).map(({ name }) => name);

/** "ran", "unknown", "refused", or what else became of a call. */
function fate({ message }) {
	const text = message.error?.message ?? (message.result?.isError ? message.result.content[0].text : '');
	if (/^Unknown (tool|prompt)|Resource not found/.test(text)) return 'unknown';
	if (/rule|policy|does not have/.test(text)) return 'refused';
	return 'ran';
}

const ROLES = {
	viewer: null,
	member: null,
	support: ['tools:call:web.*', 'resources:read', 'prompts:get:web.greeting'],
	reader: ['resources:read:pipe.fixture://t*'],
	everything: ['*'],
	nothing: [],
};

/** Tools that answer at once whatever they are sent, and change nothing. */
const QUIET = ['echo', 'size', 'fail', 'text', 'env'];

async function allTools(gateway) {
	const owner = await gateway.makeKey('acme', '--role', 'owner');
	return names({ ...gateway.as('acme'), key: owner.key });
}

/** Every tool is called by everybody, in both eras: it is known if and only if it is listed. */
async function assertAgreement(targets, all, tools = QUIET) {
	for (const [role, target] of Object.entries(targets)) {
		const session = await openSession(target).catch((error) => error);
		if (session instanceof Error) {
			assert.match(session.message, /403/, role);
			continue;
		}
		const listed = await names(target);
		const legacy = (await listAll((method, params) => session.request(method, params), 'tools/list', 'tools')).map(({ name }) => name);
		assert.deepEqual(legacy, listed, role);
		for (const name of all.filter((one) => tools.some((quiet) => one.endsWith(`_${quiet}`)))) {
			const known = listed.includes(name);
			const fates = [fate(await modernCall(target, name, { any: 1 })), fate(await session.call(name, { any: 1 }))];
			for (const one of fates) assert.equal(one === 'ran', known, `${role} ${name}: ${one}, listed: ${known}`);
		}
	}
}

test('what lists show is what calls allow, for every role and tool', async (t) => {
	const web = await startFixture(t);
	const gateway = await startGateway(t, { upstreams: { pipe: stdioFixture(), web: web.upstream() } });
	const targets = await makeRoles(gateway, ROLES);
	const all = await allTools(gateway);

	assert.ok(all.some((name) => name.startsWith('web_')) && all.some((name) => name.startsWith('pipe_')));
	assert.deepEqual(await names(targets.viewer), []);
	assert.deepEqual(await names(targets.member), all);
	assert.deepEqual(await names(targets.everything), all);
	assert.deepEqual(await names(targets.reader), []);
	assert.deepEqual(await names(targets.support), all.filter((name) => name.startsWith('web_')));
	assert.match((await modernCall(targets.viewer, 'web_echo')).message.result.content[0].text, /your role "viewer" does not have tools:call/);
	await assertAgreement(targets, all);
});

test('resources and prompts that are hidden are unknown, listed or not', async (t) => {
	const gateway = await startGateway(t, { upstreams: { pipe: stdioFixture() } });
	const targets = await makeRoles(gateway, ROLES);
	const uris = async (target, method = 'resources/list', member = 'resources') =>
		(await modern(target, method)).message.result[member].map((one) => one.uri ?? one.uriTemplate ?? one.name);
	const read = async (target, uri) => fate(await modern(target, 'resources/read', { uri }));

	assert.deepEqual(await uris(targets.reader), ['fixture://text']);
	assert.deepEqual(await uris(targets.reader, 'resources/templates/list', 'resourceTemplates'), []);
	assert.deepEqual(await uris(targets.reader, 'prompts/list', 'prompts'), []);
	assert.equal(await read(targets.reader, 'fixture://text'), 'ran');
	assert.equal(await read(targets.reader, 'fixture://binary'), 'unknown'); // listed for others
	assert.equal(await read(targets.reader, 'fixture://item/7'), 'unknown'); // listed nowhere
	assert.equal(await read(targets.member, 'fixture://item/7'), 'ran');
	assert.equal(await read(targets.member, 'fixture://binary'), 'ran');

	// A template that is hidden does not keep from what a rule allows by its URI.
	await setRules(gateway, [{ name: 'sevens', effect: 'allow', resources: ['pipe.fixture://item/7*'], prompts: ['*.plain'] }]);
	await until('the rule', async () => (await uris(targets.member)).length === 0, SEEN_MS);
	assert.equal(await read(targets.member, 'fixture://item/7'), 'ran');
	assert.equal(await read(targets.member, 'fixture://item/8'), 'unknown');
	assert.deepEqual(await uris(targets.member, 'prompts/list', 'prompts'), ['pipe_plain']);
	assert.equal(fate(await modern(targets.member, 'prompts/get', { name: 'pipe_greeting', arguments: { name: 'a' } })), 'unknown');
	assert.notEqual(fate(await modern(targets.member, 'prompts/get', { name: 'pipe_plain' })), 'unknown');
	const completion = await modern(targets.member, 'completion/complete',
		{ ref: { type: 'ref/prompt', name: 'pipe_greeting' }, argument: { name: 'style', value: '' } });
	assert.ok(completion.message.error);

	// Nor can it be subscribed to.
	const stream = await modernStream(targets.reader, 'subscriptions/listen',
		{ notifications: { resourceSubscriptions: ['fixture://text', 'fixture://binary'] } });
	const first = await stream.next();
	assert.equal(first.method, 'notifications/subscriptions/acknowledged');
	assert.ok(!JSON.stringify(first).includes('fixture://binary'));
	stream.connection.destroy();
});

const RULES = [
	{ name: 'no-env', effect: 'deny', tools: ['*.env'] },
	{
		name: 'small', effect: 'allow', who: { roles: ['member'] }, tools: ['web.echo'],
		condition: { properties: { amount: { maximum: 100 } }, required: ['amount'] },
	},
	{ name: 'elsewhere', effect: 'allow', who: { networks: ['192.0.2.0/24'] } },
	{ name: 'sizes', effect: 'allow', tools: ['*.size', '*.env'] },
	{ name: 'admins', effect: 'allow', who: { roles: ['admin'] } },
];

test('rules: the first that matches decides, and the rest is refused', async (t) => {
	const web = await startFixture(t);
	const gateway = await startGateway(t, { upstreams: { pipe: stdioFixture(), web: web.upstream() } });
	const targets = await makeRoles(gateway, { member: null, admin: null, support: ROLES.support });
	const all = await allTools(gateway);

	await setRules(gateway, RULES);
	await until('the rules', async () => (await names(targets.member)).length < all.length, SEEN_MS);
	assert.deepEqual((await names(targets.member)).sort(), ['pipe_size', 'web_echo', 'web_size']);
	assert.deepEqual(await names(targets.admin), all.filter((name) => !name.endsWith('_env')));
	assert.deepEqual(await names(targets.support), ['web_size']);

	// A condition leaves its tool visible; a refusal says what is wrong.
	assert.equal(fate(await modernCall(targets.member, 'web_echo', { amount: 100 })), 'ran');
	const refused = await modernCall(targets.member, 'web_echo', { amount: 101 });
	assert.equal(refused.message.result.isError, true);
	assert.match(refused.message.result.content[0].text, /rule "small" allows web\.echo only if .*amount/);
	const session = await openSession(targets.member);
	assert.equal(fate(await session.call('web_echo', { amount: 1e9 })), 'refused');
	assert.equal(fate(await session.call('web_echo', { amount: 1 })), 'ran');
	const before = (await web.stats()).tool_calls;
	assert.equal(fate(await modernCall(targets.member, 'web_echo', {})), 'refused');
	assert.equal((await web.stats()).tool_calls, before);

	await assertAgreement({ admin: targets.admin, support: targets.support }, all);

	// Each refusal has one row, which names the rule.
	const rows = await until('rows', async () => {
		const found = await sql(database(gateway), "SELECT target, outcome FROM audit WHERE event = 'access.denied' AND outcome LIKE 'POLICY%'");
		return found.length >= 3 && found;
	});
	assert.deepEqual(rows, Array(3).fill({ target: 'web.echo', outcome: 'POLICY:small' }));
	const metrics = (await request({ port: gateway.port }, { method: 'GET', path: '/metrics' })).text;
	assert.match(metrics, /gatehouse_policy_total\{verdict="refused"\} 3/);
});

test('a rule on trial refuses nothing and is counted', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const counted = async () => Number(/gatehouse_policy_total\{verdict="shadow"\} (\d+)/.exec(
		(await request({ port: gateway.port }, { method: 'GET', path: '/metrics' })).text)[1]);
	const target = gateway.as('acme');

	await setRules(gateway, [
		{ name: 'trial', effect: 'deny', shadow: true, tools: ['fx.echo'], condition: { required: ['all'] } },
		{ name: 'rest', effect: 'allow' },
	]);
	await until('the rule', async () => {
		assert.equal(fate(await modernCall(target, 'fx_echo', { all: 1 })), 'ran');
		return (await counted()) > 0;
	}, SEEN_MS);
	const before = await counted();
	assert.equal(fate(await modernCall(target, 'fx_echo', { some: 1 })), 'ran');
	assert.equal(await counted(), before);
	await gateway.untilLogged('policy.shadow', (line) => line.rule === 'trial' && line.target === 'fx.echo');
});

test('a change by another process is true within a second, for connections that are open too', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const target = gateway.as('acme');
	const session = await openSession(target);

	assert.equal(fate(await session.call('fx_echo')), 'ran');
	await setRules(gateway, [{ name: 'closed', effect: 'deny' }]);
	await until('the refusal', async () => fate(await session.call('fx_echo')) === 'unknown', SEEN_MS);
	assert.deepEqual(await names(target), []);
	await setRules(gateway, []);
	await until('the permission', async () => fate(await session.call('fx_echo')) === 'ran', SEEN_MS);

	// Rules that cannot be read allow nothing, and say so.
	await change(gateway, ruleStatement({ name: 'broken', effect: 'perhaps' }, 1));
	await until('the refusal', async () => {
		const answer = await modernCall(target, 'fx_echo');
		return answer.status === 403 && /rules cannot be read/.test(answer.message.error.message);
	}, SEEN_MS);
	await change(gateway, 'DELETE FROM policy_rule');
	await until('the permission', async () => fate(await modernCall(target, 'fx_echo')) === 'ran', SEEN_MS);
});

test('a role that is taken away may do nothing', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const { support } = await makeRoles(gateway, { support: ['tools:call:fx.*'] });

	assert.equal(fate(await modernCall(support, 'fx_echo')), 'ran');
	await change(gateway, "UPDATE role SET permissions = '[\"audit:read\"]'");
	await until('the change', async () => (await modernCall(support, 'fx_echo')).message.result?.isError, SEEN_MS);
	await change(gateway, 'DELETE FROM role');
	assert.match((await modernCall(support, 'fx_echo')).message.result.content[0].text, /your role "support" does not have tools:call/);
	assert.equal((await modern(support, 'tools/list')).status, 403);
});

test('rules of the config come first, for every tenant, and change with a reload', async (t) => {
	const gateway = await startGateway(t, {
		tenants: ['acme', 'rival'],
		upstreams: { fx: stdioFixture() },
		config: { policy: [{ name: 'no-echo', effect: 'deny', tools: ['fx.echo'] }, { name: 'rest', effect: 'allow' }] },
	});

	for (const tenant of ['acme', 'rival']) {
		const listed = await names(gateway.as(tenant));
		assert.ok(listed.includes('fx_size') && !listed.includes('fx_echo'));
		assert.equal(fate(await modernCall(gateway.as(tenant), 'fx_echo')), 'unknown');
	}
	gateway.configure({ config: { policy: [{ name: 'broken', effect: 'allow', who: { networks: ['10.0.0.0/99'] } }] } });
	const refused = await gateway.reload();
	assert.notEqual(refused.code, 0);
	assert.match(refused.stderr, /rule 1: \/who\/networks\/0/);
	assert.equal(fate(await modernCall(gateway.as('acme'), 'fx_echo')), 'unknown');
	gateway.configure({ config: {} });
	assert.equal((await gateway.reload()).code, 0);
	assert.equal(fate(await modernCall(gateway.as('acme'), 'fx_echo')), 'ran');
});

test('streams hear that lists have changed when rules do, of their own tenant', async (t) => {
	const gateway = await startGateway(t, { tenants: ['acme', 'rival'], upstreams: { fx: stdioFixture() } });
	const wants = { notifications: { toolsListChanged: true } };
	const acme = await modernStream(gateway.as('acme'), 'subscriptions/listen', wants);
	const rival = await modernStream(gateway.as('rival'), 'subscriptions/listen', wants);
	const session = await openSession(gateway.as('acme'));
	const legacy = await session.listen();

	await acme.next();
	await rival.next();
	await setRules(gateway, [{ name: 'few', effect: 'allow', tools: ['fx.echo'] }]);
	assert.equal((await acme.next(undefined, SEEN_MS)).method, 'notifications/tools/list_changed');
	assert.ok(await legacy.next(({ method }) => method === 'notifications/tools/list_changed', SEEN_MS));
	assert.deepEqual(await names(gateway.as('acme')), ['fx_echo']);
	assert.deepEqual(rival.messages.slice(1), []);
	for (const stream of [acme, rival, legacy]) stream.connection.destroy();
});

test('the command line says why, lists and tests', async (t) => {
	const gateway = await startGateway(t, {
		upstreams: { fx: stdioFixture() },
		config: { policy: [{ name: 'no-env', effect: 'deny', tools: ['fx.env'] }] },
	});
	const { support } = await makeRoles(gateway, { support: ['tools:call:fx.e*'] });
	const rule = {
		name: 'small', effect: 'allow', tools: ['fx.echo'], condition: { properties: { amount: { maximum: 100 } } },
		tests: [
			{ call: 'fx.echo', arguments: { amount: 50 }, as: { role: 'support' }, expect: 'allow' },
			{ call: 'fx.echo', arguments: { amount: 500 }, as: { role: 'support' }, expect: 'deny' },
			{ call: 'fx.env', as: { role: 'owner' }, expect: 'deny' },
		],
	};
	await setRules(gateway, [rule]);
	await until('the rule', async () => (await names(support)).length === 1, SEEN_MS);
	const why = (...args) => gateway.cliJson('why', support.id, ...args);

	assert.deepEqual([(await why('fx_echo')).answer, (await why('fx.echo')).answer], ['depends', 'depends']);
	assert.equal((await why('fx_echo', '--arguments', '{"amount":100}')).answer, 'allow');
	const refused = await why('fx_echo', '--arguments', '{"amount":101}');
	assert.deepEqual([refused.answer, refused.rule], ['refuse', 'small']);
	assert.match(refused.reason, /amount/);
	assert.deepEqual([(await why('fx_env')).rule, (await why('fx_env')).answer], ['no-env', 'refuse']);
	assert.match((await why('fx_size')).reason, /your role "support" does not have tools:call:fx\.size/);
	assert.match((await why('fx_nothing')).reason, /no server offers/);
	const text = await gateway.cli('why', support.id, 'fx_size');
	assert.equal(text.code, 0);
	assert.match(text.stdout, /^refused: fx\.size/);
	const nobody = await gateway.cli('why', 'nobody@example.com', 'fx_echo');
	assert.equal(nobody.code, 1);
	assert.match(nobody.stderr, /there is no key and no user "nobody@example\.com"/);

	assert.deepEqual(await gateway.cliJson('policy', 'list'), [
		{ tenant: 'acme', effect: 'deny', shadow: false, tests: 0, name: 'no-env' },
		{ tenant: 'acme', effect: 'allow', shadow: false, tests: 3, name: 'small' },
	]);
	assert.deepEqual(await gateway.cliJson('policy', 'test'), { ok: true, tests: 3 });
	rule.tests.push({ call: 'fx.echo', arguments: { amount: 500 }, as: { role: 'support' }, expect: 'allow' });
	await setRules(gateway, [rule]);
	const failed = await gateway.cli('policy', 'test', '--tenant', 'acme');
	assert.equal(failed.code, 1);
	assert.match(failed.stdout, /rule small, test 4: fx\.echo: refused, expected allow/);
	assert.ok((await gateway.cliJson('policy', 'permissions')).includes('tools:call'));

	// Without a running server the same, from the database.
	await gateway.stop();
	assert.equal((await why('fx.echo', '--arguments', '{"amount":101}')).rule, 'small');
	assert.equal((await why('fx.env')).rule, 'no-env');
});

test('search mode finds and calls what the rules allow', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() }, config: { mode: 'search' } });
	const target = gateway.as('acme');
	const search = async (query) => (await modernCall(target, 'search_tools', { query, limit: 50 })).message.result.structuredContent;

	const before = await search('echo');
	assert.ok(before.tools.some(({ name }) => name === 'fx_echo'));
	await setRules(gateway, [
		{ name: 'no-echo', effect: 'deny', tools: ['fx.echo'] },
		{ name: 'sizes', effect: 'allow', tools: ['fx.size'], condition: { not: { required: ['secret'] } } },
	]);
	await until('the rule', async () => (await search('echo')).total === 1, SEEN_MS);
	assert.deepEqual((await search('size')).tools.map(({ name }) => name), ['fx_size']);
	assert.deepEqual((await search('fx_echo')).tools.filter(({ name }) => name === 'fx_echo'), []);
	assert.deepEqual(await names(target), ['search_tools', 'call_tool']);
	const call = (name, args) => modernCall(target, 'call_tool', { name, arguments: args });
	assert.match((await call('fx_echo', {})).message.result.content[0].text, /Unknown tool: fx_echo/);
	assert.ok(!JSON.stringify((await call('fx_ech', {})).message).includes('fx_echo'));
	assert.equal(fate(await call('fx_size', { bytes: 3 })), 'ran');
	assert.equal(fate(await call('fx_size', { secret: 1 })), 'refused');
	const direct = await modernCall(target, 'fx_echo');
	assert.match(direct.message.error.message, /^Unknown tool/);
});

test('times: a rule holds at its hours only', async (t) => {
	const gateway = await startGateway(t, { upstreams: { fx: stdioFixture() } });
	const target = gateway.as('acme');
	const hour = (delta) => `${String((new Date().getUTCHours() + delta + 24) % 24).padStart(2, '0')}:00`;

	await setRules(gateway, [
		{ name: 'now', effect: 'allow', tools: ['fx.echo'], when: { hours: `${hour(-1)}-${hour(2)}` } },
		{ name: 'later', effect: 'allow', tools: ['fx.size'], when: { hours: `${hour(3)}-${hour(5)}` } },
	]);
	await until('the rules', async () => (await names(target)).length === 2, SEEN_MS);
	assert.equal(fate(await modernCall(target, 'fx_echo')), 'ran');
	const refused = await modernCall(target, 'fx_size', { bytes: 1 });
	assert.match(refused.message.result.content[0].text, /rule "later" allows fx\.size only if .*it is/);
});

test('a credential narrowed to toolsets sees and calls what they show; one with fewer scopes, less', async (t) => {
	const gateway = await startGateway(t, {
		upstreams: { fx: stdioFixture() },
		config: {
			toolsets: {
				few: { include: ['fx.echo', 'fx.size', 'fx.fixture://text'] },
				more: { include: ['fx.env', 'fx.plain'] },
				others: { include: ['fx.fail'] },
			},
		},
	});
	const key = async (...options) => ({ ...gateway.as('acme'), key: (await gateway.makeKey('acme', ...options)).key });
	const one = await key('--toolsets', 'few');
	const two = await key('--toolsets', 'few more');
	const at = (target, name) => ({ ...target, path: `/mcp/${name}` });
	const uris = async (target) => (await modern(target, 'resources/list')).message.result.resources.map(({ uri }) => uri);

	assert.deepEqual((await names(one)).sort(), ['fx_echo', 'fx_size']);
	assert.deepEqual((await names(two)).sort(), ['fx_echo', 'fx_env', 'fx_size']);
	assert.deepEqual(await names(at(two, 'more')), ['fx_env']);
	assert.deepEqual(await uris(one), ['fixture://text']);
	for (const target of [one, at(one, 'few'), at(gateway.as('acme'), 'few')]) {
		assert.equal(fate(await modern(target, 'resources/read', { uri: 'fixture://text' })), 'ran');
		for (const uri of ['fixture://binary', 'fixture://item/7'])
			assert.equal(fate(await modern(target, 'resources/read', { uri })), 'unknown', uri);
	}
	assert.equal(fate(await modernCall(one, 'fx_env')), 'unknown');
	assert.equal(fate(await modernCall(two, 'fx_env')), 'ran');
	assert.equal(fate(await modernCall(one, 'fx_fail')), 'unknown');

	// Another toolset is answered like one that there is none of.
	const [hidden, unknown] = [await modern(at(one, 'more'), 'tools/list'), await modern(at(one, 'nothing'), 'tools/list')];
	assert.deepEqual([hidden.status, unknown.status], [404, 404]);
	assert.equal(hidden.message.error.message.replace('more', ''), unknown.message.error.message.replace('nothing', ''));

	const reader = await key('--scopes', 'mcp:read');
	assert.deepEqual(await names(reader), []);
	assert.equal((await uris(reader)).length > 1, true);
	assert.equal((await modernCall(reader, 'fx_echo')).status, 403);
});
