// Waiting for conditions. Tests never sleep for a guessed time: they poll a condition until it
// holds or its deadline passes, and say what they waited for.
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 15;

/** Machines that run sanitized binaries on shared cores are slow: deadlines are generous. */
export const PATIENCE_MS = Number(process.env.E2E_PATIENCE_MS ?? 20000);

/** The first truthy value of `condition`, which may be async and may throw until it holds (an error with
 * `fatal` set ends the waiting). */
export async function until(what, condition, ms = PATIENCE_MS) {
	const deadline = performance.now() + ms;
	let last;

	for (;;) {
		try {
			const value = await condition();
			if (value) return value;
			last = undefined;
		} catch (error) {
			if (error.fatal) throw error; // waiting longer will not help
			last = error;
		}
		if (performance.now() > deadline) {
			throw new Error(`waited ${ms} ms for ${what}`, { cause: last });
		}
		await pause(POLL_MS);
	}
}

/** A promise with a deadline of its own. */
export async function within(what, promise, ms = PATIENCE_MS) {
	const stop = new AbortController();
	const late = pause(ms, undefined, { signal: stop.signal, ref: true }).then(
		() => {
			throw new Error(`waited ${ms} ms for ${what}`);
		},
		() => undefined,
	);
	try {
		return await Promise.race([promise, late]);
	} finally {
		stop.abort();
	}
}

/** Run `work` for numbers 0..count-1, at most `width` at once; returns the results in order. */
export async function each(count, width, work) {
	const results = new Array(count);
	let next = 0;

	await Promise.all(
		Array.from({ length: Math.min(width, count) }, async () => {
			while (next < count) {
				const number = next++;
				results[number] = await work(number);
			}
		}),
	);
	return results;
}

/** Milliseconds that `work` took, beside what it returned. */
export async function timed(work) {
	const begun = performance.now();
	const value = await work();
	return { value, ms: performance.now() - begun };
}
