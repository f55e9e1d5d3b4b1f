// Mail through the gateway: real Dovecot and Postfix where mail is read and sent, scripted servers for what real ones do not do on demand,
// and a network that fails.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SAMPLES, includes, setSecret, startConnector, textOf, upload } from './lib/connector.mjs';
import { DOMAIN, PASSWORD, dovecotProgram, dovecotVersion, startDovecot } from './lib/dovecot.mjs';
import { connectAccount } from './lib/connect.mjs';
import { startFaultProxy } from './lib/faults.mjs';
import { scope } from './lib/gateway.mjs';
import { modernCall } from './lib/mcp.mjs';
import { makeUser } from './lib/people.mjs';
import { MESSAGE_BYTES_MAX, postfixMissing, startPostfix } from './lib/postfix.mjs';
import { startProvider } from './lib/provider.mjs';
import { startImap, startSmtp } from './lib/smtp.mjs';
import { makeAuthority, makeCertificate } from './lib/tls.mjs';
import { until } from './lib/wait.mjs';

const ann = `ann@${DOMAIN}`;
const bob = `bob@${DOMAIN}`;
const KINDS = { read_local: ['list_accounts'], read: ['list_folders', 'search_messages', 'read_message'], create: ['send_email', 'create_draft'] };

const mail = ({ from = 'Bob Builder <bob@there.example>', to = ann, subject = 'Hello', id = `${subject.replace(/\W/g, '')}@there.example`, type = 'text/plain; charset=utf-8', body = 'Hello.\n', headers = '' }) =>
	`From: ${from}\nTo: ${to}\nSubject: ${subject}\nMessage-ID: <${id}>\nDate: Fri, 20 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\n${headers}Content-Type: ${type}\n\n${body}`;

/** The gateway with one mail account; nothing is asked of a simulated platform. */
async function startMail(t, { settings, ca, connector = {}, ...options }) {
	const it = await startConnector(t, 'email', { settings: { address: ann, ...settings }, connector: { ca, ...connector }, secret: PASSWORD, ...options });
	it.platform = { seen: [], satisfied() {} };
	return it;
}

const missing = dovecotProgram() === null ? 'dovecot is not installed: ./dev deps' : (await dovecotVersion())[1] > 3 ? 'the configuration is of Dovecot 2.3' : postfixMissing();

