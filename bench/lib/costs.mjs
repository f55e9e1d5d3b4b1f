// The tables of doc/scaling.md, from a file of results: what a call costs, and what follows for four sizes. Figures that the file
// does not have stay out of the table, so a page never shows what nobody measured.
const GB = 1e9;
const DAY_S = 86400;
const PEAK_OVER_AVERAGE = 4;
const HALF_LOAD = 2;

const digits = (value, count) => (Number.isFinite(value) ? value.toFixed(count) : null);
const figure = (value, unit, count = 0) => (Number.isFinite(value) ? `${digits(value, count)} ${unit}` : null);

/** Bytes of a row of the trail on an engine: the largest trail's. */
function rowBytes(results, engine) {
	const sizes = Object.entries(results.trails?.[engine] ?? {}).map(([name, made]) => [Number(name.slice(1)), made.bytes]).filter(([rows]) => rows > 0);
	const [rows, bytes] = sizes.sort(([a], [b]) => b - a)[0] ?? [];
	return bytes / rows;
}

/** What is measured, by name; undefined where the file does not say. */
export function costsOf(results) {
	const summary = (name, target) => results.cases.find((one) => one.name === name)?.summary[target];
	const [postgresql, redis] = summary('fleet.modern.64c', 'postgresql')?.servers_cpu_us ?? [];
	return {
		gateway_sqlite_us: summary('fleet.modern.64c', 'sqlite')?.server_cpu_us,
		gateway_fleet_us: summary('fleet.modern.64c', 'postgresql')?.server_cpu_us,
		gateway_fleet_legacy_us: summary('fleet.legacy.64c', 'postgresql')?.server_cpu_us,
		nginx_us: summary('fleet.modern.64c', 'nginx')?.server_cpu_us,
		postgresql_us: postgresql,
		redis_us: redis,
		wait_sqlite_us: summary('fleet.modern.1c', 'sqlite')?.p50_us,
		wait_fleet_us: summary('fleet.modern.1c', 'postgresql')?.p50_us,
		one_replica_us: results.replicas?.one,
		two_replicas_us: results.replicas?.two,
		row_sqlite: rowBytes(results, 'sqlite'),
		row_postgresql: rowBytes(results, 'postgresql'),
		instructions: results.instructions?.call_250.user_instructions,
		stream_bytes: results.memory?.plain.bytes_each,
		stream_tls_bytes: results.memory?.tls.bytes_each,
	};
}

function costTable(costs) {
	const lines = [
		['gateway, SQLite and memory', figure(costs.gateway_sqlite_us, 'us of CPU, audit writer included', 1), '`fleet`, 64 connections'],
		['gateway, PostgreSQL and Redis', figure(costs.gateway_fleet_us, 'us of CPU', 1), '`fleet`, 64 connections'],
		['the same for a client with a session', figure(costs.gateway_fleet_legacy_us, 'us of CPU', 1), '`fleet`, 64 connections, 2025-11-25'],
		['nginx as bare proxy, for comparison', figure(costs.nginx_us, 'us of CPU', 1), '`fleet`, 64 connections'],
		['PostgreSQL, all its processes', figure(costs.postgresql_us, 'us of CPU', 1), '`fleet`, 64 connections'],
		['Redis', figure(costs.redis_us, 'us of CPU', 1), '`fleet`, 64 connections'],
		['whole way of a call at one connection, SQLite and memory', figure(costs.wait_sqlite_us, 'us, median'), '`fleet`, one connection'],
		['the same on PostgreSQL and Redis', figure(costs.wait_fleet_us, 'us, median'), '`fleet`, one connection'],
		['one replica, two replicas on the same two cores', costs.one_replica_us && `${figure(costs.one_replica_us, 'us', 1)}, ${figure(costs.two_replicas_us, 'us of CPU', 1)}`, '`replicas`'],
		['row of the trail on SQLite', figure(costs.row_sqlite, 'bytes'), '`growth`, the longest trail'],
		['row of the trail on PostgreSQL, indexes included', figure(costs.row_postgresql, 'bytes'), '`growth`, the longest trail'],
		['user instructions of a call, SQLite and memory', figure(costs.instructions / 1000, 'thousand', 1), '`instructions`'],
		['idle stream; over TLS', costs.stream_bytes && `${figure(costs.stream_bytes, 'bytes')}; ${figure(costs.stream_tls_bytes, 'bytes')}`, '`memory`'],
	];
	return ['| what | costs | measured by |', '|---|---|---|', ...lines.filter(([, cost]) => cost).map((cells) => `| ${cells.join(' | ')} |`)];
}

