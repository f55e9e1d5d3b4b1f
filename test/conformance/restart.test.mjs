// A thousand sessions with open streams and calls under way, while the upstream is killed and comes
// back, the gateway is killed and comes back, and the gateway is stopped and comes back: same data
// directory, same port.
//
// No call is answered twice, none is without an answer or the end of its connection when its
// deadline passes, no answer is somebody else's, and every client works again afterwards: in its
// session, or in a new one after the 404 that says so.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startFixture } from '../e2e/lib/fixture.mjs';
import { startGateway } from '../e2e/lib/gateway.mjs';
import { nextId, openSession } from '../e2e/lib/mcp.mjs';
import { Connection, requestBytes } from '../e2e/lib/raw.mjs';
import { parseEvents } from '../e2e/lib/sse.mjs';
import { each, until } from '../e2e/lib/wait.mjs';
import { Record } from './lib/record.mjs';

const SESSIONS = Number(process.env.RESTART_SESSIONS ?? 1000);
const DEADLINE_MS = 15000;
const RETRY_MS = 100;
const STREAM_MS = 60000;
/** At least so many calls must have felt it, or nothing was under way. */
const FELT = SESSIONS / 20;

const record = new Record('restart');
after(() => record.save());

/** What all clients saw. */
const seen = { answers: new Map(), foreign: [], hung: [], cut: 0, lost: 0, errors: 0, good: 0, renewed: 0, resumed: 0 };

function take(message) {
	if (message.id === undefined || message.method !== undefined) return;
	if (!seen.answers.has(message.id)) seen.foreign.push(message);
	else seen.answers.set(message.id, seen.answers.get(message.id) + 1);
}

/** Read a body of events: every message is taken, `each` hears of every event. */
async function readEvents(connection, ms, each) {
	let text = '';
	for (let chunk = await connection.chunk(ms); chunk !== null; chunk = await connection.chunk(ms)) {
		text += chunk.toString('utf8');
		const end = text.lastIndexOf('\n\n');
		if (end < 0) continue;
		for (const event of parseEvents(text.slice(0, end + 2))) {
			const message = event.data ? JSON.parse(event.data) : undefined;
			if (message !== undefined) take(message);
			each(event, message);
		}
		text = text.slice(end + 2);
	}
}

class Client {
	constructor(gateway, number) {
		Object.assign(this, { gateway, number, calls: 0, goodCalls: 0, streams: 0, stopped: false });
	}

	async open() {
		this.session = await openSession(this.gateway);
		this.lastEventId = undefined;
	}

	/** The session is over: begin a new one. */
	async renew(session) {
		if (session !== this.session) return;
		await this.open();
		seen.renewed++;
	}

	/** Until stopped: one call after another; what breaks is tried again as a new call. */
	async runCalls() {
		let connection;
		while (!this.stopped) {
			try {
				connection ??= await Connection.open(this.gateway);
				await this.callOnce(connection);
			} catch {
				connection?.destroy(); // whether it hung is noted where it was noticed
				connection = undefined;
				await pause(RETRY_MS);
			}
		}
		connection?.destroy();
	}

	nextCall() {
		const server = this.number % 4 === 0 ? 'own' : 'fx';
		const turn = (this.number + this.calls++) % 3;
		if (turn === 0) return { name: `${server}_echo`, arguments: { text: `${this.number}/${this.calls}` } };
		if (turn === 1) return { name: `${server}_slow`, arguments: { ms: 400 + ((this.number * 37) % 800) } };
		return { name: `${server}_progress`, arguments: { steps: 4, ms: 200 }, _meta: { progressToken: `p${this.number}` } };
	}

