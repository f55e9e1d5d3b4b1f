# shellcheck shell=bash
# The test legs. Each leaves one file in build/results, and tools/tally adds them up, so that a
# red leg never hides the ones after it.
#
#   lint         the house linter and the linter's own test
#   unit         Check programs, fuzz corpora and the JSON Schema suite: clang, asked for by name gcc too, ASan + UBSan
#   gcc          everything compiled by gcc
#   e2e          node:test against the ASan binary; soak*.test.mjs against the release binary
#   matrix       the same e2e files again, the release binary on PostgreSQL and Redis; some of them through PgBouncer
#   cluster      three replicas and bad times: 20 s against the ASan binary; asked for by name 60 s against the release
#                binary, whose figures are kept in bench/results
#   ads          what is about ad analytics: unit tests of its rooms, its e2e files
#   vault        those e2e files that are about credentials, on SQLite and then on PostgreSQL and Redis
#   conformance  the official suite and the matrix of clients and servers; writes doc/conformance.md
#   full         also TSan, Valgrind, ./dev run and ./dev test in a bare Debian
#
# The e2e tests find the binary in GATEHOUSE and the fixtures' directory in GATEHOUSE_FIXTURES.

results=build/results
e2e_targets=(gatehouse test/fixtures/fixture-mcp test/fixtures/schema-check)

# ASLR with many random bits breaks older sanitizer runtimes; containers may forbid turning it off.
unrandomized() {
	if setarch -R true 2>/dev/null; then
		setarch -R "$@"
	else
		"$@"
	fi
}

sanitizer_environment() {
	# A frame's fake stack would not survive a switch between fibers.
	export ASAN_OPTIONS=detect_stack_use_after_return=0:abort_on_error=1:${ASAN_OPTIONS:-}
	export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:${UBSAN_OPTIONS:-}
	# Seconds a Check case may take: its own default of 4 is too short for a loaded machine.
	export CK_DEFAULT_TIMEOUT=60
	export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:${TSAN_OPTIONS:-}
}

# A leg that is not even built counts as one failure.
leg_failed() {
	printf '0 passed, 1 failed\n' >"$results/$1.text"
}

# counted LEG COMMAND...: a leg whose command says how it went by its exit status alone.
counted() {
	local leg=$1
	shift
	if "$@"; then
		printf '1 passed, 0 failed\n' >"$results/$leg.text"
	else
		leg_failed "$leg"
	fi
}

# A tool's own test, which prints `N passed, N failed`.
self_test() {
	local leg=$1 log
	log=$(log_of "$leg")
	logged "$leg" python3 -B "$2" || cat "$log"
	cp "$log" "$results/$leg.text"
}

test_lint() {
	counted lint verb_lint
	self_test lint-self-test tools/lint/test.py
	self_test tally-self-test tools/tally_test.py
}

# The names of a flavour's tests that contain PATTERN; Meson's own patterns are too new for Debian 12.
test_names() {
	meson introspect "build/$1" --tests | python3 -c '
import json, sys
for test in json.load(sys.stdin):
    if sys.argv[1] in test["name"]:
        print(test["name"])' "$2"
}

# test_meson FLAVOUR [MESON TEST ARGUMENT...]
test_meson() {
	local flavour=$1 log
	shift
	if ! build_flavour "$flavour"; then
		leg_failed "unit-$flavour"
		return
	fi
	rm -f "build/$flavour"/meson-logs/testlog*.json
	# Most of them wait for something most of the time.
	logged "unit tests, $flavour" unrandomized meson test -C "build/$flavour" --no-rebuild \
		--num-processes $((2 * $(nproc))) "$@" || true
	leg_failed "unit-$flavour" # unless there is a log
	for log in "build/$flavour"/meson-logs/testlog*.json; do
		if [ -s "$log" ]; then
			rm -f "$results/unit-$flavour.text"
			cp "$log" "$results/unit-$flavour.json"
		fi
	done
}

# What stands before `node --test`: a program that starts what the tests need.
node_starter=()

# node_tests TITLE TAP FLAVOUR CONCURRENCY FILE...
node_tests() {
	local title=$1 tap=$2 flavour=$3 concurrency=$4
	shift 4
	logged "$title" env GATEHOUSE="$PWD/build/$flavour/gatehouse" GATEHOUSE_FIXTURES="$PWD/build/$flavour/test/fixtures" \
		"${node_starter[@]}" node --test --test-concurrency="$concurrency" --test-reporter=spec --test-reporter-destination=stdout \
		--test-reporter=tap --test-reporter-destination="$tap" "$@"
}

# Files of a leg that run beside each other: most of their time they wait for something.
beside=$((2 * $(nproc) < 8 ? 2 * $(nproc) : 8))

