// fixture-mcp (test/fixtures), the upstream whose faults and counters tests control.
import path from 'node:path';
import { endGroup, launch } from './process.mjs';
import { request } from './raw.mjs';
import { until } from './wait.mjs';
import { buildDirectory, isExecutable } from './paths.mjs';

export const fixtureBinary = process.env.FIXTURE_MCP
	?? path.join(process.env.GATEHOUSE_FIXTURES ?? path.join(buildDirectory, 'test/fixtures'), 'fixture-mcp');

if (!isExecutable(fixtureBinary)) throw new Error(`no fixture at ${fixtureBinary}: ninja -C build/asan test/fixtures/fixture-mcp`);

/** An upstream entry for the config: a stdio child. `settings` go beside `stdio`, `stdio` into it. */
export function stdioFixture(args = [], { stdio = {}, ...settings } = {}) {
	return { stdio: { command: fixtureBinary, args: ['--stdio', ...args], ...stdio }, ...settings };
}

class HttpFixture {
	constructor(args) {
		this.args = args;
		this.port = 0;
	}

	async start() {
		this.child = launch(fixtureBinary, ['--http', `127.0.0.1:${this.port}`, ...this.args]);
		const line = await until('the fixture to listen', () => {
			if (this.child.exitCode !== null) throw new Error(`the fixture ended: ${this.child.output.stderr}`);
			return /^\{.*\}$/m.exec(this.child.output.stdout)?.[0];
		});
		({ port: this.port, url: this.url } = JSON.parse(line));
		return this;
	}

	/** An upstream entry for the config. */
	upstream(settings = {}) {
		return { http: { url: this.url }, ...settings };
	}

	async stats() {
		return (await request(this, { method: 'GET', path: '/stats', headers: {} })).json;
	}

	async control(knobs) {
		const answer = await request(this, { path: '/control', headers: { 'content-type': 'application/json' }, body: JSON.stringify(knobs) });
		if (answer.status >= 300) throw new Error(`control: ${answer.status} ${answer.text}`);
	}

	kill() {
		return endGroup(this.child);
	}

	/** Start again at the same port. */
	async restart() {
		await this.kill();
		return this.start();
	}
}

/** An HTTP fixture that ends with the test. */
export async function startFixture(t, args = []) {
	const fixture = await new HttpFixture(args).start();
	t.after(() => fixture.kill());
	return fixture;
}
