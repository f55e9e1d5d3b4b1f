// fixture-mcp, the upstream: so small and fast that it is not what is measured.
import { startPinned } from './processes.mjs';

/** Start one; `args` are its own options. */
export async function startFixture({ binary, cores, args = [] }) {
	const child = startPinned(cores, binary, ['--http', '127.0.0.1:0', ...args], { stdout: 'pipe' });
	const line = await new Promise((resolve, reject) => {
		child.stdout.once('data', (data) => resolve(String(data)));
		child.once('exit', (code) => reject(new Error(`fixture-mcp ended with ${code}`)));
	});
	const { port, url } = JSON.parse(line);
	return { child, pid: child.pid, port, url };
}
