// Mail servers that do what a test says: SMTP and IMAP over TLS, for what real servers do not do on demand.
//
//	const smtp = await startSmtp(t, certificate, { RCPT: '452 4.2.2 full' });   // an answer by command, a function of its words, or 'lost'
//	smtp.messages                       what was handed over, whole: [{from, to, text}]
//	const imap = await startImap(t, certificate, { 'UID SEARCH': (tag) => `${tag} NO [UNAVAILABLE] later` });
//
// `lost` ends the connection without an answer; '.' is the command for the end of a message; '' is the greeting.
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';

class LineServer {
	constructor(rules) {
		this.rules = rules;
		this.sockets = new Set();
		this.said = [];
		this.accepted = 0;
	}

	async listen(t, certificate) {
		const accept = (socket) => {
			this.accepted++;
			this.sockets.add(socket);
			socket.on('close', () => this.sockets.delete(socket)).on('error', () => {});
			this.serve(socket);
		};
		this.server = certificate === null ? net.createServer(accept) : tls.createServer({ cert: fs.readFileSync(certificate.cert), key: fs.readFileSync(certificate.key) }, accept);
		this.server.on('tlsClientError', () => {});
		this.server.listen(0, '127.0.0.1');
		await once(this.server, 'listening');
		this.port = this.server.address().port;
		t.after(() => {
			for (const socket of this.sockets) socket.destroy();
			this.server.close();
		});
		return this;
	}

	/** The rule for a command, or what is usual; false when the connection is over. */
	answer(socket, command, words, usual) {
		const rule = Object.hasOwn(this.rules, command) ? this.rules[command] : usual;
		const text = typeof rule === 'function' ? rule(...words) : rule;
		if (text === 'lost') {
			socket.destroy();
			return false;
		}
		if (text !== null && text !== undefined) socket.write(`${text}\r\n`);
		return true;
	}
}

class Smtp extends LineServer {
	messages = [];

	serve(socket) {
		let bytes = '';
		const session = { from: '', to: [], data: false, auth: false };
		if (!this.answer(socket, '', [], '220 fixture ESMTP')) return;
		socket.setEncoding('latin1').on('data', (text) => {
			bytes += text;
			for (;;) {
				const end = bytes.indexOf(session.data ? '\r\n.\r\n' : '\r\n');
				if (end < 0) return;
				const line = bytes.slice(0, end);
				bytes = bytes.slice(end + (session.data ? 5 : 2));
				if (!this.#take(socket, session, line)) return;
			}
		});
	}

	#take(socket, session, line) {
		if (session.data) {
			session.data = false;
			this.messages.push({ from: session.from, to: session.to, text: line.replace(/^\./gm, '') });
			return this.answer(socket, '.', [], '250 2.0.0 taken');
		}
		if (session.auth) {
			session.auth = false;
			return this.answer(socket, 'AUTH', [line], '235 2.7.0 welcome');
		}
		this.said.push(line);
		const command = line.split(/[ :]/)[0].toUpperCase();
		switch (command) {
		case 'EHLO':
			return this.answer(socket, 'EHLO', [line], '250-fixture\r\n250-AUTH PLAIN LOGIN XOAUTH2\r\n250 SIZE 100000000');
		case 'AUTH':
			if (line.split(' ').length > 2) return this.answer(socket, 'AUTH', [line], '235 2.7.0 welcome');
			session.auth = true;
			socket.write('334 \r\n');
			return true;
		case 'MAIL':
			session.from = /<(.*)>/.exec(line)[1];
			session.to = [];
			return this.answer(socket, 'MAIL', [line], '250 2.1.0 ok');
		case 'RCPT':
			session.to.push(/<(.*)>/.exec(line)[1]);
			return this.answer(socket, 'RCPT', [session.to.at(-1)], '250 2.1.5 ok');
		case 'DATA':
			if (!this.answer(socket, 'DATA', [], '354 go on')) return false;
			session.data = !Object.hasOwn(this.rules, 'DATA');
			return true;
		default:
			return this.answer(socket, command, [line], '250 2.0.0 ok');
		}
	}
}

class Imap extends LineServer {
	serve(socket) {
		let bytes = '';
		let literal = null;
		if (!this.answer(socket, '', [], '* OK fixture')) return;
		socket.setEncoding('latin1').on('data', (text) => {
			bytes += text;
			for (;;) {
				if (literal !== null) {
					if (bytes.length < literal.bytes) return;
					const body = bytes.slice(0, literal.bytes);
					bytes = bytes.slice(literal.bytes);
					this.said.push(body);
					const { before } = literal;
					literal = null;
					bytes = `${before}~~${bytes}`;
				}
				const end = bytes.indexOf('\r\n');
				if (end < 0) return;
				const line = bytes.slice(0, end);
				bytes = bytes.slice(end + 2);
				const announced = /\{(\d+)\}$/.exec(line);
				if (announced !== null) {
					literal = { bytes: Number(announced[1]), before: line };
					socket.write('+ go on\r\n');
				} else if (!this.#take(socket, line)) {
					return;
				}
			}
		});
	}

	#take(socket, line) {
		this.said.push(line);
		const [tag, ...words] = line.split(' ');
		if (words.length === 0) return this.answer(socket, 'AUTHENTICATE', [this.tag, line], `${this.tag} OK welcome`);
		const command = words[0].toUpperCase() === 'UID' ? `UID ${words[1].toUpperCase()}` : words[0].toUpperCase();
		const usual = {
			CAPABILITY: `* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2\r\n${tag} OK done`,
			SELECT: `* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n${tag} OK open`,
			EXAMINE: `* 1 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n${tag} OK open`,
			LIST: `* LIST () "/" INBOX\r\n* LIST () "/" "Sent Items"\r\n* LIST () "/" Drafts\r\n${tag} OK done`,
			STATUS: `* STATUS INBOX (MESSAGES 1 UNSEEN 0)\r\n${tag} OK done`,
		};
		if (command === 'AUTHENTICATE' && words.length === 2) {
			this.tag = tag;
			socket.write('+ \r\n');
			return true;
		}
		return this.answer(socket, command, [tag, line], usual[command] ?? `${tag} OK done`);
	}
}

/** `certificate` null: without TLS. */
export const startSmtp = (t, certificate, rules = {}) => new Smtp(rules).listen(t, certificate);
export const startImap = (t, certificate, rules = {}) => new Imap(rules).listen(t, certificate);
