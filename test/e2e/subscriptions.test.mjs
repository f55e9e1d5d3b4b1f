// Subscriptions to resources, of either era at either side: who asked hears of it, once, under the URI
// that it knows; nobody else does.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startFixture, stdioFixture } from './lib/fixture.mjs';
import { scope, startGateway } from './lib/gateway.mjs';
import { modernStream, openSession } from './lib/mcp.mjs';
import { until } from './lib/wait.mjs';

const URI = 'fixture://text';
const UPDATED = 'notifications/resources/updated';
const file = scope(after);

async function setUp(t, era) {
	const fixture = await startFixture(t, ['--era', era]);
	const gateway = await startGateway(t, { tenants: ['acme', 'rival'], upstreams: { fx: fixture.upstream(), other: stdioFixture(['--no-builtin']) } });
	return { fixture, gateway, change: (uri = URI) => fixture.control({ resource_updated: uri }) };
}

/** Read on for a moment; one reader at a time. */
async function moment(stream) {
	stream.reading ??= stream.advance().finally(() => (stream.reading = undefined));
	await Promise.race([stream.reading, new Promise((resolve) => setTimeout(resolve, 100))]);
}

const updates = (stream) => stream.messages.filter(({ method }) => method === UPDATED);

for (const era of ['legacy', 'modern']) {
	describe(`a ${era} server`, () => {
		let gateway;
		let fixture;
		let change;

		before(async () => {
			({ gateway, fixture, change } = await setUp(file, era));
		});

		test('a session hears of what it asked for, whether its stream was open before or not', async () => {
			const early = await openSession(gateway);
			const late = await openSession(gateway);
			const silent = await openSession(gateway.as('rival'));
			assert.equal(early.initialized.capabilities.resources.subscribe, true);
			const earlyStream = await early.listen();
			const silentStream = await silent.listen();
			for (const session of [early, late]) {
				const answer = await session.request('resources/subscribe', { uri: URI });
				assert.deepEqual(answer.message.result, {});
			}
			const lateStream = await late.listen();
			await change();
			for (const stream of [earlyStream, lateStream]) {
				const message = await stream.next(({ method }) => method === UPDATED);
				assert.deepEqual(message.params, { uri: URI });
			}

			// Not any more: what comes next is the list's change, which everybody hears.
			await early.request('resources/unsubscribe', { uri: URI });
			await change();
			await lateStream.next(({ method }) => method === UPDATED);
			await fixture.control({ add_tools: 1 });
			for (const stream of [earlyStream, silentStream]) await stream.next(({ method }) => method === 'notifications/tools/list_changed');
			assert.equal(updates(earlyStream).length, 1);
			assert.equal(updates(silentStream).length, 0);
			for (const stream of [earlyStream, lateStream, silentStream]) stream.connection.destroy();
		});

		test('listen: what is honoured is acknowledged and heard, with the subscription’s id', async () => {
			const stream = await modernStream(gateway, 'subscriptions/listen', { notifications: {
				toolsListChanged: true, resourceSubscriptions: [URI, 'nowhere://at/all', 'fixture://deaf', 7],
			} }, { id: 'L' });
			const [, ack] = [null, await stream.next()];
			assert.deepEqual(ack.params.notifications, { toolsListChanged: true, resourceSubscriptions: [URI] });
			const other = await modernStream(gateway, 'subscriptions/listen', { notifications: { toolsListChanged: true } }, { id: 2 });
			assert.deepEqual((await other.next()).params.notifications, { toolsListChanged: true });
			await change();
			const message = await stream.next(({ method }) => method === UPDATED);
			assert.equal(message.params.uri, URI);
			assert.equal(message.params._meta['io.modelcontextprotocol/subscriptionId'], 'L');
			await fixture.control({ add_tools: 1 });
			await other.next(({ method }) => method === 'notifications/tools/list_changed');
			assert.equal(updates(other).length, 0);
			for (const one of [stream, other]) one.connection.destroy();
		});

		test('the upstream is asked once for many, and no more when all are gone', async () => {
			const streams = [];
			for (let i = 0; i < 5; i++) {
				const stream = await modernStream(gateway, 'subscriptions/listen', { notifications: { resourceSubscriptions: ['fixture://binary'] } });
				assert.deepEqual((await stream.next()).params.notifications, { resourceSubscriptions: ['fixture://binary'] });
				streams.push(stream);
			}
			await change('fixture://binary');
			for (const stream of streams) await stream.next(({ method }) => method === UPDATED);
			if (era === 'legacy') assert.equal((await fixture.stats()).subscribes - (await fixture.stats()).unsubscribes >= 1, true);
			const before = await fixture.stats();
			for (const stream of streams) stream.connection.destroy();
			if (era === 'legacy') await until('the unsubscribe', async () => (await fixture.stats()).unsubscribes > before.unsubscribes);
		});

		test('a subscription survives a lost stream', async () => {
			const session = await openSession(gateway);
			const stream = await session.listen();
			await session.request('resources/subscribe', { uri: URI });
			await change();
			await stream.next(({ method }) => method === UPDATED);
			stream.connection.reset();
			const again = await until('the stream to be free', async () => {
				await change();
				const opened = await session.listen();
				return opened.head.status === 200 ? opened : undefined;
			});
			assert.equal((await again.next(({ method }) => method === UPDATED)).params.uri, URI);
			again.connection.destroy();
			assert.equal((await session.end()).status, 200);
		});

		test('a subscription survives the server’s restart', async () => {
			const session = await openSession(gateway);
			const stream = await session.listen();
			await session.request('resources/subscribe', { uri: 'fixture://large' });
			await fixture.restart();
			await until('the news', async () => {
				await change('fixture://large');
				await moment(stream);
				return updates(stream).length > 0;
			});
			stream.connection.destroy();
		});

		test('a subscription follows its server through a reload', async () => {
			const session = await openSession(gateway);
			const stream = await session.listen();
			await session.request('resources/subscribe', { uri: 'fixture://binary' });
			gateway.configure({ upstreams: { ...gateway.options.upstreams, fx: fixture.upstream({ timeout: '41s' }) } });
			assert.equal((await gateway.reload()).code, 0);
			await until('the news', async () => {
				await change('fixture://binary');
				await moment(stream);
				return updates(stream).some(({ params }) => params.uri === 'fixture://binary');
			});
			stream.connection.destroy();
		});

		test('what does not exist is refused', async () => {
			const session = await openSession(gateway);
			assert.equal((await session.request('resources/subscribe', { uri: 'nowhere://at/all' })).message.error.code, -32002);
			assert.equal((await session.request('resources/subscribe', {})).message.error.code, -32602);
			assert.deepEqual((await session.request('resources/unsubscribe', { uri: 'nowhere://at/all' })).message.result, {});
		});
	});
}
