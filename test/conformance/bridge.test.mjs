// The four quadrants: clients of both eras and both lines of the SDK, through the gateway, to SDK
// servers of both eras. What the suite tests within one era is tested here across them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { scope } from '../e2e/lib/gateway.mjs';
import { until, within } from '../e2e/lib/wait.mjs';
import { connect, WAYS } from './lib/clients.mjs';
import { Record, reasons } from './lib/record.mjs';
import { SERVERS, sdkUpstream, TRANSPORTS } from './lib/sdk-servers.mjs';
import { plainUrl, startPlain } from './lib/stage.mjs';
import { WATCHED } from './servers/tools.mjs';

const file = scope(after);
const record = new Record('bridge');
after(() => record.save());

const PATIENCE_MS = 8000;
const YEAR = { legacy: '2025', modern: '2026' };
const text = (result) => result.content[0].text;

/** Answers every question with its own words, and keeps what it was asked. */
function makeHandlers(asked) {
	return {
		elicit: (params) => {
			asked.push(['elicit', params]);
			const [name] = Object.keys(params.requestedSchema.properties);
			return { action: 'accept', content: { [name]: `my ${name}` } };
		},
		sample: (params) => {
			asked.push(['sample', params]);
			return { role: 'assistant', content: { type: 'text', text: `on ${params.messages[0].content.text}` }, model: 'm', stopReason: 'endTurn' };
		},
		roots: () => {
			asked.push(['roots']);
			return { roots: [{ uri: 'file:///project', name: 'me' }] };
		},
	};
}

async function count(client, name) {
	return JSON.parse(text(await client.call('counts')))[name];
}

/** [feature, async ({client, url, asked, line, era, cannotTell})] */
const features = [
	['elicitation', async ({ client, asked }) => {
		assert.equal(text(await client.call('elicit')), 'accept my name');
		const [[kind, params]] = asked;
		assert.equal(kind, 'elicit');
		assert.equal(params.message, 'Your name?');
		assert.deepEqual(params.requestedSchema.required, ['name']);
	}],
	['elicitation declined', async ({ url, line, era }) => {
		const client = await connect(line, era, url, { elicit: () => ({ action: 'decline' }) });
		assert.equal(text(await client.call('elicit')), 'decline nothing');
		await client.close();
	}],
	['sampling', async ({ client }) => assert.equal(text(await client.call('sample')), 'sampled: on capital of France')],
	['roots', async ({ client }) => assert.equal(text(await client.call('roots')), 'roots: file:///project')],
	['two questions at once', async ({ client, asked }) => {
		assert.equal(text(await client.call('together')), 'my one and on two');
		assert.equal(asked.length, 2);
	}],
	['question after question', async ({ client, asked }) => {
		assert.equal(text(await client.call('rounds')), 'my first then my second');
		assert.equal(asked.length, 2);
	}],
	['a client that cannot be asked', async ({ url, line, era }) => {
		const client = await connect(line, era, url);
		const refused = await client.call('sample').then((result) => result.isError === true, () => true);
		assert.ok(refused, 'a result without an error');
		await client.close();
	}],
	['calls of two clients do not mix', async ({ url, line, era, cannotTell }) => {
		const names = ['ann', 'ann', 'bob', 'bob'];
		const [ann, bob] = await Promise.all(['ann', 'bob'].map((name) => connect(line, era, url, { elicit: () => ({ action: 'accept', content: { name } }) })));
		const results = await Promise.allSettled([ann, ann, bob, bob].map((client) => client.call('elicit')));
		await Promise.all([ann.close(), bob.close()]);
		results.forEach(({ value, reason }, i) => {
			if (value !== undefined && !value.isError) assert.equal(text(value), `accept ${names[i]}`);
			else assert.ok(cannotTell, reason ?? text(value ?? { content: [{ text: 'no result' }] }));
		});
	}],
	['progress', async ({ client }) => {
		const seen = [];
		assert.equal(text(await client.call('steps', {}, { onprogress: ({ progress, total }) => seen.push([progress, total]) })), 'all steps done');
		assert.deepEqual(seen, [[1, 3], [2, 3], [3, 3]]);
	}],
	['log messages', async ({ client }) => {
		assert.equal(text(await client.callLogged('info', 'log')), 'logged');
		await until('the message', () => client.told('message').length > 0, PATIENCE_MS);
		assert.deepEqual(client.told('message').map(({ level, data }) => [level, data]), [['warning', 'take care']]);
	}],
	['cancellation', async ({ client }) => {
		const before = await count(client, 'runs');
		const cancelled = await count(client, 'cancelled');
		const abort = new AbortController();
		const refused = assert.rejects(client.call('wait', {}, { signal: abort.signal }));
		await until('the call', async () => (await count(client, 'runs')) > before, PATIENCE_MS);
		abort.abort('enough');
		await refused;
		await until('the end of the call upstream', async () => (await count(client, 'cancelled')) > cancelled, PATIENCE_MS);
	}],
	['changed lists', async ({ client }) => {
		await client.watch();
		await until('news and the new tool', async () => {
			const grown = text(await client.call('grow'));
			await until('news', () => client.told('tools/list_changed').length > 0, 1000);
			// The next one comes only when this one is there: else each would be newer than what was just read.
			return until('the new tool', async () => (await client.list()).some(({ name }) => name === grown), 1000);
		}, PATIENCE_MS);
	}],
	['changed resources', async ({ client }) => {
		await client.watch({ uri: WATCHED });
		await until('news of the resource', async () => {
			await client.call('touch');
			return until('news', () => client.told('resources/updated').length > 0, 1000);
		}, PATIENCE_MS);
		assert.equal(client.told('resources/updated')[0].uri, WATCHED);
	}],
];

for (const server of SERVERS) {
	for (const transport of TRANSPORTS) {
		// A child's questions do not say which call they belong to: with two sessions they are refused.
		const cannotTell = server.era === 'legacy' && transport === 'stdio';
		describe(`a server of ${YEAR[server.era]} over ${transport}`, () => {
			let url;
			before(async () => {
				url = plainUrl(await startPlain(file, await sdkUpstream(file, server.line, transport)));
			});
			for (const { line, era } of WAYS) {
				const column = `${YEAR[era]} (${line}) to ${YEAR[server.era]}`;
				for (const [feature, act] of features) {
					test(`${column}: ${feature}`, async (t) => {
						const reason = reasons.bridge?.[`${feature}, ${column}, ${transport}`];
						const row = { section: 'bridge', item: feature, column, part: transport, state: 'failed', reason };
						record.add(row);
						if (reason !== undefined) {
							row.state = 'skipped';
							t.skip(reason);
							return;
						}
						const asked = [];
						const client = await connect(line, era, url, makeHandlers(asked));
						const work = Promise.resolve(act({ client, url, asked, line, era, cannotTell }));
						await within(feature, work, 2 * PATIENCE_MS).finally(() => client.close());
						row.state = 'passed';
					});
				}
			}
		});
	}
}
