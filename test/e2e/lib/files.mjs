// Public addresses of files, made from the installation's key as doc/rooms/media.md says: an address that a gateway gives out must be
// the same, and so must what another replica expects.
import { createHmac, hkdfSync } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

function masterKey(gateway) {
	const kept = fs.readFileSync(path.join(gateway.data, 'server.key'));
	return kept.length === 32 ? kept : Buffer.from(kept.toString().trim(), 'hex');
}

/** The path of a file's address that ends in so many seconds. */
export function fileAddress(gateway, id, seconds = 3600) {
	const key = Buffer.from(hkdfSync('sha256', masterKey(gateway), '', 'gatehouse media 1', 32));
	const end = Buffer.alloc(5);
	end.writeUIntBE(Math.floor(Date.now() / 1000) + seconds, 0, 5);
	const mac = createHmac('sha256', key).update(Buffer.concat([Buffer.from('media address 1'), Buffer.from(id), end])).digest().subarray(0, 16);
	return `/media/${id}/${Buffer.concat([end, mac]).toString('base64url')}/file.png`;
}