	async callOnce(connection) {
		const { session } = this;
		const id = nextId();
		const params = this.nextCall();
		const call = { id, params, answer: undefined, lastEventId: undefined };
		seen.answers.set(id, 0);
		try {
			await connection.write(requestBytes(this.gateway, { headers: session.headers(), body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }) }));
			await this.readAnswer(connection, session, call);
		} catch (error) {
			if (error.code === 'CLOSED' || connection.ended) {
				seen.cut++;
				if (call.lastEventId !== undefined) await this.comeBack(session, call);
			} else {
				seen.hung.push(`${params.name} of session ${this.number}: ${error.message}`);
			}
			throw error;
		}
		this.judge(call);
	}

	async readAnswer(connection, session, call) {
		const head = await connection.head(DEADLINE_MS);
		if ((head.headers['content-type'] ?? '').startsWith('text/event-stream')) {
			await readEvents(connection, DEADLINE_MS, (event, message) => {
				call.lastEventId = event.id ?? call.lastEventId;
				if (message?.id === call.id) call.answer = message;
			});
			return;
		}
		const text = (await connection.body(head, { ms: DEADLINE_MS })).toString('utf8');
		if (head.status === 404) {
			await this.renew(session);
		} else if (head.status === 200) {
			call.answer = JSON.parse(text);
			take(call.answer);
		} else {
			seen.errors++;
		}
	}

	/** The stream of a call broke: ask for the rest of it. It comes, or we are told that it is lost. */
	async comeBack(session, call) {
		const connection = await until('the gateway', () => Connection.open(this.gateway), DEADLINE_MS);
		try {
			await connection.write(requestBytes(this.gateway, {
				method: 'GET', headers: session.headers({ 'content-type': null, accept: 'text/event-stream', 'last-event-id': call.lastEventId }),
			}));
			const head = await connection.head(DEADLINE_MS);
			if (head.status === 200) {
				await readEvents(connection, DEADLINE_MS, (event, message) => {
					if (message?.id === call.id) call.answer = message;
				});
			}
			if (call.answer === undefined || call.answer.error !== undefined) seen.lost++;
			else seen.resumed++;
		} catch (error) {
			if (error.code !== 'CLOSED' && !connection.ended) seen.hung.push(`coming back to ${call.params.name} of session ${this.number}: ${error.message}`);
		} finally {
			connection.destroy();
		}
	}

	judge({ params, answer }) {
		if (answer === undefined) return;
		if (answer.error !== undefined || answer.result.isError) {
			seen.errors++;
			return;
		}
		const { text } = params.arguments;
		if (text !== undefined && answer.result.structuredContent?.text !== text) seen.foreign.push(answer);
		seen.good++;
		this.goodCalls++;
	}

	/** Until stopped: the session's stream, opened again where it ended. */
	async runStream() {
		while (!this.stopped) {
			try {
				const connection = await Connection.open(this.gateway);
				this.streamConnection = connection;
				await this.readStream(connection);
				connection.destroy();
			} catch {
				/* the gateway is away */
			}
			this.streaming = false;
			await pause(RETRY_MS);
		}
	}

	async readStream(connection) {
		const { session } = this;
		const resumption = this.lastEventId === undefined ? {} : { 'last-event-id': this.lastEventId };
		await connection.write(requestBytes(this.gateway, {
			method: 'GET', headers: session.headers({ 'content-type': null, accept: 'text/event-stream', ...resumption }),
		}));
		const head = await connection.head(DEADLINE_MS);
		if (head.status === 404) {
			await this.renew(session);
		} else if (head.status === 200) {
			this.streams++;
			this.streaming = true;
			await readEvents(connection, STREAM_MS, (event) => {
				this.lastEventId = event.id ?? this.lastEventId;
			});
		}
	}

	start() {
		this.lanes = [this.runCalls(), this.runStream()];
	}

	async stop() {
		this.stopped = true;
		await this.lanes[0];
		this.streamConnection?.destroy();
		await this.lanes[1];
	}
}

/** Every client has had a good answer since now, and has its stream open. */
async function allWorkAgain(clients) {
	const before = clients.map(({ goodCalls }) => goodCalls);
	await until('every client to work again', () => clients.every((client, i) => client.goodCalls > before[i] && client.streaming), 40000).catch((error) => {
		const left = clients.filter((client, i) => client.goodCalls <= before[i]);
		const silent = clients.filter(({ streaming }) => !streaming);
		throw new Error(`${error.message}: ${left.length} have no good answer (first: ${left[0]?.number}), ${silent.length} no stream; ${tell()}`);
	});
}

const tell = () => `good ${seen.good}, errors ${seen.errors}, cut ${seen.cut}, resumed ${seen.resumed}, lost ${seen.lost}, new sessions ${seen.renewed}`;

test(`${SESSIONS} sessions through restarts`, { timeout: 110000 }, async (t) => {
	const fixture = await startFixture(t, ['--era', 'legacy', '--sessions']);
	const patient = { concurrency: 4000, queue: 4000, breaker_rest: '200ms', breaker_failures: 20 };
	const gateway = await startGateway(t, {
		limits: { connections_per_ip: 16384, drain: '2s' },
		config: { log: { format: 'json', level: 'info' } },
		upstreams: { fx: fixture.upstream(patient), own: fixture.upstream({ ...patient, isolation: 'session' }) },
	});
	gateway.configure({ listen: `127.0.0.1:${gateway.port}` });
	const again = async () => {
		await gateway.start();
		await gateway.settled();
	};

	const clients = Array.from({ length: SESSIONS }, (_, number) => new Client(gateway, number));
	await each(SESSIONS, 50, (number) => clients[number].open());
	for (const client of clients) client.start();
	t.after(() => Promise.all(clients.map((client) => client.stop())));
	await allWorkAgain(clients);

	const events = [
		['the upstream is killed and started again', async () => {
			await fixture.kill();
			const { errors } = seen;
			await until('calls to fail', () => seen.errors - errors >= FELT);
			await fixture.start();
		}],
		['the gateway is killed and started again', async () => {
			await gateway.crash();
			await again();
		}],
		['the gateway is stopped and started again', async () => {
			assert.equal((await gateway.stop()).code, 0);
			await again();
		}],
	];
	for (const [event, happen] of events) {
		const before = { ...seen };
		const row = (column, good) => record.add({ section: 'restart', item: event, column, state: good ? 'passed' : 'failed' });
		let failure;
		await happen().then(() => allWorkAgain(clients)).catch((error) => {
			failure = error;
		});
		t.diagnostic(`${event}: ${tell()}`);
		row('every client works again', failure === undefined);
		row('no call answered twice', ![...seen.answers.values()].some((count) => count > 1));
		row('no call past its deadline', seen.hung.length === 0);
		row('no foreign answers', seen.foreign.length === 0);
		if (failure !== undefined) throw failure;
		const felt = seen.errors - before.errors + seen.cut - before.cut;
		assert.ok(felt >= FELT, `only ${felt} calls were under way`);
	}

	assert.deepEqual(seen.hung.slice(0, 5), [], 'calls past their deadline');
	assert.deepEqual(seen.foreign.slice(0, 5), [], 'answers of nobody\'s or another\'s call');
	assert.deepEqual([...seen.answers].filter(([, count]) => count > 1).slice(0, 5), [], 'calls answered twice');
});
