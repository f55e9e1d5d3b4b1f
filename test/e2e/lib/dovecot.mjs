// A real mail server of one's own: Dovecot for IMAP, with a certificate, on loopback ports in a temporary directory.
//
//	const dovecot = await startDovecot(t);
//	dovecot.imaps, dovecot.imap      ports: TLS from the first byte, and STARTTLS
//	dovecot.ca                       the file of the authority that signed its certificate
//	dovecot.deliver('ann', text)     put a message into ann's INBOX
//	dovecot.tokens.add('secret')     a token that introspection calls ann's
//
// Accounts: ann and bob @here.example, password `app-password`. XOAUTH2 and OAUTHBEARER ask an introspection endpoint of the test's own.
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { greeted } from './greeting.mjs';
import { freePort } from './port.mjs';
import { endGroup, launch, run } from './process.mjs';
import { makeAuthority, makeCertificate } from './tls.mjs';
import { findProgram, lent, lentDirectory } from './unprivileged.mjs';

export const PASSWORD = 'app-password';
export const DOMAIN = 'here.example';

export const dovecotProgram = () => findProgram(['dovecot']);

/** Whom programs are lent to: the names that Dovecot wants for its own processes. */
function owner(directory) {
	const { uid, gid } = fs.statSync(directory);
	const name = (file, id) => fs.readFileSync(file, 'utf8').split('\n').map((line) => line.split(':')).find((row) => Number(row[2]) === id)[0];
	return { uid, gid, user: name('/etc/passwd', uid), group: name('/etc/group', gid) };
}

/** Tokens that are somebody's: what Dovecot asks about each that it is shown. */
async function startIntrospection(t, it) {
	const server = http.createServer((req, res) => {
		const token = decodeURIComponent(req.url.split('token=')[1] ?? '');
		const user = it.userOf(token);
		res.writeHead(200, { 'content-type': 'application/json' });
		res.end(JSON.stringify(user === undefined ? { active: false } : { active: true, email: user }));
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return server.address().port;
}

function configuration(it, introspection, auth) {
	const { user, group, uid, gid } = it.owner;
	const at = (name) => path.join(it.directory, name);
	fs.writeFileSync(at('oauth2.conf'), `tokeninfo_url = http://127.0.0.1:${introspection}/?token=
introspection_mode = auth
introspection_url = http://127.0.0.1:${introspection}/?token=
username_attribute = email
active_attribute = active
active_value = true
`);
	return `base_dir = ${at('run')}
state_dir = ${at('state')}
log_path = ${at('log')}
default_internal_user = ${user}
default_internal_group = ${group}
default_login_user = ${user}
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <${it.certificate.cert}
ssl_key = <${it.certificate.key}
auth_mechanisms = plain login xoauth2 oauthbearer
disable_plaintext_auth = yes
mail_location = maildir:${at('mail')}/%n
mail_uid = ${uid}
mail_gid = ${gid}
first_valid_uid = 1
first_valid_gid = 1
auth_failure_delay = 0 secs
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${at('oauth2.conf')}
}
passdb {
  driver = static
  mechanisms = plain login
  args = password=${PASSWORD}
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${at('mail')}/%n
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    auto = create
    special_use = \\Drafts
  }
  mailbox Sent {
    auto = create
    special_use = \\Sent
  }
  mailbox Trash {
    auto = create
    special_use = \\Trash
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${it.imap}
  }
  inet_listener imaps {
    port = ${it.imaps}
    ssl = yes
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = ${auth}
  }
}
`;
}

export class Dovecot {
	constructor(directory) {
		this.directory = directory;
		this.owner = owner(directory);
		this.tokens = new Map();
		this.userOf = (token) => this.tokens.get(token); // a test may ask its provider instead
		this.delivered = 0;
	}

	async start(t) {
		const authority = await makeAuthority(this.directory, 'mail-ca');
		this.ca = authority.cert;
		this.certificate = await makeCertificate(this.directory, 'mail', authority);
		[this.imap, this.imaps, this.auth] = [await freePort(), await freePort(), await freePort()];
		const file = path.join(this.directory, 'dovecot.conf');
		fs.writeFileSync(file, configuration(this, await startIntrospection(t, this), this.auth));
		for (const name of fs.readdirSync(this.directory)) fs.chownSync(path.join(this.directory, name), this.owner.uid, this.owner.gid);
		this.child = launch(...lent(dovecotProgram(), ['-F', '-c', file]), { cwd: this.directory });
		await greeted('Dovecot', this.child, this.imap, () => this.log());
		return this;
	}

	log() {
		try {
			return fs.readFileSync(path.join(this.directory, 'log'), 'utf8');
		} catch {
			return '';
		}
	}

	/** Put a message into a user's folder, as a delivery agent does: a file in Maildir's `new`. */
	deliver(user, text, { folder = '', flags = null } = {}) {
		const box = path.join(this.directory, 'mail', user, folder === '' ? '' : `.${folder}`);
		const name = `${1_700_000_000 + this.delivered}.M${++this.delivered}P1.test`;
		for (const part of ['cur', 'new', 'tmp']) fs.mkdirSync(path.join(box, part), { recursive: true });
		const file = path.join(box, flags === null ? 'new' : 'cur', flags === null ? name : `${name}:2,${flags}`);
		fs.writeFileSync(file, text.replace(/\r?\n/g, '\r\n'));
		this.own();
	}

	/** The files of a user's folder: what is really there. */
	messages(user, folder = '') {
		const box = path.join(this.directory, 'mail', user, folder === '' ? '' : `.${folder}`);
		return ['new', 'cur'].flatMap((part) => {
			const directory = path.join(box, part);
			return fs.existsSync(directory) ? fs.readdirSync(directory).sort().map((name) => ({ name, text: fs.readFileSync(path.join(directory, name), 'utf8') })) : [];
		});
	}

	own() {
		const walk = (file) => {
			fs.chownSync(file, this.owner.uid, this.owner.gid);
			if (fs.statSync(file).isDirectory()) for (const name of fs.readdirSync(file)) walk(path.join(file, name));
		};
		walk(path.join(this.directory, 'mail'));
	}

	async cleanup() {
		try {
			if (this.child?.exitCode === null) {
				this.child.kill('SIGTERM');
				await this.child.ended;
			}
		} finally {
			fs.rmSync(this.directory, { recursive: true, force: true });
		}
	}
}

export async function startDovecot(t) {
	const dovecot = new Dovecot(lentDirectory('gatehouse-dovecot-'));
	fs.chmodSync(dovecot.directory, 0o755);
	t.after(() => dovecot.cleanup());
	return dovecot.start(t);
}

/** Its main version, as [2, 3]. */
export async function dovecotVersion() {
	const { stdout } = await run(dovecotProgram(), ['--version']);
	return stdout.split('.').slice(0, 2).map(Number);
}
