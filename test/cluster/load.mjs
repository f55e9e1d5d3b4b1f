// Mixed load on a fleet: clients of both eras, calls with and without side effects, each call with an id of its own that the
// upstream counts, the audit trail names (X-Request-Id) and the record below keeps.
import { openSession, modernCall } from '../e2e/lib/mcp.mjs';
import { Connection } from '../e2e/lib/raw.mjs';
import { setTimeout as pause } from 'node:timers/promises';

/** An answer that takes longer than this is a failure of its own. */
const ANSWER_MS = 15000;
/** Of a hundred calls: how many are of which tool. */
const MIX = [['fx_append', 50], ['fx_put', 25], ['fx_look', 25]];
/** Every so many calls one is slow at its server, so that a kill always catches some under way. */
const SLOW_EVERY = 20;
const SLOW_MS = 300;

let serial = 0;

function nextCall() {
	const number = ++serial;
	let share = (number * 37) % 100;
	const [tool] = MIX.find(([, percent]) => (share -= percent) < 0);
	return { id: `load-${number}`, tool, ms: number % SLOW_EVERY === 0 ? SLOW_MS : 0 };
}

/** What an answer means: ok, or the code of its error and whether to try again. */
export function judge(answer) {
	const error = answer.message?.error;

	if (answer.status === 200 && answer.message?.result !== undefined) {
		const { result } = answer.message;
		return result.isError ? { ok: false, code: `tool: ${result.content?.[0]?.text ?? ''}`.slice(0, 120), retryable: false } : { ok: true };
	}
	return {
		ok: false,
		code: error === undefined ? `HTTP ${answer.status}` : `${answer.status} ${error.code} ${error.data?.name ?? error.data?.error ?? error.message}`,
		retryable: error?.data?.retryable ?? (answer.status === 502 || answer.status === 503 || answer.status === 504 || answer.status === 429),
		retryAfter: answer.headers['retry-after'],
	};
}

/** One client: calls one after the other until `stopped()`, on one connection to the balancer, with a pause between them. */
class Client {
	constructor(target, era, everyMs, records) {
		Object.assign(this, { target, era, everyMs, records, session: null, connection: null });
	}

	async #connected() {
		if (this.connection === null || this.connection.ended) this.connection = await Connection.open(this.target);
		return this.connection;
	}

	async #send({ id, tool, ms }) {
		const options = { headers: { 'x-request-id': id }, connection: await this.#connected(), ms: ANSWER_MS };

		if (this.era === 'modern') return modernCall(this.target, tool, { id, ms }, options);
		this.session ??= await openSession(this.target, { connection: options.connection });
		return this.session.call(tool, { id, ms }, options);
	}

	async #call(call) {
		const record = { ...call, era: this.era, begun: Date.now() };
		try {
			const answer = await this.#send(call);
			Object.assign(record, judge(answer), { status: answer.status, replica: answer.headers['x-replica'] });
			// A session that is gone is opened again, as a client would; the call that met it has failed.
			if (answer.status === 404 && this.era === 'legacy') this.session = null;
			if (answer.headers.connection === 'close') this.#drop();
		} catch (error) {
			Object.assign(record, { ok: false, code: error.code ?? error.message, retryable: false, status: 0 });
			this.#drop();
		}
		record.ended = Date.now();
		this.records.push(record);
	}

	#drop() {
		this.connection?.destroy();
		this.connection = null;
	}

	async run(stopped) {
		while (!stopped()) {
			const due = Date.now() + this.everyMs;
			await this.#call(nextCall());
			if (due > Date.now()) await pause(due - Date.now());
		}
		this.#drop();
	}
}

/** Start `clients` of each era that together make `rate` calls a second (at most: an answer is waited for). */
export function startLoad(target, { clients = 12, rate = 240 } = {}) {
	const records = [];
	let over = false;
	const everyMs = (2 * clients * 1000) / rate;
	const all = ['legacy', 'modern'].flatMap((era) => Array.from({ length: clients }, () => new Client(target, era, everyMs, records)));
	const done = Promise.all(all.map((client) => client.run(() => over)));

	return {
		records,
		async stop() {
			over = true;
			await done;
			return records;
		},
	};
}

const REFUSED_MIN = 50;
const HAMMER_SECONDS_MAX = 60;

/** How many of the calls that a tenant hammers for `seconds` are allowed, and for how long they really came: on a slow machine
 * until the limit was met, since one that is not says nothing. */
export async function hammer(target, seconds, lanes = 8) {
	const begun = performance.now();
	let allowed = 0;
	let refused = 0;
	let other = 0;

	await Promise.all(Array.from({ length: lanes }, async () => {
		const connection = await Connection.open(target);
		while (performance.now() - begun < (refused < REFUSED_MIN ? HAMMER_SECONDS_MAX : seconds) * 1000) {
			const answer = await modernCall(target, 'fx_look', { id: 'limit' }, { connection });
			if (answer.status === 429) refused++;
			else if (judge(answer).ok) allowed++;
			else other++;
		}
		connection.destroy();
	}));
	return { allowed, refused, other, seconds: (performance.now() - begun) / 1000 };
}
