// Certificates for tests, made by openssl: an ECDSA authority and what it signs.
import fs from 'node:fs';
import path from 'node:path';
import { run } from './process.mjs';

async function openssl(...args) {
	const ended = await run('openssl', args);
	if (ended.code !== 0) throw new Error(`openssl ${args.join(' ')}: ${ended.stderr}`);
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];

/** A self-signed authority in `directory`: {cert, key} file names. */
export async function makeAuthority(directory, name) {
	const [cert, key] = ['crt', 'key'].map((ending) => path.join(directory, `${name}.${ending}`));
	await openssl('req', '-x509', ...EC, '-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE', '-keyout', key, '-out', cert);
	return { cert, key };
}

/** A certificate for localhost and 127.0.0.1, or for a client, signed by `authority`, good for `days`. */
export async function makeCertificate(directory, name, authority, days = 2) {
	const [cert, key, csr, extensions] = ['crt', 'key', 'csr', 'ext'].map((ending) => path.join(directory, `${name}.${ending}`));
	fs.writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n');
	await openssl('req', ...EC, '-subj', `/CN=${name}`, '-keyout', key, '-out', csr);
	await openssl('x509', '-req', '-in', csr, '-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial', '-days', String(days), '-extfile', extensions, '-out', cert);
	return { cert, key };
}

/** A client's certificate, signed by `authority`, that is good for so many seconds only. */
export async function makeBriefCertificate(directory, name, authority, seconds) {
	const at = (ending) => path.join(directory, `${name}.${ending}`);
	const end = new Date(Date.now() + seconds * 1000).toISOString().replace(/[-:T]/g, '').slice(2, 14);
	fs.writeFileSync(at('index'), '');
	fs.writeFileSync(at('serial'), '01\n');
	fs.writeFileSync(at('conf'), `[ca]\ndefault_ca=d\n[d]\ndatabase=${at('index')}\nserial=${at('serial')}\nnew_certs_dir=${directory}\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`);
	await openssl('req', ...EC, '-subj', `/CN=${name}`, '-keyout', at('key'), '-out', at('csr'));
	await openssl('ca', '-batch', '-notext', '-config', at('conf'), '-cert', authority.cert, '-keyfile', authority.key, '-enddate', `${end}Z`, '-in', at('csr'), '-out', at('crt'));
	return { cert: at('crt'), key: at('key') };
}
