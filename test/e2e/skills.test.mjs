// The skills extension: one list made of the servers' lists, and everything about one skill at its server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { listAll, modern, openSession } from './lib/mcp.mjs';

const SKILLS = 'io.modelcontextprotocol/skills';

const file = scope(after);
let gateway;
let dead;

before(async () => {
	dead = await startFixture(file, ['--era', 'modern', '--with', 'skills', '--name', 'dead']);
	gateway = await startGateway(file, {
		upstreams: {
			plain: stdioFixture(['--era', 'modern']),
			one: stdioFixture(['--era', 'modern', '--with', 'skills', '--name', 'one']),
			dead: dead.upstream(),
			two: stdioFixture(['--era', 'legacy', '--with', 'skills', '--name', 'two']),
		},
		config: { toolsets: { plain: { include: ['plain.*'] }, one: { include: ['one.*'] } } },
	});
	await dead.kill();
});

const at = (toolset) => gateway.as('acme', toolset === undefined ? {} : { path: `/mcp/${toolset}` });
const all = async (ask) => (await listAll(ask, 'skills/list', 'skills')).map(({ uri }) => uri);

test('offered where a server has them', async () => {
	assert.deepEqual((await modern(at(), 'server/discover')).message.result.capabilities.extensions, { [SKILLS]: { directoryRead: true } });
	assert.equal((await modern(at('plain'), 'server/discover')).message.result.capabilities.extensions, undefined);
	for (const method of ['skills/list', 'skills/get', 'resources/directory/read']) {
		const answer = await modern(at('plain'), method, { uri: 'skill://one/skill-0/SKILL.md' });
		assert.equal(answer.status, 404, method);
		assert.equal(answer.message.error.code, -32601);
	}
});

test('the list is that of all servers, whoever is down', async () => {
	const want = ['one', 'two'].flatMap((name) => [0, 1].map((n) => `skill://${name}/skill-${n}/SKILL.md`));
	assert.deepEqual(await all((method, params) => modern(at(), method, params)), want);
	const session = await openSession(at());
	assert.deepEqual(await all((method, params) => session.request(method, params)), want);
	assert.deepEqual(await all((method, params) => modern(at('one'), method, params)), want.slice(0, 2));
});

test('its pages say how long they may be kept', async () => {
	const { result } = (await modern(at(), 'skills/list')).message;
	assert.equal(result.ttlMs, 60000);
	assert.equal(result.cacheScope, 'public');
	assert.equal(result.resultType, 'complete');
	assert.equal(result.nextCursor, 'one:1');
	const legacy = (await modern(at(), 'skills/list', { cursor: 'two' })).message.result;
	assert.equal(legacy.ttlMs, 0);
	assert.equal(legacy.cacheScope, 'private');
});

test('cursors that nobody gave', async () => {
	for (const cursor of ['', 'nobody', 'plain', 'plain:1', ':', 5]) {
		const answer = await modern(at(), 'skills/list', { cursor });
		assert.equal(answer.message.error?.code, -32602, `${cursor}: ${answer.text}`);
	}
	assert.equal((await modern(at(), 'skills/list', { cursor: 'one:99' })).message.error.code, -32602);
});

test('one skill, its directory and its files, at its server', async () => {
	for (const name of ['one', 'two']) {
		const uri = `skill://${name}/skill-0/SKILL.md`;
		const got = (await modern(at(), 'skills/get', { uri })).message.result;
		assert.equal(got.skill.frontmatter.description, `Of ${name}`);
		assert.equal(typeof got.ttlMs, 'number');
		const directory = (await modern(at(), 'resources/directory/read', { uri: `skill://${name}/skill-0/` })).message.result;
		assert.equal(directory.resources[0].uri, uri);
		const file = (await modern(at(), 'resources/read', { uri: `skill://${name}/skill-0/scripts/run.sh` })).message.result;
		assert.equal(file.contents[0].text, `of ${name}`);
	}
});

test('what nobody has', async () => {
	for (const method of ['skills/get', 'resources/directory/read', 'resources/read']) {
		const answer = await modern(at(), method, { uri: 'skill://nobody/x/SKILL.md' });
		assert.equal(answer.message.error?.code, -32602, answer.text);
	}
});
