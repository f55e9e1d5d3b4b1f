# shellcheck shell=bash
# The verbs that run the product: the quickstart, the benches, the reference pages.

#: run [ARGUMENT...]        install, build and serve examples/quickstart.yaml with three real upstreams
verb_run() {
	deps build run
	verb_build release
	npm_ci examples
	use_node_of examples
	export PATH=$PWD/examples/node_modules/.bin:$PATH
	exec build/release/gatehouse serve --config examples/quickstart.yaml "$@"
}

#: bench [ARGUMENT...]      ratios to nginx and to the upstream itself; writes bench/results/
verb_bench() {
	deps build bench
	build_flavour release
	exec bench/run "$@"
}

#: docs                     write the reference pages doc/errors.md, config.md, cli.md, metrics.md
verb_docs() {
	local page

	deps build
	python3 -B tools/docs/errors.py src/base/errors.def >doc/errors.md
	verb_build release
	for page in config cli metrics; do
		build/release/gatehouse reference "$page" >"build/$page.md"
		mv "build/$page.md" "doc/$page.md"
	done
}
