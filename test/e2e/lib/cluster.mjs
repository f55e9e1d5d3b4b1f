// A fleet under test: replicas behind nginx, on one PostgreSQL and one Redis, with a failing network between all of them.
//
//   const fleet = await startFleet(t, { replicas: 3, upstreams: {...} });
//   fleet.target()                    what requests go to: the balancer, as tenant acme
//   fleet.replicas[1].gateway         a Gateway (lib/gateway.mjs): crash(), stop(), start()
//   fleet.replicas[1].partition()     cut off from PostgreSQL and Redis, not from clients and the other replicas
//   fleet.replicas[1].heal()
//
//                      ┌─ link ─┐
//   balancer ─▶ replica          ├─▶ PostgreSQL, Redis        each replica has links (fault proxies) of its own
//                      └─ link ─┘
//   replica ──▶ replica: without a link, since a proxy accepts connections that a dead process would refuse
import fs from 'node:fs';
import path from 'node:path';
import { startBalancer } from './balancer.mjs';
import { databaseSection, migrate, stateSection } from './backing.mjs';
import { startFaultProxy } from './faults.mjs';
import { Gateway } from './gateway.mjs';
import { startPostgres } from './postgres.mjs';
import { startRedis } from './redis.mjs';
import { binary } from './paths.mjs';
import { request } from './raw.mjs';
import { freePort } from './port.mjs';
import { until } from './wait.mjs';

class Replica {
	constructor(gateway, port, links) {
		this.gateway = gateway;
		this.port = port;
		this.links = links;
		this.name = `127.0.0.1:${port}`;
	}

	partition() {
		for (const link of Object.values(this.links)) link.partition();
	}

	heal() {
		for (const link of Object.values(this.links)) link.heal();
	}

	async isReady() {
		const answer = await request({ port: this.port }, { method: 'GET', path: '/health/ready' });
		return answer.status === 200;
	}

	untilReady(ms) {
		return until(`replica ${this.name} to be ready`, () => this.isReady(), ms);
	}

	/** Start again, after a crash or a stop. */
	async restart() {
		await this.gateway.start();
		return this.untilReady();
	}
}

class Fleet {
	constructor(postgres, redis, database) {
		Object.assign(this, { postgres, redis, database, replicas: [] });
	}

	/** The keys of all tenants are the first replica's: it made them. */
	target(tenant = 'acme', extra = {}) {
		return { port: this.balancer.port, key: this.replicas[0].gateway.keys[tenant], ...extra };
	}

	/** One replica, without the balancer. */
	targetOf(number, tenant = 'acme', extra = {}) {
		return { ...this.target(tenant), port: this.replicas[number].port, ...extra };
	}

	/** A command of the CLI, which must succeed, with the first replica's configuration. */
	async cli(...args) {
		const ended = await this.replicas[0].gateway.cli(...args);
		if (ended.code !== 0) throw new Error(`gatehouse ${args.join(' ')}: ${ended.stderr}`);
		return ended.stdout;
	}
}

/** Its own ports and links, its configuration, and the installation's keys: a copy of the first one's. */
async function prepareReplica(t, fleet, options) {
	const gateway = new Gateway(options);
	const port = await freePort();
	const links = {
		postgres: await startFaultProxy(t, { port: fleet.postgres.port }),
		redis: await startFaultProxy(t, { port: fleet.redis.port }),
	};
	t.after(() => gateway.cleanup());
	gateway.configure({
		listen: `127.0.0.1:${port}`,
		config: {
			...options.config,
			database: databaseSection(fleet.database, { port: links.postgres.port }),
			state: { ...stateSection(fleet.redis, 'fleet:', links.redis.port), ...options.state },
			fleet: { address: `http://127.0.0.1:${port}` },
		},
	});
	const first = fleet.replicas[0];
	if (first === undefined) {
		for (const tenant of options.tenants ?? ['acme']) await gateway.makeKey(tenant);
	} else {
		fs.cpSync(first.gateway.data, gateway.data, { recursive: true, filter: (name) => !path.basename(name).startsWith('gatehouse.db') });
	}
	fleet.replicas.push(new Replica(gateway, port, links));
}

/** Options: replicas, `state` (more of that section), and those of startGateway. */
export async function startFleet(t, options = {}) {
	const postgres = await startPostgres(t);
	const redis = await startRedis(t);
	const fleet = new Fleet(postgres, redis, await postgres.createDatabase());
	await migrate(binary, fleet.database);

	for (let number = 0; number < (options.replicas ?? 3); number++) await prepareReplica(t, fleet, { workers: 1, ...options });
	for (const { gateway } of fleet.replicas) await gateway.start();
	for (const replica of fleet.replicas) await replica.untilReady();
	fleet.balancer = await startBalancer(t, fleet.replicas.map(({ port }) => port));
	return fleet;
}
