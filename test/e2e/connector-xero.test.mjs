// Connector xero against the Accounting API as its documentation has it: amounts digit by digit, lists to the end, reports whose layout nobody can know, and limits by the
// minute and by the day.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Xero } from '../fixtures/platforms/xero.mjs';
import { connectable, connectAccount } from './lib/connect.mjs';
import { startConnector } from './lib/connector.mjs';
import { callExamples } from './lib/examples.mjs';
import { scope } from './lib/gateway.mjs';
import { makeUser } from './lib/people.mjs';
import { startProvider } from './lib/provider.mjs';

const INVOICES = 'Invoices';
const file = scope(after);
let xero;
let it;

const last = (at) => xero.asked(at).at(-1);

before(async () => {
	xero = await new Xero().start(file);
	it = await startConnector(file, 'xero', {
		platform: xero, settings: { tenant_id: xero.tenant }, auth: { type: 'bearer' }, secret: xero.token, gateway: { tenants: ['acme', 'minute', 'day', 'expired', 'last'] },
	});
});

test('four tools, each as tools are described here', () => it.conventions({ read: ['list_invoices', 'list_contacts', 'profit_and_loss', 'balance_sheet'] }));

test('list_invoices: to the end, amounts as they were written', async () => {
	const invoices = await it.pages('list_invoices', { limit: 3 }, 'invoices');
	assert.deepEqual(invoices.map(({ number }) => number), ['INV-0', 'INV-1', 'INV-2', 'INV-3', 'INV-4', 'INV-5', 'INV-6']);
	assert.deepEqual(invoices[0], {
		id: 'e9a1b2c3-0000-4000-8000-000000000000', number: 'INV-0', type: 'ACCREC', status: 'AUTHORISED', contact: { id: 'e9a1b2c3-0000-4000-8000-000000000100', name: 'Company 0' }, date: '2026-10-01',
		due_date: '2026-11-01', currency: 'NZD', subtotal: '100.00', tax: '15.00', total: '115.00', amount_due: '12345678901234567.10', amount_paid: '0.00',
	});
});

test('list_invoices: by kind, state, contact, number, words and time', async () => {
	const numbers = async (args) => (await it.ok('list_invoices', args)).invoices.map(({ number }) => number);
	assert.deepEqual(await numbers({ type: 'ACCPAY' }), ['INV-1', 'INV-3', 'INV-5']);
	assert.deepEqual(await numbers({ statuses: ['PAID', 'DRAFT'] }), ['INV-5', 'INV-6']);
	assert.deepEqual(await numbers({ contact_ids: ['e9a1b2c3-0000-4000-8000-000000000102'] }), ['INV-2']);
	assert.deepEqual(await numbers({ invoice_numbers: ['INV-1', 'INV-4'] }), ['INV-1', 'INV-4']);
	assert.deepEqual(await numbers({ search: 'Company 6' }), ['INV-6']);
	assert.deepEqual(await numbers({ search: 'nobody' }), []);
	await it.ok('list_invoices', { modified_since: '2026-10-31T12:00:00+13:00' });
	assert.match(last(INVOICES).headers['if-modified-since'], /^2026-10-30T23:00:00Z?$/);
});

test('list_contacts: what is personal comes only when it is wanted', async () => {
	const contacts = await it.pages('list_contacts', { limit: 2 }, 'contacts');
	assert.equal(contacts.length, 5);
	assert.deepEqual(contacts[1], { id: 'e9a1b2c3-0000-4000-8000-000000000101', name: 'Company 1', status: 'ACTIVE', is_customer: true, is_supplier: true, currency: 'NZD' });
	await it.ok('list_contacts', { search: 'Company 3', personal_data: true }, { contacts: [{ name: 'Company 3', email: 'c3@example.com', first_name: 'Ada' }] });
});

test('profit_and_loss: columns, sections, accounts', async () => {
	const report = await it.ok('profit_and_loss', { from_date: '2026-10-01', to_date: '2026-10-31', periods: 1, timeframe: 'MONTH', payments_only: true });
	assert.deepEqual(report, {
		title: 'Profit and Loss', titles: ['Profit and Loss', 'Demo Co', '2026-10-01 to 2026-10-31'], columns: ['Period 0', 'Period 1'],
		sections: [
			{ title: 'Income', rows: [{ type: 'Row', label: 'Sales', account_id: 'e9a1b2c3-0000-4000-8000-000000000001', values: ['1234.50', ''] }, { type: 'SummaryRow', label: 'Total Income', values: ['1234.50', ''] }] },
			{ title: '', rows: [{ type: 'Row', label: 'Net Profit', values: ['1234.50', ''] }] },
		],
	});
	assert.deepEqual(last('ProfitAndLoss').query, { fromDate: '2026-10-01', toDate: '2026-10-31', periods: '1', timeframe: 'MONTH', standardLayout: 'true', paymentsOnly: 'true' });
});

