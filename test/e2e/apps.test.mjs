// MCP Apps: the ui:// resources that tools name can be read, under the URI that the tool's _meta says, also
// when they are not listed and when two servers use the same URI.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { listAll, modern, modernCall, openSession } from './lib/mcp.mjs';

const UI = 'io.modelcontextprotocol/ui';
const SETTINGS = { mimeTypes: ['text/html;profile=mcp-app'] };
const DECLARED = { meta: { 'io.modelcontextprotocol/clientCapabilities': { extensions: { [UI]: SETTINGS } } } };

const file = scope(after);
let gateway;

before(async () => {
	const web = await startFixture(file, ['--era', 'modern', '--with', 'apps', '--name', 'one']);
	gateway = await startGateway(file, {
		upstreams: {
			one: web.upstream(),
			two: stdioFixture(['--era', 'legacy', '--with', 'apps', '--name', 'two']),
			plain: stdioFixture(['--era', 'modern']),
		},
		config: { toolsets: { one: { include: ['one.*'] }, two: { include: ['two.panel'] }, plain: { include: ['plain.*'] } } },
	});
});

const at = (toolset) => gateway.as('acme', toolset === undefined ? {} : { path: `/mcp/${toolset}` });

async function tools(target) {
	const items = await listAll((method, params) => modern(target, method, params, DECLARED), 'tools/list', 'tools');
	return Object.fromEntries(items.map((item) => [item.name, item]));
}

async function html(uri, target = at()) {
	const { message } = await modern(target, 'resources/read', { uri }, DECLARED);
	assert.ok(message.result, JSON.stringify(message.error));
	assert.equal(message.result.contents[0].uri, uri);
	assert.equal(message.result.contents[0].mimeType, SETTINGS.mimeTypes[0]);
	assert.deepEqual(message.result.contents[0]._meta, { ui: { prefersBorder: true } });
	return message.result.contents[0].text;
}

test('the extension is offered where a server has it', async () => {
	assert.deepEqual((await modern(at(), 'server/discover')).message.result.capabilities.extensions, { [UI]: {} });
	assert.equal((await modern(at('plain'), 'server/discover')).message.result.capabilities.extensions, undefined);
	assert.deepEqual((await openSession(at())).initialized.capabilities.extensions, { [UI]: {} });
});

describe('what a tool names can be read', () => {
	for (const toolset of [undefined, 'one', 'two']) {
		test(`in ${toolset ?? 'the view of all'}`, async () => {
			const all = await tools(at(toolset));
			let seen = 0;
			for (const name of ['one', 'two']) {
				const tool = all[`${name}_panel`];
				if (tool === undefined) continue;
				seen++;
				assert.match(tool._meta.ui.resourceUri, /^ui:\/\//);
				assert.equal(tool._meta['ui/resourceUri'], tool._meta.ui.resourceUri);
				assert.deepEqual(tool._meta.ui.visibility, ['model', 'app']);
				assert.equal(tool._meta.kept, 1);
				assert.equal(await html(tool._meta.ui.resourceUri, at(toolset)), `<p>${name}</p>`);
			}
			assert.ok(seen > 0);
		});
	}

	test('URIs differ only where they must', async () => {
		const all = await tools(at());
		assert.equal(all.one_panel._meta.ui.resourceUri, 'ui://panel/main');
		assert.equal(all.two_panel._meta.ui.resourceUri, 'ui://gatehouse/two/panel/main');
		assert.equal((await tools(at('two'))).two_panel._meta.ui.resourceUri, 'ui://panel/main');
	});

	test('listed resources and tools agree', async () => {
		const all = await tools(at());
		const resources = await listAll((method, params) => modern(at(), method, params), 'resources/list', 'resources');
		const uris = resources.map(({ uri }) => uri).filter((uri) => uri.startsWith('ui://'));
		assert.deepEqual(uris, ['ui://panel/listed', 'ui://gatehouse/two/panel/listed']);
		assert.deepEqual([all.one_refresh, all.two_refresh].map((tool) => tool._meta['ui/resourceUri']), uris);
		assert.equal(await html(uris[1]), '<p>two</p>');
	});

	test('tools for the app alone stay listed', async () => {
		assert.deepEqual((await tools(at())).one_refresh._meta.ui.visibility, ['app']);
	});
});

describe('tools by their own names', () => {
	test('are found where one server has them', async () => {
		const answer = await modernCall(at('one'), 'refresh', {}, DECLARED);
		assert.equal(answer.message.result.content[0].text, 'one with apps');
	});

	test('and not where several do', async () => {
		assert.equal((await modernCall(at(), 'refresh', {}, DECLARED)).message.error.code, -32602);
	});
});

describe('what the client can show reaches the server', () => {
	const text = (answer) => answer.message.result.content[0].text;

	test('from a modern client', async () => {
		assert.equal(text(await modernCall(at(), 'one_panel', {}, DECLARED)), 'one with apps');
		assert.equal(text(await modernCall(at(), 'one_panel')), 'one without apps');
	});

	test('from a session', async () => {
		const session = await openSession(at(), { capabilities: { extensions: { [UI]: SETTINGS } } });
		assert.equal(text(await session.call('one_panel')), 'one with apps');
		assert.equal(text(await (await openSession(at())).call('one_panel')), 'one without apps');
	});
});
