// Servers that speak first: they are up when they have said something.
import { Connection } from './raw.mjs';
import { until } from './wait.mjs';

/** Until the server greets on `port`; one that has ended meanwhile says why in `log`. */
export function greeted(name, child, port, log) {
	return until(`${name} to greet`, async () => {
		if (child.exitCode !== null) throw Object.assign(new Error(`${name} ended: ${child.output.stderr}${log()}`), { fatal: true });
		const greeting = await Connection.open({ port }).catch(() => null);
		if (greeting === null) return false;
		const said = await until('the greeting', () => greeting.bytes.length > 0 || greeting.ended);
		greeting.socket.destroy();
		return said;
	});
}
