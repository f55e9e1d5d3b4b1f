// The SDK servers of ../servers as upstreams: v1 (sessions) and v2 (stateless), over stdio and HTTP.
import path from 'node:path';
import { endGroup, launch } from '../../e2e/lib/process.mjs';
import { until } from '../../e2e/lib/wait.mjs';
import { conformanceDirectory } from './suite.mjs';

export const SERVERS = [{ line: 'v1', era: 'legacy' }, { line: 'v2', era: 'modern' }];
export const TRANSPORTS = ['stdio', 'http'];

const program = (line) => path.join(conformanceDirectory, 'servers', `${line}.mjs`);

/** An upstream entry for the config. */
export async function sdkUpstream(t, line, transport) {
	if (transport === 'stdio') return { stdio: { command: process.execPath, args: [program(line), 'stdio'] } };
	const child = launch(process.execPath, [program(line)]);
	t.after(() => endGroup(child));
	const said = await until(`the ${line} server to listen`, () => {
		if (child.exitCode !== null) throw Object.assign(new Error(`it ended: ${child.output.stderr}`), { fatal: true });
		return /^\{.*\}$/m.exec(child.output.stdout)?.[0];
	});
	return { http: { url: JSON.parse(said).url } };
}