/** Cores for a cost at so many calls a second, at half load; a little under one stays a fraction. */
const cores = (per_second, us) => (per_second * us) / 1e6;

function sizeLine(costs, calls) {
	const average = calls / DAY_S;
	const peak = average * PEAK_OVER_AVERAGE;
	const fleet = calls > 1e7;
	const gateway = cores(peak, fleet ? costs.gateway_fleet_us : costs.gateway_sqlite_us);
	const row = fleet ? costs.row_postgresql : costs.row_sqlite;
	const short = (value) => (value < 10 ? digits(value, 2) : Math.round(value).toLocaleString('en'));
	return `| 1e${Math.log10(calls)} | ${short(average)} | ${short(peak)} | ${fleet ? 'PostgreSQL, Redis' : 'SQLite, memory'} | ${short(gateway)} | ${Math.max(1, Math.ceil(gateway * HALF_LOAD))} |`
		+ ` ${fleet ? short(cores(peak, costs.postgresql_us)) : '-'} | ${fleet ? `${Math.round(100 * cores(peak, costs.redis_us))} %` : '-'} | ${short((calls * row) / GB)} | ${short((30 * calls * row) / 1e12)} |`;
}

function sizeTable(costs) {
	if ([costs.gateway_sqlite_us, costs.gateway_fleet_us, costs.postgresql_us, costs.redis_us, costs.row_sqlite, costs.row_postgresql].some((one) => !Number.isFinite(one)))
		return ['The results have not all that this table is made of: `fleet` and `growth` are needed.'];
	return [
		'| calls a day | average /s | busiest /s | kept in | gateway cores busy | cores to have | PostgreSQL cores busy | Redis, of its one core | GB a day | TB a month |',
		'|---|---|---|---|---|---|---|---|---|---|', ...[1e6, 1e7, 1e8, 1e9].map((calls) => sizeLine(costs, calls)),
	];
}

/** What a search of a tenant's rows took, worst of all spans, by engine and size of the trail. */
function searchTable(results) {
	const lines = Object.entries(results.search ?? {}).flatMap(([engine, sizes]) => Object.entries(sizes).map(([size, spans]) => {
		const worst = Object.entries(spans).sort(([, a], [, b]) => b.median_ms - a.median_ms)[0];
		return `| ${engine} | ${Number(size.slice(1)).toLocaleString('en')} | ${digits(worst[1].median_ms, 1)} ms (${worst[0]}) |`;
	}));
	return lines.length === 0 ? [] : ['| engine | rows | slowest span, median |', '|---|---|---|', ...lines];
}

const GROWING = { tenants: 'tenants, ten keys each', tools: 'tools', rows: 'rows of the trail' };

/** What a call costs at each size: counted on SQLite, and timed against the smallest of the same rounds. */
function growthTable(results) {
	const summary = (engine, what, connections) => results.cases.find((one) => one.name === `${engine}_${what}.modern.${connections}c`)?.summary;
	const ratio = (all, size, field) => (all?.[size] ? digits(all[size][field] / Object.values(all)[0][field], 2) : '-');
	const lines = Object.entries(results.growth_instructions ?? {}).flatMap(([what, sizes]) => Object.entries(sizes).map(([size, { user_instructions }]) => {
		const timed = ['sqlite', 'postgresql'].flatMap((engine) => [ratio(summary(engine, what, 64), size, 'server_cpu_us'), ratio(summary(engine, what, 1), size, 'p50_us')]);
		return `| ${Number(size.slice(1)).toLocaleString('en')} ${GROWING[what]} | ${digits(user_instructions / 1000, 1)} | ${timed.join(' | ')} |`;
	}));
	return lines.length === 0 ? [] : [
		'| with | thousand user instructions a call | CPU, SQLite | p50, SQLite | CPU, PostgreSQL | p50, PostgreSQL |', '|---|---|---|---|---|---|', ...lines,
	];
}

/** `page` with the text between its marks exchanged. */
export function fillPage(page, results, file) {
	const costs = costsOf(results);
	const machine = `From \`${file}\`: ${results.machine.cores} cores of ${results.machine.cpu}, ${results.date.slice(0, 10)}, commit ${results.commit.sha}.`;
	const parts = { costs: [machine, '', ...costTable(costs)], sizes: sizeTable(costs), growth: growthTable(results), search: searchTable(results) };
	return Object.entries(parts).reduce((text, [name, lines]) => {
		const marks = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
		if (!marks.test(text)) throw new Error(`the page has no marks of ${name}`);
		return text.replace(marks, (all, open, close) => `${open}${lines.join('\n')}\n${close}`);
	}, page);
}