# So many files may fail beside others and pass alone, which is said at the end; more is a failure whatever comes of them.
unsteady_max=2

# second_try LEG FLAVOUR: the files that failed, one after the other and with nothing beside them.
second_try() {
	local leg=$1 failed

	mapfile -t failed < <(tools/tally --failed "$results/$leg.tap")
	if [ ${#failed[@]} -ge 1 ] && [ ${#failed[@]} -le $unsteady_max ]; then
		node_tests "$leg, again" "$results/$leg.again" "$2" 1 "${failed[@]}" || true
	fi
}

# test_node LEG FLAVOUR FILE...: node:test files of one directory, which may have packages of its own.
test_node() {
	local leg=$1 flavour=$2 dir
	shift 2
	dir=$(dirname "$1")
	if ! build_flavour "$flavour" "${e2e_targets[@]}" || ! npm_ci "$dir"; then
		leg_failed "$leg"
		return
	fi
	(
		use_node_of "$dir"
		if ! node_tests "$leg" "$results/$leg.tap" "$flavour" "$beside" "$@"; then
			sed -n '/failing tests:/,$p' "$(log_of "$leg")"
			second_try "$leg" "$flavour"
		fi
	)
	[ -s "$results/$leg.tap" ] || leg_failed "$leg"
}

# e2e_files PATTERN: test/e2e files with PATTERN in their names; long ones only when named.
e2e_files() {
	local file

	for file in test/e2e/*"$1"*.test.mjs test/e2e/attacks/*"$1"*.test.mjs; do
		case $file in
		*/soak*) [ -n "$1" ] || continue ;;
		esac
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done
}

# What is about credentials: how they are sealed, where the keys are, how accounts elsewhere are connected and kept fresh.
vault_files() {
	local file

	for file in test/e2e/{vault,credential,secrets,connect,bridge-}*.test.mjs; do
		[ ! -f "$file" ] || printf '%s\n' "$file"
	done
}

test_e2e() {
	local leg=$1 flavour=$2 files
	mapfile -t files < <(e2e_files "$3")
	if [ ${#files[@]} -eq 0 ]; then
		say "no file test/e2e/*$3*.test.mjs"
		leg_failed "$leg"
		return
	fi
	test_node "$leg" "$flavour" "${files[@]}"
}

# Through PgBouncer: what writes most, and what depends on the tenant of a transaction.
pooled=(test/e2e/{api,audit,auth,oauth-token,policy,tenants}.test.mjs)

# Why the matrix does without a file: nothing in it depends on what a gateway keeps its rows and its state in.
left_out_of_matrix() {
	case $1 in
	*/ads.*) printf 'is about figures; ads-faults.test.mjs stands for what is kept' ;;
	*/ads-fleet.*) printf 'starts a PostgreSQL and a Redis of its own in any case' ;;
	*/connect-provider.*) printf 'starts no gateway' ;;
	*/connector-*) printf 'is about what a platform is asked; connectors.test.mjs and files.test.mjs stand for what is kept' ;;
	*/backing-*) printf 'is about the servers themselves that the matrix stands on' ;;
	*/deploy-*) printf 'is about the files of deploy/' ;;
	*/fleet-state.*) printf 'starts a PostgreSQL and a Redis of its own in any case' ;;
	*/migrate.*) printf 'starts no gateway, and its own PostgreSQL in any case' ;;
	*/schema.* | */write-a-connector.*) printf 'is about commands that keep nothing' ;;
	*) return 1 ;;
	esac
}

# Through what a gateway's rows and state are kept in when there are several: what belongs to SQLite's file skips, and says so.
on_postgres=(node test/e2e/on-postgres.mjs)

