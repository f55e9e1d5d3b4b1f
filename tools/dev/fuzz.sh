# shellcheck shell=bash
# Bounded fuzzing. Inputs that only widen coverage stay under build/; inputs that crash are saved
# in test/fuzz/corpus/NAME, where every later `./dev test` replays them.

fuzz_target() {
	local name=$1 seconds=$2 corpus=test/fuzz/corpus/$1 grown=build/fuzz/corpus/$1

	mkdir -p "$corpus" "$grown"
	step "fuzzing $name for $seconds s" unrandomized "build/fuzz/test/fuzz/fuzz_$name" -max_total_time="$seconds" \
		-timeout=10 -rss_limit_mb=2048 -artifact_prefix="$corpus/" "$grown" "$corpus"
}

# The names of the built targets, or the one asked for.
fuzz_targets() {
	find build/fuzz/test/fuzz -maxdepth 1 -type f -perm -u+x -name "fuzz_${1:-*}" -printf '%f\n' | sed 's/^fuzz_//' | sort
}

#: fuzz [TARGET [SECONDS]]  libFuzzer; default: every target for 30 s each
verb_fuzz() {
	local target=${1:-} seconds=${2:-30} name found=0 failed=0

	deps build test
	build_flavour fuzz
	sanitizer_environment
	for name in $(fuzz_targets "$target"); do
		found=$((found + 1))
		fuzz_target "$name" "$seconds" || failed=$((failed + 1))
		rmdir "test/fuzz/corpus/$name" 2>/dev/null || true
	done
	[ "$found" -gt 0 ] || die "no fuzz target '$target'; test/fuzz/meson.build lists them"
	say "$((found - failed)) passed, $failed failed"
	[ "$failed" -eq 0 ]
}
