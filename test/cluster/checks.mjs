// What must hold after the load, from four witnesses: what clients saw, what the upstream counted, the audit trail, and its chain.

/** A fault's calls may fail this long after it was over. */
export const RECOVERY_MS = 5000;
/** A connection that died with a replica is noticed within this. */
const FLIGHT_MS = 250;

/** Calls of `records` that `fault` excuses. */
function excused(fault, record) {
	switch (fault.fails) {
	case 'flight':
		return record.begun <= fault.begun + FLIGHT_MS && record.ended >= fault.begun;
	case 'outage':
		return record.ended >= fault.begun && record.begun <= fault.healed + RECOVERY_MS;
	default:
		return false;
	}
}

/** Failures by fault: how many, of which codes, how long after the fault was over the last one began. */
export function sortFailures(records, faults) {
	const failures = records.filter((record) => !record.ok);
	const sorted = faults.map((fault) => {
		const own = failures.filter((record) => record.ended >= fault.begun && record.begun < fault.next);
		const codes = {};
		for (const { code } of own) codes[code] = (codes[code] ?? 0) + 1;
		return {
			fault: fault.name,
			failed: own.length,
			unexcused: own.filter((record) => !excused(fault, record)),
			final: own.filter((record) => !record.retryable),
			recovery_ms: Math.max(0, ...own.map((record) => record.begun - fault.healed)),
			codes,
		};
	});
	const counted = new Set(faults.flatMap((fault) => failures.filter((record) => record.ended >= fault.begun && record.begun < fault.next)));
	return { sorted, stray: failures.filter((record) => !counted.has(record)) };
}

/** Side effects against answers. `effects`: {tool: {id: times}} of the upstream. */
export function checkEffects(records, effects) {
	const answered = records.filter(({ ok }) => ok);
	const times = ({ tool, id }) => effects[tool.replace('fx_', '')][id] ?? 0;

	return {
		appended: Object.keys(effects.append).length,
		twice: Object.entries(effects.append).filter(([, count]) => count > 1).map(([id]) => id),
		missing: answered.filter((record) => times(record) === 0).map(({ id }) => id),
	};
}

/** Rows of the trail against answers: each answered call has exactly one. `rows`: [{request_id, rows}]. */
export function checkTrail(records, rows) {
	const found = new Map(rows.map((row) => [row.request_id, row.rows]));

	return {
		rows: rows.length,
		missing: records.filter(({ ok, id }) => ok && !found.has(id)).map(({ id }) => id),
		twice: rows.filter((row) => row.rows > 1).map((row) => row.request_id),
	};
}

/** A limit's exact count: GCRA gives `limit` at once and then evenly. */
export function checkLimit({ limit, windowSeconds }, hammered) {
	const exact = limit + (limit / windowSeconds) * hammered.seconds;
	return { ...hammered, exact, off_percent: (100 * Math.abs(hammered.allowed - exact)) / exact };
}

function percentile(sorted, share) {
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Latency of what was answered outside of any fault's time. */
export function quietLatency(records, faults) {
	const quiet = records.filter((record) => record.ok && record.ms === 0 && !faults.some((fault) => record.ended >= fault.begun && record.begun <= fault.healed + 1000));
	const sorted = quiet.map((record) => record.ended - record.begun).sort((a, b) => a - b);
	return { calls: sorted.length, p50_ms: percentile(sorted, 0.5), p99_ms: percentile(sorted, 0.99) };
}
