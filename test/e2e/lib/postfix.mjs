// A real server that takes mail: Postfix, with sign-in by Dovecot and delivery into Dovecot's folders. It wants to be started by root.
//
//	const postfix = await startPostfix(t, dovecot);
//	postfix.smtps, postfix.submission   ports: TLS from the first byte, and STARTTLS
//
// Its users are Dovecot's; nobody else @here.example exists, and other domains are refused to nobody but kept in the queue.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DOMAIN } from './dovecot.mjs';
import { greeted } from './greeting.mjs';
import { freePort } from './port.mjs';
import { launch, run } from './process.mjs';
import { findProgram } from './unprivileged.mjs';
import { within } from './wait.mjs';

export const MESSAGE_BYTES_MAX = 3_000_000;

/** Why it cannot run here; null when it can. */
export const postfixMissing = () => (process.getuid() !== 0 ? 'Postfix wants root' : findProgram(['postfix']) === null ? 'postfix is not installed: ./dev deps' : null);

const SERVICES = [
	'cleanup unix n - n - 0 cleanup', 'qmgr unix n - n 300 1 qmgr', 'rewrite unix - - n - - trivial-rewrite', 'tlsmgr unix - - n 1000? 1 tlsmgr',
	'bounce unix - - n - 0 bounce', 'defer unix - - n - 0 bounce', 'trace unix - - n - 0 bounce', 'verify unix - - n - 1 verify', 'flush unix n - n 1000? 0 flush',
	'proxymap unix - - n - - proxymap', 'proxywrite unix - - n - 1 proxymap', 'retry unix - - n - - error', 'error unix - - n - - error', 'discard unix - - n - - discard',
	'virtual unix - n n - - virtual', 'anvil unix - - n - 1 anvil', 'scache unix - - n - 1 scache', 'postlog unix-dgram n - n - 1 postlogd',
];

class Postfix {
	constructor(directory, dovecot) {
		Object.assign(this, { directory, dovecot });
	}

	async configure() {
		[this.smtps, this.submission] = [await freePort(), await freePort()];
		const { uid, gid } = this.dovecot.owner;
		const at = (name) => path.join(this.directory, name);
		for (const name of ['queue', 'data']) fs.mkdirSync(at(name));
		const { stdout } = await run('id', ['-u', 'postfix']);
		fs.chownSync(at('data'), Number(stdout), Number(stdout));
		fs.writeFileSync(at('main.cf'), `compatibility_level = 3.6
queue_directory = ${at('queue')}
data_directory = ${at('data')}
myhostname = mx.${DOMAIN}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_mailbox_domains = ${DOMAIN}
virtual_mailbox_base = ${path.join(this.dovecot.directory, 'mail')}
virtual_mailbox_maps = inline:{ ann@${DOMAIN}=ann/, bob@${DOMAIN}=bob/ }
virtual_uid_maps = static:${uid}
virtual_gid_maps = static:${gid}
virtual_minimum_uid = 1
default_transport = discard:
smtpd_tls_cert_file = ${this.dovecot.certificate.cert}
smtpd_tls_key_file = ${this.dovecot.certificate.key}
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:${this.dovecot.auth}
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_client_restrictions =
message_size_limit = ${MESSAGE_BYTES_MAX}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
maillog_file = ${at('log')}
maillog_file_prefixes = ${this.directory}
`);
		fs.writeFileSync(at('master.cf'), [
			`127.0.0.1:${this.smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes`,
			`127.0.0.1:${this.submission} inet n - n - - smtpd`,
			...SERVICES,
		].join('\n') + '\n');
	}

	async start() {
		await this.configure();
		this.child = launch(findProgram(['postfix']), ['-c', this.directory, 'start-fg']);
		await greeted('Postfix', this.child, this.submission, () => this.log());
		return this;
	}

	log() {
		try {
			return fs.readFileSync(path.join(this.directory, 'log'), 'utf8');
		} catch {
			return '';
		}
	}

	async cleanup() {
		try {
			if (this.child?.exitCode === null) {
				await run(findProgram(['postfix']), ['-c', this.directory, 'abort']);
				await within('the end of Postfix', this.child.ended);
			}
		} finally {
			fs.rmSync(this.directory, { recursive: true, force: true });
		}
	}
}

export async function startPostfix(t, dovecot) {
	const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gatehouse-postfix-'));
	fs.chmodSync(directory, 0o755);
	const postfix = new Postfix(directory, dovecot);
	t.after(() => postfix.cleanup());
	return postfix.start();
}