describe('with Dovecot and Postfix', { skip: missing ?? false }, () => {
	const t = scope(after);
	let dovecot;
	let postfix;
	let it;

	const local = () => ({ imap_host: 'localhost', imap_port: String(dovecot.imaps), smtp_host: 'localhost', smtp_port: String(postfix.smtps) });
	const found = async (args) => (await it.ok('search_messages', args)).messages;

	before(async () => {
		dovecot = await startDovecot(t);
		postfix = await startPostfix(t, dovecot);
		it = await startMail(t, { settings: local(), ca: dovecot.ca });
	});

	test('six tools, with all that a tool has', () => it.conventions(KINDS));

	test('accounts and folders', async () => {
		await it.ok('list_accounts', {}, { accounts: [{ address: ann, default: true }] });
		assert.ok(!JSON.stringify(await it.ok('list_accounts')).includes(PASSWORD));
		const { folders } = await it.ok('list_folders');
		const role = (wanted) => folders.find((folder) => folder.role === wanted);
		includes(role('inbox'), { path: 'INBOX', selectable: true });
		includes(role('sent'), { path: 'Sent', messages: 0, unseen: 0 });
		assert.ok(role('drafts') && role('trash'));
	});

	test('search: every criterion, umlauts, and what a message says cannot end a response', async () => {
		dovecot.deliver('ann', mail({ subject: '=?utf-8?q?Gr=C3=BC=C3=9Fe?=', body: 'Schöne Grüße\nA004 OK Done\n* BYE\n)\n', headers: 'Content-Transfer-Encoding: 8bit\n' }));
		dovecot.deliver('ann', mail({ subject: 'Big', from: 'carol@else.example', body: 'x'.repeat(9000) }), { flags: 'FS' });
		dovecot.deliver('ann', mail({ subject: 'With file', type: 'multipart/mixed; boundary=b', body: `--b\nContent-Type: text/html\n\n<style>p {}</style><p>In <b>HTML</b> &amp; more</p>\n--b\nContent-Type: application/pdf; name="=?utf-8?q?m=C3=A4rz.pdf?="\nContent-Disposition: attachment; filename*=utf-8''m%C3%A4rz.pdf\nContent-Transfer-Encoding: base64\n\nUERGIQ==\n--b--\n` }));
		const subjects = async (args) => (await found(args)).map(({ subject }) => subject);

		assert.deepEqual(await subjects({}), ['With file', 'Big', 'Grüße']);
		for (const [args, wanted] of [
			[{ query: 'Grüße' }, ['Grüße']], [{ subject: 'grü' }, ['Grüße']], [{ body: 'Schöne' }, ['Grüße']], [{ from: 'carol' }, ['Big']], [{ to: 'ann' }, ['With file', 'Big', 'Grüße']],
			[{ unread: true }, ['With file', 'Grüße']], [{ unread: false }, ['Big']], [{ flagged: true }, ['Big']], [{ flagged: false }, ['With file', 'Grüße']],
			[{ larger_than: 5000 }, ['Big']], [{ smaller_than: 5000 }, ['With file', 'Grüße']], [{ has_attachment: true }, ['With file']],
			[{ since: '2000-01-01' }, ['With file', 'Big', 'Grüße']], [{ before: '2000-01-01' }, []], [{ query: 'no such words' }, []],
			[{ from: '") UNSEEN OR (' }, []], [{ body: 'a\r\nA1 LOGOUT' }, []],
		]) assert.deepEqual(await subjects(args), wanted, JSON.stringify(args));

		const [file, big, greetings] = await found({});
		includes(greetings, { snippet: 'Schöne Grüße A004 OK Done * BYE )', from: { name: 'Bob Builder', address: 'bob@there.example' }, flags: { seen: false }, has_attachments: false, message_id: /^<.*>$/ });
		includes(big, { flags: { seen: true, flagged: true } });
		includes(file, { snippet: 'In HTML & more', has_attachments: true, attachments_count: 1 });
		assert.equal(big.snippet.length, 200);
		assert.equal((await it.ok('search_messages', { limit: 1 })).total, 3);
	});

	test('read: text, HTML, headers, attachments; marks as read only when asked', async () => {
		const [file, , greetings] = await found({});
		const read = await it.ok('read_message', { id: greetings.id }, { text: 'Schöne Grüße\nA004 OK Done\n* BYE\n)\n', truncated: false, subject: 'Grüße', attachments: [] });
		assert.match(read.note, /no instructions/);
		assert.equal((await it.ok('read_message', { id: greetings.id, max_chars: 6 }, { truncated: true })).text, 'Schöne');
		await it.ok('read_message', { id: greetings.id, format: 'raw-headers' }, { headers: /^Message-ID: </m });
		assert.equal((await found({ subject: 'Grü' }))[0].flags.seen, false);
		await it.ok('read_message', { id: greetings.id, mark_read: true });
		assert.equal((await found({ subject: 'Grü' }))[0].flags.seen, true);

		const { attachments } = await it.ok('read_message', { id: file.id }, { text: 'In HTML & more' });
		includes(attachments, [{ part: '2', filename: 'märz.pdf', mime: 'application/pdf', inline: false }]);
		await it.ok('read_message', { id: file.id, format: 'html' }, { html: /<b>HTML<\/b>/ });
		const { attachment } = await it.ok('read_message', { id: file.id, attachment_part: '2' });
		assert.equal(Buffer.from(attachment.base64, 'base64').toString(), 'PDF!');
		await it.fails('read_message', { id: file.id, attachment_part: '7' }, 'not_found');
		await it.fails('read_message', { id: 'bm90IGFuIGlk' }, 'invalid');
		await it.fails('read_message', { id: Buffer.from('1.1.0.INBOX').toString('base64url') }, 'not_found', /made anew/);
		await it.fails('search_messages', { folder: 'Nowhere' }, 'not_found');
	});

	test('pages to the end', async () => {
		for (let i = 0; i < 7; i++) dovecot.deliver('ann', mail({ subject: `Page ${i}` }), { folder: 'Trash' });
		const all = await it.pages('search_messages', { folder: 'Trash', limit: 3 }, 'messages');
		assert.deepEqual(all.map(({ subject }) => subject), [6, 5, 4, 3, 2, 1, 0].map((i) => `Page ${i}`));
	});

	test('sending: real delivery, Bcc, refused recipients, files, the copy', async () => {
		const { message_id: id } = await it.ok('send_email', { to: [`Bob <${bob}>`, `nobody@${DOMAIN}`], bcc: [ann], subject: 'Prüfung\u{1F600}', text: 'one\n.\n..two\n', html: '<p>one</p>', from_name: 'Ann Á',
			attachments: [{ upload_id: await upload(it.gateway, SAMPLES.png, { type: 'image/png', name: 'pic.png' }) }, { base64: Buffer.from('notes').toString('base64'), mime: 'text/plain' }] },
		{ accepted: [bob, ann], rejected: [{ address: `nobody@${DOMAIN}`, code: 550 }], saved_to_sent: true });
		const { text } = await until('the message at Bob', () => dovecot.messages('bob').find((one) => one.text.includes(id)));
		assert.ok(text.includes(SAMPLES.png.toString('base64').slice(0, 60)) && !/^Bcc|ann@here\.example>?,/im.test(text));
		const copy = await until('the blind copy', async () => (await found({ subject: 'Prüfung' }))[0]);
		includes(copy, { subject: 'Prüfung\u{1F600}', from: { name: 'Ann Á', address: ann }, attachments_count: 2 });
		await it.ok('read_message', { id: copy.id }, { text: 'one\n.\n..two\n' });
		includes(await found({ folder: 'Sent' }), [{ message_id: id, flags: { seen: true } }]);

		// an answer to it keeps the thread
		const answer = await it.ok('send_email', { to: [ann], text: 'Answer', reply_to_message_id: copy.id });
		const [got] = await until('the answer', async () => { const all = await found({ subject: 'Re:' }); return all.length > 0 && all; });
		assert.equal(got.subject, 'Re: Prüfung\u{1F600}');
		await it.ok('read_message', { id: got.id }, { in_reply_to: id, references: id, message_id: answer.message_id });
	});

	test('sending: what is refused, nobody gets', async () => {
		const before = dovecot.messages('bob').length;
		for (const args of [{ to: [ann], text: 'x', subject: 'a\r\nBcc: x@y.example' }, { to: ['no address'], text: 'x' }, { to: [`${ann}, ${bob}`], text: 'x' }, { to: [`${ann}>\r\nRCPT TO:<x@y`], text: 'x' }])
			await it.fails('send_email', args, 'invalid');
		await it.refuses('send_email', { to: [ann] }, /text/);
		await it.refuses('send_email', { to: [], text: 'x' });
		await it.fails('send_email', { to: [`nobody@${DOMAIN}`], text: 'x' }, 'invalid', /550/);
		await it.fails('send_email', { to: [ann], text: 'x', attachments: [{ upload_id: await upload(it.gateway, Buffer.alloc(MESSAGE_BYTES_MAX, 'x')) }] }, 'too_large|quota');
		assert.equal(dovecot.messages('bob').length, before);
	});

	test('an idempotency key sends once', async () => {
		const args = { to: [bob], text: 'once', subject: 'Once', idempotency_key: 'k1' };
		const first = await it.ok('send_email', args);
		assert.deepEqual(await it.ok('send_email', args), first);
		await it.ok('send_email', { ...args, subject: 'Later', idempotency_key: 'k2' });
		const at = (subject) => dovecot.messages('bob').filter(({ text }) => text.includes(`Subject: ${subject}`));
		await until('the later message', () => at('Later').length === 1);
		assert.equal(at('Once').length, 1);
	});

	test('drafts', async () => {
		const draft = await it.ok('create_draft', { subject: 'Später', text: 'not yet', bcc: [bob] }, { folder: 'Drafts', uid: /\d/ });
		await it.ok('read_message', { id: draft.id }, { subject: 'Später', text: /^not yet\n?$/, flags: { draft: true, seen: true }, message_id: draft.message_id });
	});

	test('a token: XOAUTH2 and OAUTHBEARER, for reading and for sending; one that has ended', async () => {
		dovecot.tokens.set('token-of-ann', ann);
		const signed = await startMail(t, { settings: local(), ca: dovecot.ca, auth: { type: 'bearer', each: 'tenant' }, secret: 'token-of-ann' });
		await signed.ok('list_folders');
		await signed.ok('send_email', { to: [bob], text: 'x', subject: 'With a token' });
		assert.match(dovecot.log(), /method=(OAUTHBEARER|XOAUTH2)/);
		dovecot.tokens.clear();
		await setSecret(signed.gateway, 'email', 'another-token');
		await until('the token that nobody knows', () => signed.call('list_folders').then((result) => result.isError, () => true));
	});

	test("a person's account at an OAuth provider: a token that ends early is renewed, once", async () => {
		const provider = await startProvider(t, {});
		const { authorize, token } = provider.endpoints;
		for (const person of Object.values(provider.people)) person.name = ann; // whose mailbox it is, says the provider
		const auth = { type: 'oauth', each: 'user', authorize_url: authorize, token_url: token, client_id: provider.client.id, client_secret: provider.client.secret, scope: 'mail', identity: { url: provider.endpoints.identity, id: '/data/user/id', name: '/data/user/name' } };
		const { gateway } = await startMail(t, { settings: { ...local(), address: undefined }, ca: dovecot.ca, auth, secret: undefined });
		const ada = await makeUser(gateway, { email: 'ada@acme.example' });
		const target = { port: gateway.port, key: (await gateway.cliJson('key', 'create', '--tenant', 'acme', '--user', ada.id)).key };
		const folders = async () => (await modernCall(target, 'email_list_folders', {})).message.result;

		dovecot.userOf = (given) => (provider.good(given) ? ann : undefined);
		const link = /http:\/\/127\.0\.0\.1:\d+\/auth\/email\/start\?ticket=[\w-]{43}/.exec(textOf(await folders()))?.[0];
		assert.ok(link, 'who has no account gets a link');
		await connectAccount(gateway, { upstream: 'email', person: ada, link: { url: link } });
		await until('the account', async () => (await folders()).structuredContent?.folders.length >= 4);

		const before = provider.count('refresh');
		provider.expire();
		assert.ok((await folders()).structuredContent?.folders.length >= 4, 'a session that is signed in goes on');
		assert.equal(provider.count('refresh'), before);
		const sent = (await modernCall(target, 'email_send_email', { to: [bob], text: 'x', subject: 'Renewed' })).message.result;
		assert.deepEqual(sent.structuredContent?.accepted, [bob], textOf(sent));
		assert.equal(provider.count('refresh'), before + 1);
	});

	test('several accounts, each with its own password', async () => {
		const several = await startMail(t, { settings: local(), ca: dovecot.ca, connector: { accounts: { sales: { display_name: 'Sales' }, support: { address: bob } } } });
		includes(await several.ok('list_accounts'), { accounts: [{ alias: 'sales', address: ann, display_name: 'Sales', default: true }, { alias: 'support', address: bob, default: false }] });
		const { messages: [one] } = await several.ok('search_messages', { account: 'support', subject: 'Once' });
		await several.ok('read_message', { account: 'support', id: one.id }, { subject: 'Once' });
		await several.fails('read_message', { account: 'sales', id: one.id }, 'invalid', /support/);
		await several.refuses('list_folders', { account: 'nobody' });
	});

	test('STARTTLS; a wrong password; a certificate of nobody', async () => {
		const settings = { imap_host: 'localhost', imap_port: String(dovecot.imap), imap_tls: 'starttls', smtp_host: 'localhost', smtp_port: String(postfix.submission), smtp_tls: 'starttls' };
		const start = await startMail(t, { settings, ca: dovecot.ca });
		await start.ok('list_folders');
		await start.ok('send_email', { to: [bob], text: 'by STARTTLS', subject: 'STARTTLS' });

		await setSecret(start.gateway, 'email', 'wrong');
		await until('the new password', async () => (await start.call('list_folders')).isError);
		assert.doesNotMatch(textOf(await start.call('list_folders')), /wrong/);

		const stranger = await startMail(t, { settings: local(), ca: (await makeAuthority(dovecot.directory, 'other')).cert });
		await stranger.fails('list_folders', {}, 'blocked', /certificate/);
	});

	test('a network that fails in the middle', async () => {
		const link = await startFaultProxy(t, { port: dovecot.imaps });
		const through = await startMail(t, { settings: { ...local(), imap_port: String(link.port) }, ca: dovecot.ca });
		await through.ok('list_folders');
		await through.ok('list_folders');
		assert.equal(link.accepted, 1, 'the session is kept');
		link.resetAll();
		await through.ok('list_folders');
		assert.equal(link.accepted, 2, 'a lost one is made anew');
		link.reset();
		await through.fails('list_folders', {}, 'transient');
		link.heal();
		link.cutAfter(4000);
		await through.call('search_messages', { limit: 50 });
		link.heal();
		await through.ok('list_folders');
	});
});

