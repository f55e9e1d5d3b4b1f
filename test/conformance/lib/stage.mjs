// The C fixtures with the suite's catalogue, and a gateway in front of each: open to everybody on
// loopback, names as the fixture has them.
import fs from 'node:fs';
import path from 'node:path';
import { buildDirectory } from '../../e2e/lib/paths.mjs';
import { startGateway } from '../../e2e/lib/gateway.mjs';
import { endGroup, launch } from '../../e2e/lib/process.mjs';
import { until } from '../../e2e/lib/wait.mjs';

const fixtures = process.env.GATEHOUSE_FIXTURES ?? path.join(buildDirectory, 'test/fixtures');

/** The newest revision of each era, and the fixture that speaks only that era. */
export const ERAS = { legacy: '2025-11-25', modern: '2026-07-28' };

export const fixtureFile = (era) => path.join(fixtures, `fixture-conformance-${era}`);

/** Start the fixture of an era (legacy or modern); {port, url, child}. */
export async function startEra(t, era, { port = 0, args = [] } = {}) {
	if (!fs.existsSync(fixtureFile(era))) throw new Error(`no fixture at ${fixtureFile(era)}`);
	const child = launch(fixtureFile(era), ['--http', `127.0.0.1:${port}`, ...args]);
	t.after(() => endGroup(child));
	const line = await until('the fixture to listen', () => {
		if (child.exitCode !== null) throw Object.assign(new Error(`the fixture ended: ${child.output.stderr}`), { fatal: true });
		return /^\{.*\}$/m.exec(child.output.stdout)?.[0];
	});
	return { child, ...JSON.parse(line) };
}

/** A gateway in front of one upstream, `fx`, at /mcp/plain with its names as they are. */
export async function startPlain(t, upstream, options = {}) {
	return startGateway(t, {
		tenants: [],
		upstreams: { fx: upstream },
		workers: options.workers ?? 2,
		...options,
		config: { auth: 'none', toolsets: { plain: { include: ['fx.*'], names: 'plain' } }, ...options.config },
	});
}

/** The suite wants the name: it makes rebinding attempts out of it. */
export const plainUrl = (gateway) => `http://localhost:${gateway.port}/mcp/plain`;
