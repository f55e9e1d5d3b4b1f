// The interleaved comparison: the upstream called directly, through Gatehouse, through nginx.
//
// Core 0 runs what is measured (gateway, nginx, and for "direct" a fixture of its own), core 1
// the load generator and the upstream, so that the measured process never shares its core.
import fs from 'node:fs';
import path from 'node:path';
import { loadArguments, openSession } from './cases.mjs';
import { ask, startGatehouse, waitForTools } from './gatehouse.mjs';
import { startFixture } from './fixture.mjs';
import { startNginx } from './nginx.mjs';

const FIXTURE = ['--sessions', '--tools', '1'];
const BUILTIN_TOOLS = 18;
const LIST_UPSTREAMS = 10;
const LIST_TOOLS_EACH = 100;
const SEARCH_UPSTREAMS = 5;
const SEARCH_TOOLS_EACH = 1000;

/** Everything the call and local cases need; `wanted` says which targets. */
export async function startTargets({ tools, root, wanted, measured = '0', others = '1', workers = 1 }) {
	const upstream = await startFixture({ binary: tools.fixture, cores: others, args: FIXTURE });
	const targets = { upstream };
	if (wanted.includes('direct')) {
		targets.direct = await startFixture({ binary: tools.fixture, cores: measured, args: FIXTURE });
		targets.direct.session = await openSession(targets.direct);
	}
	if (wanted.includes('nginx')) {
		targets.nginx = await startNginx({ cores: measured, upstreamPort: upstream.port, root: path.join(root, 'nginx') });
		targets.nginx.session = await openSession(targets.nginx);
	}
	if (wanted.includes('gatehouse')) {
		const gatehouse = await startGatehouse({
			binary: tools.gatehouse, root: path.join(root, 'gatehouse'), cores: measured, workers, upstreams: { bench: upstream.url },
		});
		await waitForTools(gatehouse, BUILTIN_TOOLS + 1);
		gatehouse.session = await openSession(gatehouse);
		gatehouse.prefix = 'bench_';
		targets.gatehouse = gatehouse;
	}
	return targets;
}

/** tools/call of both sizes, connections and eras. */
export function callCases(targets, wanted) {
	const cases = [];
	for (const era of ['modern', 'legacy']) {
		for (const kind of ['call_250', 'call_64k']) {
			for (const connections of [1, 64]) {
				const of = (name) => ({
					args: loadArguments(kind, era, targets[name]), pid: targets[name].pid,
					upstreamPid: name === 'direct' ? undefined : targets.upstream.pid,
				});
				cases.push({
					name: `${kind}.${era}.${connections}c`, kind, era, connections,
					targets: Object.fromEntries(wanted.map((name) => [name, of(name)])),
				});
			}
		}
	}
	return cases;
}

/** A result that is streamed: ten progress events, each written when it comes, then the answer. */
export function streamCases(targets, wanted) {
	return ['modern', 'legacy'].map((era) => ({
		name: `stream_10.${era}.64c`, kind: 'stream_10', era, connections: 64,
		targets: Object.fromEntries(wanted.map((name) => [name, {
			args: loadArguments('stream_10', era, name === 'nginx' ? { ...targets.nginx, path: '/stream' } : targets[name]), pid: targets[name].pid,
			upstreamPid: name === 'direct' ? undefined : targets.upstream.pid,
		}])),
	}));
}

/** What the gateway answers by itself, against nginx answering a constant. */
export function localCases(targets) {
	const cases = [];
	const constant = targets.nginx && {
		args: [...loadArguments('ping', 'legacy', { ...targets.nginx, path: '/constant' }), '--no-id'], pid: targets.nginx.pid,
	};
	for (const [kind, era, at] of [['ping', 'legacy', '/mcp'], ['list', 'modern', '/mcp/small']]) {
		const one = { name: `local_${kind}.${era}.64c`, kind, era, connections: 64, targets: {} };
		if (constant) one.targets.nginx = constant;
		if (targets.gatehouse) {
			const args = loadArguments(kind, era, { ...targets.gatehouse, path: at });
			one.targets.gatehouse = { args, pid: targets.gatehouse.pid };
		}
		cases.push(one);
	}
	return cases;
}

/** tools/list of 1,000 tools from ten upstreams, against nginx with a file of that size. */
export async function listCase({ tools, root, targets }) {
	const one = { name: 'list_1000.modern.64c', kind: 'list', era: 'modern', connections: 64, targets: {} };
	const file = path.join(targets.nginx?.staticDirectory ?? root, 'tools.json');
	if (tools.gatehouse && targets.gatehouse) {
		const upstreams = {};
		for (let i = 0; i < LIST_UPSTREAMS; i++) {
			const args = ['--sessions', '--no-builtin', '--tools', String(LIST_TOOLS_EACH)];
			upstreams[`up${i}`] = (await startFixture({ binary: tools.fixture, cores: '1', args })).url;
		}
		const gatehouse = await startGatehouse({ binary: tools.gatehouse, root: path.join(root, 'list'), cores: '0', upstreams });
		await waitForTools(gatehouse, LIST_UPSTREAMS * LIST_TOOLS_EACH);
		fs.writeFileSync(file, JSON.stringify(await ask(gatehouse, 'tools/list')));
		one.targets.gatehouse = { args: loadArguments('list', 'modern', gatehouse), pid: gatehouse.pid };
	} else {
		fs.writeFileSync(file, `{"tools":[${JSON.stringify('x'.repeat(700 * 1000))}]}`);
	}
	if (targets.nginx) {
		const args = ['--port', String(targets.nginx.port), '--method', 'GET', '--path', '/static/tools.json', '--expect', '"tools":['];
		one.targets.nginx = { args, pid: targets.nginx.pid };
	}
	return one;
}

/** search_tools over 5,000 tools, all of which have every word of the query: nothing is dearer. */
export async function searchCases({ tools, root }) {
	const upstreams = {};
	for (let i = 0; i < SEARCH_UPSTREAMS; i++) {
		const args = ['--sessions', '--no-builtin', '--tools', String(SEARCH_TOOLS_EACH)];
		upstreams[`up${i}`] = (await startFixture({ binary: tools.fixture, cores: '1', args })).url;
	}
	const gatehouse = await startGatehouse({ binary: tools.gatehouse, root: path.join(root, 'search'), cores: '0', upstreams });
	const target = { ...gatehouse, path: '/mcp/search' };
	await waitForTotal(target, SEARCH_UPSTREAMS * SEARCH_TOOLS_EACH);
	return [1, 64].map((connections) => ({
		name: `search_5000.modern.${connections}c`, kind: 'search', era: 'modern', connections,
		targets: { gatehouse: { args: loadArguments('search', 'modern', target), pid: gatehouse.pid } },
	}));
}

/** Wait until so many tools can be searched. */
async function waitForTotal(target, count) {
	for (let tries = 0; tries < 300; tries++) {
		const { result } = await ask(target, 'tools/call', { name: 'search_tools', arguments: { query: 'records', limit: 1 } });
		if (result.structuredContent.total === count) return;
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	throw new Error(`the search never had ${count} tools`);
}