describe('with servers that refuse', () => {
	const t = scope(after);
	let authority;
	let certificate;
	let it;
	let smtp;
	let imap;

	before(async () => {
		const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-mail-'));
		t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
		authority = await makeAuthority(directory, 'mail-ca');
		certificate = await makeCertificate(directory, 'mail', authority);
		smtp = await startSmtp(t, certificate);
		imap = await startImap(t, certificate);
		it = await startMail(t, { ca: authority.cert, settings: { imap_host: 'localhost', imap_port: String(imap.port), smtp_host: 'localhost', smtp_port: String(smtp.port), append_sent: 'false' } });
	});

	const send = (text) => ({ to: [bob], text });

	for (const [what, rules, failure, taken] of [
		['a full mailbox', { '.': '552 5.2.2 full' }, 'quota', 1],
		['a server that is busy', { RCPT: '450 4.2.1 busy' }, 'transient', 0],
		['a connection lost before the message', { MAIL: 'lost' }, 'transient', 0],
		['a connection lost within it', { DATA: 'lost' }, 'transient', 0],
		['an answer lost after it', { '.': 'lost' }, 'unknown_outcome', 1],
		['garbage', { MAIL: 'hello there' }, 'transient', 0],
		['a refused message', { '.': '554 5.7.1 spam' }, 'blocked', 1],
	]) {
		test(`SMTP: ${what}`, async () => {
			smtp.rules = rules;
			smtp.messages = [];
			const text = await it.fails('send_email', send(what), failure);
			assert.doesNotMatch(text, new RegExp(PASSWORD));
			assert.equal(smtp.messages.length, taken);
		});
	}

	for (const [what, rules, failure] of [
		['unavailable', { 'UID SEARCH': (tag) => `${tag} NO [UNAVAILABLE] later` }, 'transient'],
		['BYE', { EXAMINE: '* BYE go' }, 'transient'],
		['a lost connection', { 'UID SEARCH': 'lost' }, 'transient'],
		['garbage', { 'UID SEARCH': '%%% \x01' }, 'transient'],
		["another command's tag", { 'UID SEARCH': 'A1 OK done' }, 'transient'],
		['a literal without end', { 'UID SEARCH': '* 1 FETCH (X {99999999}' }, 'too_large'],
		['lists without end', { 'UID SEARCH': (tag) => `* 1 FETCH ${'('.repeat(50)}\r\n${tag} OK` }, 'too_large'],
	]) {
		test(`IMAP: ${what}`, async () => {
			imap.rules = rules;
			await it.fails('search_messages', {}, failure);
			imap.rules = {};
			await it.ok('search_messages', {}, { messages: [], total: 0 });
		});
	}

	test('folders of a server without extensions', async () => {
		const { folders } = await it.ok('list_folders');
		includes(folders.map(({ path: name, role }) => [name, role]), [['INBOX', 'inbox'], ['Sent Items', 'sent'], ['Drafts', 'drafts']]);
	});

	test('without TLS nothing is said', async () => {
		const plain = await startImap(t, null);
		const other = await startMail(t, { ca: authority.cert, settings: { imap_host: 'localhost', imap_port: String(plain.port), imap_tls: 'starttls', smtp_host: 'localhost' } });
		await other.fails('list_folders', {}, 'unsupported', /no TLS/);
		assert.ok(plain.said.every((line) => /CAPABILITY$/.test(line)), plain.said.join('\n'));
	});

	test('a private address is refused unless the operator allows it', async () => {
		const guarded = await startMail(t, { ca: authority.cert, settings: { imap_host: 'localhost', imap_port: String(imap.port), smtp_host: 'localhost' }, connector: { allow_private: false } });
		const before = imap.accepted;
		const text = await guarded.call('list_folders').then(textOf, (error) => error.message);
		assert.match(text, /private address/);
		assert.equal(imap.accepted, before);
	});
});
