// A port for a program that is still to be started and has to be told one.
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';

const TRIES = 100;
const LOW = 10000;
// From here on the kernel gives them to connections: one that is free now is another test's a moment later.
const HIGH = Number(fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)[0]);

async function isFree(port) {
	const server = net.createServer().listen(port, '127.0.0.1');
	try {
		await once(server, 'listening'); // or its error
	} catch {
		return false;
	}
	server.close();
	await once(server, 'close');
	return true;
}

/** A loopback port nobody listened on a moment ago. */
export async function freePort() {
	for (let i = 0; i < TRIES; i++) {
		const port = randomInt(LOW, Math.max(HIGH, LOW + 1000));
		if (await isFree(port)) return port;
	}
	throw new Error('no free port');
}
