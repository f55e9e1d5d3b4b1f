# shellcheck shell=bash
# The verbs that run the product: the quickstart, the benches, the reference pages.

# The quickstart's upstream over HTTP, on the port that examples/quickstart.yaml names. It dies with
# this process, which is about to become the gateway.
start_http_upstream() {
	local port=3901 tries

	mkdir -p build/log
	PORT=$port setpriv --pdeathsig TERM mcp-server-everything streamableHttp >build/log/http-upstream.log 2>&1 &
	for ((tries = 0; tries < 100; tries++)); do
		kill -0 $! 2>/dev/null || die "the upstream on port $port does not start; see build/log/http-upstream.log"
		if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			return
		fi
		sleep 0.1
	done
	die "the upstream on port $port does not answer; see build/log/http-upstream.log"
}

#: run [ARGUMENT...]        install, build and serve examples/quickstart.yaml with three real upstreams
verb_run() {
	deps build run
	verb_build release
	npm_ci examples
	use_node_of examples
	export PATH=$PWD/examples/node_modules/.bin:$PATH
	start_http_upstream
	exec build/release/gatehouse serve --welcome --config examples/quickstart.yaml "$@"
}

#: bench [ARGUMENT...]      ratios to nginx and to the upstream itself; writes bench/results/
verb_bench() {
	deps build bench
	build_flavour release
	exec bench/run "$@"
}

#: docs                     write the reference pages doc/errors.md, audit-events.md, config.md, cli.md, metrics.md, api.md, providers.md, connectors.md, config.schema.json, policy-rule.schema.json
verb_docs() {
	local page

	deps build
	python3 -B tools/docs/errors.py src/base/errors.def >doc/errors.md
	python3 -B tools/docs/events.py src/audit/events.def >doc/audit-events.md
	verb_build release
	for page in config cli metrics api providers connectors; do
		build/release/gatehouse reference "$page" >"build/$page.md"
		mv "build/$page.md" "doc/$page.md"
	done
	build/release/gatehouse reference schema >doc/config.schema.json
	build/release/gatehouse reference rule >doc/policy-rule.schema.json
}
