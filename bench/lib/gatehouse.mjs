// The gateway under test: its config from bench/gatehouse.yaml.tmpl, a tenant and a key made
// with its own commands, and waiting until its catalog is complete.
import fs from 'node:fs';
import path from 'node:path';
import { freePort, run, startPinned, waitForPort } from './processes.mjs';
import { MODERN, modernHeaders } from './cases.mjs';

const template = new URL('../gatehouse.yaml.tmpl', import.meta.url);

function tlsLines(port, root) {
	const key = path.join(root, 'key.pem');
	const cert = path.join(root, 'cert.pem');
	run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
		'-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: ['ignore', 'pipe', 'pipe'] });
	return `  - { address: "127.0.0.1:${port}", tls: { cert: "${cert}", key: "${key}" } }`;
}

/** Write config and key without starting it. `upstreams`: {name: url}; `credential`: what calls carry to them, kept sealed; `lines`: more upstreams, as YAML; `more`: YAML. */
export async function prepareGatehouse({ binary, root, workers = 1, upstreams, lines = [], credential, tls = false, more = '' }) {
	fs.mkdirSync(root, { recursive: true });
	const port = await freePort();
	const tlsPort = tls ? await freePort() : 0;
	const config = path.join(root, 'gatehouse.yaml');
	const words = {
		HOST: '127.0.0.1',
		PORT: port,
		TLS: tls ? tlsLines(tlsPort, root) : '',
		DATA: path.join(root, 'data'),
		WORKERS: workers,
		MORE: more,
		UPSTREAMS: [...Object.entries(upstreams).map(([name, url]) => `  ${name}: { http: { url: "${url}" }${credential === undefined ? '' : ', auth: { type: bearer }'} }`), ...lines].join('\n'),
	};
	const text = fs.readFileSync(template, 'utf8').replace(/@([A-Z]+)@/g, (all, word) => words[word] ?? all);
	fs.writeFileSync(config, text);
	run(binary, ['tenant', 'create', 'bench', '--config', config], { mayFail: true });
	const { key } = JSON.parse(run(binary, ['key', 'create', '--tenant', 'bench', '--json', '--config', config]));
	for (const name of credential === undefined ? [] : Object.keys(upstreams)) {
		run(binary, ['credential', 'set', '--tenant', 'bench', '--upstream', name, '--config', config], { input: `${credential}\n` });
	}
	return { binary, config, root, port, tlsPort, key, command: [binary, 'serve', '--config', config] };
}

/** Start what was prepared; `wrapper` goes before the command (valgrind). */
export async function launchGatehouse(prepared, { cores, wrapper = [], seconds = 20 }) {
	const [command, ...args] = [...wrapper, ...prepared.command];
	const log = fs.openSync(path.join(prepared.root, 'gatehouse.log'), 'a');
	const child = startPinned(cores, command, args, { stdout: log, stderr: log });
	await waitForPort(prepared.port, child, seconds);
	return { ...prepared, child, pid: child.pid };
}

/** One modern request, answered as parsed JSON. */
export async function ask(target, method, params = {}) {
	const response = await fetch(`http://127.0.0.1:${target.port}${target.path ?? '/mcp'}`, {
		method: 'POST',
		headers: Object.fromEntries(modernHeaders(method, params.name, target.key)),
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: MODERN } }),
	});
	const text = await response.text();
	if (!response.ok) throw new Error(`${method}: HTTP ${response.status} ${text.slice(0, 300)}`);
	return JSON.parse(text);
}

/** Wait until tools/list shows `count` tools, and return their names. */
export async function waitForTools(target, count, seconds = 20) {
	const until = Date.now() + seconds * 1000;
	let names = [];
	while (Date.now() < until) {
		const answer = await ask(target, 'tools/list');
		names = (answer.result?.tools ?? []).map((tool) => tool.name);
		if (names.length >= count) return names;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	throw new Error(`tools/list shows ${names.length} tools, not ${count}`);
}

export async function startGatehouse(options) {
	return launchGatehouse(await prepareGatehouse(options), options);
}
