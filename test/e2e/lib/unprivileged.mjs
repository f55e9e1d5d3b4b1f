// Programs that refuse to run as root, and that must not outlive the test that started them.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run } from './process.mjs';
import { isExecutable } from './places.mjs';

/** Whom root lends such a program to; null for everybody else, who runs it as himself. */
function servant() {
	if (process.getuid() !== 0) return null;
	const users = fs.readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
	const found = ['postgres', 'nobody'].map((name) => users.find((user) => user[0] === name)).find((user) => user !== undefined);
	if (found === undefined) throw new Error('neither postgres nor nobody is a user here');
	return { uid: Number(found[2]), gid: Number(found[3]) };
}

/** The first of `names` in PATH or in one of `directories`; null when there is none. */
export function findProgram(names, directories = []) {
	const places = [...directories, ...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/bin'];
	for (const name of names) {
		const found = places.map((place) => path.join(place, name)).find(isExecutable);
		if (found !== undefined) return found;
	}
	return null;
}

/** [command, arguments] that run a program without root's rights; it is killed when this process dies. */
export function lent(command, args) {
	const user = servant();
	const identity = user === null ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
	return ['setpriv', ['--pdeathsig', 'KILL', ...identity, '--', command, ...args]];
}

/** A new directory that such a program may write; its path is short enough for a Unix socket. */
export function lentDirectory(prefix) {
	const made = fs.mkdtempSync(path.join(os.tmpdir(), prefix));
	const user = servant();
	if (user !== null) fs.chownSync(made, user.uid, user.gid);
	return made;
}

/** Copy a directory's content to `to`, which becomes that program's own. */
export async function copyLent(from, to) {
	const user = servant();
	const copied = await run('cp', ['-a', from, to]);
	if (copied.code !== 0) throw new Error(`cp ${from}: ${copied.stderr}`);
	if (user === null) return;
	const owned = await run('chown', ['-R', `${user.uid}:${user.gid}`, to]);
	if (owned.code !== 0) throw new Error(`chown ${to}: ${owned.stderr}`);
}
