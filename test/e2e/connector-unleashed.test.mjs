// Connector unleashed against its API: a signature over the query byte by byte, numbers and days as they are written there, pages in the path, and refusals that are no JSON.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { signature, Unleashed } from '../fixtures/platforms/unleashed.mjs';
import { startConnector } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';

const PRODUCTS = 'Products';
const file = scope(after);
let unleashed;
let it;

const last = (at) => unleashed.asked(at).at(-1);

before(async () => {
	unleashed = await new Unleashed().start(file);
	it = await startConnector(file, 'unleashed', { platform: unleashed, secret: unleashed.token, gateway: { tenants: ['acme', 'limited', 'wrong'] } });
});

test('the simulator signs as the documentation does', () => {
	assert.equal(signature('abc', ''), '4mNgd1BnKaj2Gv8kQTMuQOhEqK1ESJ79gCEOptH1EIg=');
	assert.equal(signature('abc', 'pageSize=200&modifiedSince=2026-11-01'), 'ftCZl8rehIlrtzHSLRSr864Ttv1yucqvStA8Bv6rFpg=');
});

test('three tools, each as tools are described here', () => it.conventions({ read: ['list_products', 'stock_on_hand', 'list_sales_orders'] }));

test('list_products: to the end, with prices digit by digit', async () => {
	const products = await it.pages('list_products', { limit: 2 }, 'products');
	assert.deepEqual(products.map(({ code }) => code), ['LAMP 0', 'LAMP 1', 'LAMP 2', 'LAMP 3', 'LAMP 4']);
	assert.deepEqual(products.slice(0, 2), [
		{ id: '11111111-0000-4000-8000-000000000000', code: 'LAMP 0', description: 'Lamp & shade 0', sell_price: '12.5000', sellable: true, obsolete: false },
		{ id: '11111111-0000-4000-8000-000000000001', code: 'LAMP 1', description: 'Lamp & shade 1', sell_price: '12.5000', last_cost: '7.1230', sellable: true, obsolete: false },
	]);
});

test('what is signed is what is sent, whatever stands in it', async () => {
	await it.ok('list_products', { product_code: 'LAMP 3', modified_since: '2026-11-01' }, { products: [{ code: 'LAMP 3' }] });
	for (const product of ['a b', 'a+b&c=d', 'ä/ö?%', "'quoted'"]) {
		await it.ok('list_products', { product, include_obsolete: true });
		assert.deepEqual([last(PRODUCTS).query.product, last(PRODUCTS).query.includeObsolete], [product, 'true']);
	}
});

test('stock_on_hand', async () => {
	const stock = await it.pages('stock_on_hand', { limit: 2, warehouse_code: 'MAIN', as_at_date: '2026-10-31' }, 'stock');
	assert.equal(stock.length, 3);
	assert.deepEqual(stock[0], {
		product_code: 'LAMP 0', product: 'Lamp 0', warehouse: 'Main', on_hand: '0.0000', allocated: '1.0000', available: '-1.0000', on_purchase: '0.0000', average_cost: '7.10', total_cost: '7.10',
	});
	assert.deepEqual(last('StockOnHand').query, { pageSize: '2', warehouseCode: 'MAIN', asAtDate: '2026-10-31' });
});

test('list_sales_orders: days of two spellings, and none', async () => {
	assert.equal((await it.pages('list_sales_orders', { limit: 3 }, 'orders')).length, 4);
	const { orders } = await it.ok('list_sales_orders', { status: 'Placed', customer_code: 'ACME', start_date: '2026-09-01', end_date: '2026-10-31' });
	assert.deepEqual(orders, [{ number: 'SO-0', status: 'Placed', order_date: '2026-10-01', customer: { code: 'ACME', name: 'Acme & Co' }, currency: 'NZD', subtotal: '100.00', tax: '15.00', total: '115.00' }]);
	await it.ok('list_sales_orders', { status: 'Completed', limit: 1 }, { orders: [{ required_date: '2026-11-01' }] });
});

test('arguments that make no sense are not sent', async () => {
	await it.refuses('list_sales_orders', { start_date: '2026-10-31', end_date: '2026-10-01' }, /after/);
	await it.refuses('list_sales_orders', { status: 'Lost' });
	await it.refuses('stock_on_hand', { limit: 0 }, /limit/);
});

test('each example is one', () => callExamples(it));

const page = (status, text, more = {}) => ({ at: PRODUCTS, how: 'refuse', status, text, headers: { 'content-type': 'text/html' }, ...more });
for (const [what, fault, failure] of [
	['a filter', page(400, '<h1>Bad</h1>'), 'invalid'],
	['what is not there', page(404, 'nothing'), 'not_found'],
	['trouble there', page(500, '{"half":', { times: 5 }), 'transient'],
]) {
	test(`refused: ${what}, in words that are not repeated`, async () => {
		unleashed.fault(fault);
		const words = await it.fails('list_products', {}, failure, new RegExp(`${fault.status}`));
		assert.equal(/<h1>|nothing|half/.test(words), false);
		unleashed.clearFaults();
	});
}

test('a limit: the account is left alone', async () => {
	const limited = await it.as('limited');
	unleashed.fault(page(429, 'slow', { headers: { 'retry-after': '30' } }));
	await limited.fails('list_products', {}, 'rate_limited', /30/);
	const before = unleashed.seen.length;
	await limited.fails('list_products', {}, 'rate_limited');
	assert.equal(unleashed.seen.length, before);
});

test('a key that is wrong; nobody reads it, or a signature', async () => {
	const wrong = await it.as('wrong');
	unleashed.fault(page(403, 'Authentication failed', { times: 2 }));
	const words = await wrong.disconnected('list_products');
	unleashed.clearFaults();
	const signed = last(PRODUCTS).headers['api-auth-signature'];
	for (const text of [words, it.gateway.allStderr]) assert.equal(text.includes(unleashed.key) || text.includes(signed), false);
});