test('balance_sheet: of a day, and of today', async () => {
	await it.ok('balance_sheet', { date: '2026-10-31' }, { columns: ['2026-10-31'], sections: [{ title: 'Assets', rows: [] }, { title: 'Bank', rows: [{ label: 'Business', values: ['-20.15'] }] }] });
	await it.ok('balance_sheet', {});
	assert.equal(last('BalanceSheet').query.date, undefined);
});

test('arguments that make no sense are not sent', async () => {
	await it.refuses('profit_and_loss', { from_date: '2026-10-31', to_date: '2026-10-01' }, /after/);
	await it.refuses('profit_and_loss', { from_date: '2025-01-01', to_date: '2026-10-01' }, /a year/);
	await it.refuses('list_invoices', { type: 'ACCREC" OR "1"=="1' });
	await it.refuses('list_invoices', { invoice_numbers: ['a,b'] });
	await it.refuses('list_invoices', { cursor: '2' }, /cursor/);
});

test('each example is one', () => callExamples(it));

const refusals = [
	['an organisation that is gone', 'permission', /connect it again/, [403, { Title: 'Forbidden', Status: 403, Detail: 'AuthenticationUnsuccessful' }]],
	['a filter', 'invalid', /Invalid page/, [400, { ErrorNumber: 10, Type: 'ValidationException', Message: 'A validation exception occurred', Elements: [{ ValidationErrors: [{ Message: 'Invalid page' }] }] }]],
	['what is not there', 'not_found', /./, [404, { Title: 'Not found', Status: 404, Detail: 'gone' }]],
	['trouble there', 'transient', /./, [503, { Title: 'Unavailable', Status: 503 }, { times: 5 }]],
];
for (const [what, failure, words, answer] of refusals) {
	test(`refused: ${what}`, async () => {
		xero.refuse(INVOICES, ...answer);
		await it.fails('list_invoices', {}, failure, words);
		xero.clearFaults();
	});
}

test('limits: of the minute the account waits, of the day it is told', async () => {
	const minute = await it.as('minute');
	xero.refuse(INVOICES, 429, null, { headers: { 'retry-after': '40', 'x-rate-limit-problem': 'minute' } });
	await minute.fails('list_invoices', {}, 'rate_limited', /40/);
	const before = xero.seen.length;
	await minute.fails('list_invoices', {}, 'rate_limited');
	assert.equal(xero.seen.length, before);
	const day = await it.as('day');
	xero.refuse(INVOICES, 429, null, { headers: { 'retry-after': '30000', 'x-rate-limit-problem': 'day' } });
	await day.fails('list_invoices', {}, 'quota', /5000/);
});

test('who has used up a minute is not heard until the next one', async () => {
	const lastOne = await it.as('last');
	xero.minuteLeft = 0;
	await lastOne.ok('list_contacts', {});
	xero.minuteLeft = 59;
	const before = xero.seen.length;
	await lastOne.fails('list_contacts', {}, 'rate_limited');
	assert.equal(xero.seen.length, before);
});

test('a token that has ended', async () => {
	const expired = await it.as('expired');
	xero.refuse(INVOICES, 401, { Title: 'Unauthorized', Status: 401, Detail: 'TokenExpired: token expired' }, { times: 2 });
	await expired.disconnected('list_invoices');
	xero.clearFaults();
});

test('a person connects and picks the organisation; a token that ends is renewed on the way', async (t) => {
	const pages = [{ id: '00000000-0000-4000-8000-000000000000', name: 'Another' }, { id: xero.tenant, name: 'Demo Co' }];
	const provider = await startProvider(t, { quirks: { clientAuth: 'basic' }, people: { ada: { id: '70001', name: 'Ada Lovelace', pages } } });
	const pick = { url: provider.endpoints.list, items: '/data', id: '/id', name: '/name', header: 'xero-tenant-id' };
	const { auth } = connectable(provider, { provider: 'xero', each: 'tenant', issuer: undefined, scope: 'read write', pick });
	const own = await new Xero().start(t);
	own.lets = (headers) => provider.judge(headers).row !== undefined;
	const connected = await startConnector(t, 'xero', { platform: own, auth });
	const owner = await makeUser(connected.gateway, { email: 'owner@acme.example', role: 'owner' });
	await connectAccount(connected.gateway, { upstream: 'xero', person: owner, each: 'tenant', pick: xero.tenant });
	await connected.ok('list_invoices', { limit: 1 }, { invoices: [{ number: 'INV-0' }] });
	provider.expire();
	await connected.ok('list_invoices', { limit: 1 }, { invoices: [{ number: 'INV-0' }] });
	assert.equal(provider.count('refresh'), 1);
});
