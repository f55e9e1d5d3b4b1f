// What happens to the fleet during the load, when, and who may notice. Times are shares of the run.
//
//   0         .12         .28          .42             .58           .74              1
//   ├─ quiet ──┼── SIGKILL ─┼── Redis ──┼─ PostgreSQL ──┼─ partition ─┼─ rolling ─ quiet ┤
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../e2e/lib/wait.mjs';

const PARTITION_MS = 2000;
const DOWN_MS = 1000;

/** A replica dies without a word and comes back. */
async function killReplica({ replicas }) {
	const [, victim] = replicas;
	await victim.gateway.crash();
	const healed = Date.now();
	await pause(DOWN_MS);
	await victim.restart();
	return { healed, victim: victim.name };
}

async function restartRedis({ redis }) {
	await redis.kill();
	await redis.start();
	return { healed: Date.now() };
}

/** As a failover would look: sessions end, transactions are lost, recovery at the start. */
async function restartPostgres({ postgres }) {
	await postgres.restart('immediate');
	return { healed: Date.now() };
}

/** One replica sees neither PostgreSQL nor Redis; clients and the other replicas still reach it. */
async function partitionReplica({ replicas }) {
	const [, , victim] = replicas;
	victim.partition();
	await pause(PARTITION_MS);
	victim.heal();
	return { healed: Date.now(), victim: victim.name };
}

/** One after the other, each when the one before is ready. */
async function rollReplicas({ replicas }) {
	for (const replica of replicas) {
		await replica.gateway.stop();
		await replica.restart();
	}
	return { healed: Date.now() };
}

/** `fails`: which calls may fail. flight: those under way at the victim when it died; outage: those that began before the fault was
 * over and RECOVERY_MS had passed; none. */
export const SCHEDULE = [
	{ name: 'replica killed', at: 0.12, fails: 'flight', act: killReplica },
	{ name: 'redis restarted', at: 0.28, fails: 'none', act: restartRedis },
	{ name: 'postgresql restarted', at: 0.42, fails: 'outage', act: restartPostgres },
	{ name: 'replica partitioned', at: 0.58, fails: 'outage', act: partitionReplica },
	{ name: 'rolling restart', at: 0.74, fails: 'none', act: rollReplicas },
];

/** Run the schedule over `seconds`; returns each fault with when it began, when it was over and when the next one came. */
export async function runSchedule(fleet, seconds, log) {
	const begun = Date.now();
	const happened = [];

	for (const fault of SCHEDULE) {
		await pause(Math.max(0, begun + fault.at * seconds * 1000 - Date.now()));
		const one = { name: fault.name, fails: fault.fails, begun: Date.now() };
		Object.assign(one, await fault.act(fleet));
		log(`${one.name}: ${((one.begun - begun) / 1000).toFixed(1)} s to ${((one.healed - begun) / 1000).toFixed(1)} s`);
		happened.push(one);
	}
	await until('every replica to be ready', async () => {
		for (const replica of fleet.replicas) if (!(await replica.isReady())) return false;
		return true;
	});
	await pause(Math.max(0, begun + seconds * 1000 - Date.now()));
	happened.forEach((one, number) => {
		one.next = happened[number + 1]?.begun ?? Date.now();
	});
	return { begun, ended: Date.now(), faults: happened };
}