# matrix_files WHAT FILE...: these e2e files again, each gateway on PostgreSQL and Redis. Against the release binary, whose
# timing is the product's; the sanitizers see these rows and this state in the unit tests, through PgBouncer and in the cluster.
matrix_files() {
	local what=$1 file why files=() node_starter=("${on_postgres[@]}")

	shift
	for file; do
		if why=$(left_out_of_matrix "$file"); then
			say "matrix: without $file, which $why"
		else
			files+=("$file")
		fi
	done
	if [ ${#files[@]} -eq 0 ]; then
		say "no file test/e2e/$what.test.mjs for the matrix"
		leg_failed e2e-postgres
		return
	fi
	test_node e2e-postgres release "${files[@]}"
}

# test_matrix [PATTERN]
test_matrix() {
	local files node_starter=("${on_postgres[@]}" --pooler)

	mapfile -t files < <(e2e_files "${1:-}")
	matrix_files "*${1:-}*" "${files[@]}"
	[ -n "${1:-}" ] || test_node e2e-pgbouncer asan "${pooled[@]}"
}

# The computations, what keeps reports, and both through the gateway against simulated platforms.
test_ads() {
	local names=() room

	if build_flavour asan; then
		for room in analytics ads; do
			mapfile -t -O "${#names[@]}" names < <(test_names asan "$room/")
		done
	fi
	test_meson asan "${names[@]}"
	test_e2e e2e asan ads
}

test_vault() {
	local files

	mapfile -t files < <(vault_files)
	test_node e2e asan "${files[@]}"
	matrix_files 'vault*' "${files[@]}"
}

# test_cluster FLAVOUR SECONDS [DIRECTORY FOR FIGURES]
test_cluster() {
	CLUSTER_SECONDS=$2 CLUSTER_RESULTS=${3:-} test_node cluster "$1" test/cluster/cluster.test.mjs
}

# test_conformance [PATTERN]: what the suite says, against the ASan binary; the thousand sessions against
# the release binary. The page is written when all of it ran.
test_conformance() {
	local records=build/conformance file files=()

	for file in test/conformance/*"${1:-}"*.test.mjs; do
		case $file in
		*/restart*) ;;
		*) [ ! -f "$file" ] || files+=("$file") ;;
		esac
	done
	[ -n "${1:-}" ] || rm -rf "$records"
	export CONFORMANCE_RECORDS=$PWD/$records
	[ ${#files[@]} -eq 0 ] || test_node conformance asan "${files[@]}"
	if [[ restart == *"${1:-}"* ]]; then
		test_node conformance-restart release test/conformance/restart.test.mjs
	fi
	(use_node_of test/conformance && node test/conformance/report.mjs "$records" doc/conformance.md)
}

# test_unit [PATTERN]
test_unit() {
	local flavour names=()

	for flavour in asan asan-clang; do
		if [ -n "${1:-}" ] && build_flavour "$flavour"; then
			mapfile -t names < <(test_names "$flavour" "$1")
			[ ${#names[@]} -gt 0 ] || die "no unit test has '$1' in its name"
		fi
		test_meson "$flavour" "${names[@]}"
	done
}

# Every file of the product and its tests compiled by a flavour's compiler, for its warnings; only the gateway is linked.
test_compiled() {
	local leg=$1 flavour=$2 objects

	if ! build_flavour "$flavour" gatehouse; then
		leg_failed "$leg"
		return
	fi
	mapfile -t objects < <(ninja -C "build/$flavour" -t targets rule c_COMPILER | grep '\.o$')
	counted "$leg" build_flavour "$flavour" "${objects[@]}"
}

# The unit tests are run by clang, whose sanitizers see more; gcc compiles them too, and makes what the other legs use.
test_everything() {
	test_lint
	test_meson asan-clang
	test_compiled gcc asan
	test_e2e e2e asan ''
	test_matrix
	test_cluster asan 20
	test_conformance
	test_e2e soak release soak
}

test_full() {
	test_everything
	deps full
	test_meson asan
	test_meson tsan --timeout-multiplier 5
	CK_TIMEOUT_MULTIPLIER=20 test_meson debug --timeout-multiplier 20 \
		--wrapper 'valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite'
	counted bare-debian as_root tools/bare-check
}

#: test [LEG [PATTERN]]     lint, unit, e2e, matrix, ads, vault, cluster, schema, conformance, soak, full; default: all but full
verb_test() {
	local what=${1:-everything} pattern=${2:-} begun=$SECONDS status=0

	deps build test
	sanitizer_environment
	rm -rf "$results"
	mkdir -p "$results"
	case $what in
	everything | full | lint | ads | vault) "test_$what" ;;
	unit) test_unit "$pattern" ;;
	schema) test_meson asan --suite schema ;;
	e2e) test_e2e e2e asan "$pattern" ;;
	matrix) test_matrix "$pattern" ;;
	cluster) test_cluster release 60 "$PWD/bench/results" ;;
	soak) test_e2e soak release soak ;;
	conformance) test_conformance "$pattern" ;;
	*) die "no leg '$what': lint, unit, e2e, matrix, ads, vault, cluster, schema, conformance, soak, full" ;;
	esac
	say "after $((SECONDS - begun)) s:"
	tools/tally "$results" || status=$?
	return $status
}

#: lint [PATH...]           the house rules (tools/lint), clang-format and shellcheck
verb_lint() {
	deps lint
	python3 -B tools/lint/lint.py "$@"
}

#: format                   clang-format all C files in place
verb_format() {
	deps lint
	find src test bench -name '*.[ch]' -print0 | xargs -0 -P 2 -n 20 clang-format -i
}
