// A connector's tool against the same gateway's plain server: what templates, a pooled request and a result made of its answer
// cost. Both ask the fixture, the tool with a GET for a few hundred bytes of JSON, with a credential kept for it.
import fs from 'node:fs';
import path from 'node:path';
import { loadArguments } from './cases.mjs';
import { startFixture } from './fixture.mjs';
import { launchGatehouse, prepareGatehouse, waitForTools } from './gatehouse.mjs';
import { run } from './processes.mjs';

const FIXTURE_TOOLS = 19;

const file = (base) => `connector: bench
title: Bench
about: What the fixture counts.
settings:
  base: { default: "${base}", url: true, about: Where it is }
auth:
  - { type: bearer, about: Any }
tools:
  tool_0000:
    title: Look
    description: One GET, and a result made of its answer.
    kind: read
    input:
      query: { type: string, description: Nothing looks at it }
      limit: { type: integer, minimum: 1, maximum: 100, default: 20 }
    output:
      calls: { type: integer }
      limit: { type: integer }
    steps:
      - http: { method: GET, url: "{{set.base}}/stats" }
    result: { calls: "{{body.calls ?? 0}}", limit: "{{args.limit}}" }
`;

/** The upstream `made` as YAML; its file goes to `directory`, its requests to where `url` is. */
export function connectorLines(url, directory) {
	const source = path.join(directory, 'bench.yaml');
	fs.mkdirSync(directory, { recursive: true });
	fs.writeFileSync(source, file(new URL(url).origin));
	return [`  made: { connector: { file: "${source}" } }`];
}

/** What its requests carry, kept sealed. */
export function connectorCredential({ binary, config }) {
	run(binary, ['credential', 'set', '--tenant', 'bench', '--upstream', 'made', '--config', config], { input: 'anything\n' });
}

export async function connectorCases({ tools, root }) {
	const upstream = await startFixture({ binary: tools.fixture, cores: '1', args: ['--sessions', '--tools', '1'] });
	const directory = path.join(root, 'connector');
	const prepared = await prepareGatehouse({ binary: tools.gatehouse, root: directory, upstreams: { bench: upstream.url }, lines: connectorLines(upstream.url, directory) });
	connectorCredential(prepared);
	const gatehouse = await launchGatehouse(prepared, { cores: '0' });
	await waitForTools(gatehouse, FIXTURE_TOOLS + 1);
	const of = (prefix) => ({ args: loadArguments('call_250', 'modern', { ...gatehouse, prefix }), pid: gatehouse.pid, upstreamPid: upstream.pid });
	return [{ name: 'connector.modern.64c', kind: 'connector', era: 'modern', connections: 64, targets: { server: of('bench_'), connector: of('made_') } }];
}
