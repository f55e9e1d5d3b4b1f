// A fleet of three on one Redis, behind nginx, each with SQLite rows of its own that began as copies of the first one's. What
// clients see of several replicas needs no more; with shared rows, and under faults, there is lib/cluster.mjs.
//
//   const fleet = await startReplicas(t, { upstreams: {...} });
//   fleet.target()        what requests go to: the balancer, as tenant acme
//   fleet.targetOf(1)     one replica
//   fleet.replicas[1]     {gateway, port, restart()}
import fs from 'node:fs';
import { startBalancer } from './balancer.mjs';
import { stateSection } from './backing.mjs';
import { Gateway } from './gateway.mjs';
import { request } from './raw.mjs';
import { startRedis } from './redis.mjs';
import { freePort } from './port.mjs';
import { until } from './wait.mjs';

const REPLICAS = 3;

class Replica {
	constructor(gateway, port) {
		Object.assign(this, { gateway, port });
	}

	/** Start, or start again after a crash or a stop. */
	async restart() {
		await this.gateway.start();
		await until(`replica ${this.port} to be ready`, async () => (await request(this, { method: 'GET', path: '/health/ready' })).status === 200);
	}
}

class Replicas {
	constructor(redis) {
		Object.assign(this, { redis, replicas: [] });
	}

	/** Every replica has the keys that the first one made. */
	target(tenant = 'acme', extra = {}) {
		return { port: this.balancer?.port, key: this.replicas[0].gateway.keys[tenant], ...extra };
	}

	targetOf(number, tenant = 'acme', extra = {}) {
		return { ...this.target(tenant), port: this.replicas[number].port, ...extra };
	}
}

/** Options: those of startGateway; `tls` and `ca`, the listeners' section and the file that the replicas trust each other by; and `prepare(gateway)` for what all of them shall have in their rows. */
export async function startReplicas(t, options = {}) {
	const fleet = new Replicas(await startRedis(t));

	for (let number = 0; number < REPLICAS; number++) {
		const gateway = new Gateway({ workers: 1, ...options });
		const port = await freePort();
		const address = `127.0.0.1:${port}`;
		t.after(() => gateway.cleanup());
		gateway.configure({
			listen: options.tls === undefined ? address : [{ address, tls: options.tls }],
			config: {
				...options.config,
				state: stateSection(fleet.redis, 'fleet:'),
				fleet: options.tls === undefined ? { address: `http://${address}` } : { address: `https://${address}`, ca: options.ca },
			},
		});
		if (number > 0) {
			fs.cpSync(fleet.replicas[0].gateway.data, gateway.data, { recursive: true });
		} else {
			for (const tenant of options.tenants ?? ['acme']) await gateway.makeKey(tenant);
			await options.prepare?.(gateway);
		}
		fleet.replicas.push(new Replica(gateway, port));
	}
	for (const replica of fleet.replicas) await (options.tls === undefined ? replica.restart() : replica.gateway.start());
	if (options.tls !== undefined) return fleet; // the balancer speaks plain HTTP
	fleet.balancer = await startBalancer(t, fleet.replicas.map(({ port }) => port));
	return fleet;
}
