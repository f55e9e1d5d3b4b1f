// Connector shopify against the Admin API as its documentation has it: GraphQL that says no with status 200, search terms that cannot be broken out of, and each list to
// its end.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { graphqlError, Shopify } from '../fixtures/platforms/shopify.mjs';
import { startConnector } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';

const LISTS = { list_orders: 'orders', list_products: 'products', list_customers: 'customers', inventory_levels: 'items' };
const file = scope(after);
let shopify;
let it;

const searched = () => shopify.searches.at(-1);

before(async () => {
	shopify = await new Shopify().start(file);
	it = await startConnector(file, 'shopify', { platform: shopify, secret: shopify.token, gateway: { tenants: ['acme', 'throttled', 'limited', 'wrong'] } });
});

test('four tools, each as tools are described here', () => it.conventions({ read: Object.keys(LISTS) }));

test('each list, page by page to its end', async () => {
	const first = {
		list_orders: { id: 'gid://shopify/Order/0', name: '#1000', created_at: '2026-10-01T08:00:00Z', financial_status: 'PAID', fulfillment_status: 'UNFULFILLED', total: '49.90', currency: 'EUR' },
		list_products: {
			id: 'gid://shopify/Product/0', title: 'Lamp 0', handle: 'lamp-0', status: 'ACTIVE', vendor: 'Lumen', total_inventory: 0,
			variants: [{ id: 'gid://shopify/ProductVariant/0', price: '19.00', inventory_item_id: 'gid://shopify/InventoryItem/0' }],
		},
		list_customers: { id: 'gid://shopify/Customer/0', name: 'Customer 0', orders: 0, spent: '0.50', currency: 'EUR', created_at: '2026-01-01T00:00:00Z' },
		inventory_levels: { id: 'gid://shopify/InventoryItem/0', sku: 'L-0', tracked: true, levels: [{ location_id: 'gid://shopify/Location/1', location: 'Shop', available: 3, on_hand: 5, committed: 2, incoming: 0 }] },
	};
	for (const [tool, member] of Object.entries(LISTS)) {
		const items = await it.pages(tool, { limit: 2 }, member, (page) => assert.equal(page.api_version, '2026-07'));
		assert.equal(items.length, 5, tool);
		assert.equal(new Set(items.map(({ id }) => id)).size, 5, tool);
		assert.deepEqual(items[0], first[tool]);
	}
});

test('terms of a search: those that are given, quoted where they are words', async () => {
	await it.ok('list_orders', { financial_status: 'paid', created_from: '2026-10-01', created_before: '2026-11-01' });
	assert.deepEqual(searched(), { words: [], financial_status: ['paid'], created_at: ['>=2026-10-01', '<2026-11-01'] });
	await it.ok('list_orders', {});
	assert.deepEqual(searched(), { words: [] });
	for (const search of ['x financial_status:voided', "' OR status:draft '", '" OR status:draft "', 'a\\', 'two words']) {
		await it.ok('list_products', { status: 'active', search });
		assert.deepEqual([Object.keys(searched()).sort(), searched().words.length], [['status', 'words'], 1], search);
		await it.ok('list_products', { vendor: search });
		assert.deepEqual([Object.keys(searched()).sort(), searched().words.length, searched().vendor.length], [['vendor', 'words'], 0, 1], search);
	}
	await it.ok('list_customers', { created_from: '2026-01-01', search: 'Ada' });
	assert.deepEqual([searched().customer_date, searched().words.length], [['>=2026-01-01'], 1]);
});

test('arguments that make no sense are not sent', async () => {
	await it.refuses('list_orders', { financial_status: 'paid status:any' });
	await it.refuses('list_orders', { limit: 51 }, /limit/);
	await it.refuses('list_orders', { created_from: 'yesterday' });
	const { next_cursor: cursor } = await it.ok('list_orders', { limit: 2 });
	await it.refuses('list_products', { limit: 2, cursor }, /cursor/);
});

test('the version that answered is told', async () => {
	shopify.version = '2026-10';
	await it.ok('list_orders', {}, { api_version: '2026-10' });
	shopify.version = '2026-07';
});

test('each example is one', () => callExamples(it));

const refusals = [
	['a scope', 'permission', /read_orders/, [200, graphqlError('ACCESS_DENIED', 'Access denied for orders field.')]],
	['a query that costs too much', 'too_large', /limit/, [200, graphqlError('MAX_COST_EXCEEDED', 'Query cost is 1200')]],
	['a field that has ended', 'version_sunset', /version/, [200, graphqlError('undefinedField', "Field 'x' doesn't exist")]],
	['trouble there, with status 200', 'transient', /./, [200, graphqlError('INTERNAL_SERVER_ERROR', 'oops'), { times: 5 }]],
	['trouble there', 'transient', /./, [502, { errors: 'bad gateway' }, { times: 5 }]],
	['something else', 'invalid', /strange/, [200, { errors: [{ message: 'strange' }] }]],
	['a shop that is frozen', 'blocked', /frozen/, [402, { errors: 'Unavailable Shop' }]],
	['a shop that is locked', 'blocked', /locked/, [423, { errors: 'Locked' }]],
	['a shop that is none', 'not_found', /no such shop/, [404, { errors: 'Not Found' }]],
	['no approval', 'permission', /not approved/, [403, { errors: 'This app is not approved to access REST endpoints' }]],
];
for (const [what, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		shopify.refuse('graphql', ...answer);
		await it.fails('list_orders', {}, failure, words);
		shopify.clearFaults();
	});
}

for (const [tenant, status, answer, headers] of [['throttled', 200, graphqlError('THROTTLED', 'Throttled')], ['limited', 429, { errors: 'Exceeded 2 calls per second' }, { 'retry-after': '30' }]]) {
	test(`${tenant}: the account is left alone`, async () => {
		const other = await it.as(tenant);
		shopify.refuse('graphql', status, answer, { headers });
		await other.fails('list_orders', {}, 'rate_limited');
		const before = shopify.seen.length;
		await other.fails('list_orders', {}, 'rate_limited');
		assert.equal(shopify.seen.length, before);
	});
}

test('a token that was taken back', async () => {
	const wrong = await it.as('wrong');
	shopify.refuse('graphql', 401, { errors: '[API] Invalid API key or access token (unrecognized login or wrong password)' }, { times: 2 });
	await wrong.disconnected('list_orders');
	shopify.clearFaults();
});
