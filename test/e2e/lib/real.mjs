// The three real upstream servers from npm: server-everything as a child and over HTTP, and
// server-filesystem as a child that may touch one directory.
import fs from 'node:fs';
import net from 'node:net';
import { packageBin } from './paths.mjs';
import { freePort } from './port.mjs';
import { endGroup, launch } from './process.mjs';
import { until } from './wait.mjs';

const everything = packageBin('@modelcontextprotocol/server-everything');
const filesystem = packageBin('@modelcontextprotocol/server-filesystem');

export function accepts(port) {
	return new Promise((resolve) => {
		const socket = net.connect({ port, host: '127.0.0.1' });
		socket.on('connect', () => {
			socket.destroy();
			resolve(true);
		});
		socket.on('error', () => resolve(false));
	});
}

/** Upstream entries `everything`, `remote` and `files`; the last one's directory is `directory`. */
export async function realUpstreams(t, directory) {
	const port = await freePort();
	const server = launch(process.execPath, [everything, 'streamableHttp'], { env: { ...process.env, PORT: String(port) } });
	t.after(() => endGroup(server));
	fs.mkdirSync(directory, { recursive: true });
	await until('server-everything over HTTP', () => accepts(port));
	return {
		everything: { stdio: { command: process.execPath, args: [everything, 'stdio'] } },
		remote: { http: { url: `http://127.0.0.1:${port}/mcp` } },
		files: { stdio: { command: process.execPath, args: [filesystem, directory] } },
	};
}
