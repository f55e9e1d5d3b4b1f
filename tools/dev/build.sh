# shellcheck shell=bash
# Build trees: build/NAME for each flavour, configured once and then kept up to date by ninja.

for_tests='--buildtype=debugoptimized -Doptimization=1 -Dc_args=-g1 -Dc_link_args=-fuse-ld=lld'

# The compiler and Meson options of a flavour. The release is built with warnings as errors where they are looked at.
flavour_options() {
	case $1 in
	# -O2 -g; the symbols are split off after linking.
	release) echo "gcc --buildtype=debugoptimized -Doptimization=3 -Dc_args=-fno-plt -Db_pie=true -Db_lto=true -Dtests=false${CI:+ --werror}" ;;
	debug) echo "gcc --buildtype=debug" ;;
	# For tests: hundreds of programs that are linked once and run once, so lines for backtraces and a fast linker.
	asan) echo "gcc $for_tests -Db_sanitize=address,undefined --werror" ;;
	asan-clang) echo "clang $for_tests -Db_sanitize=address,undefined -Db_lundef=false --werror" ;;
	tsan) echo "clang --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false" ;;
	fuzz) echo "clang --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true" ;;
	*) die "no flavour '$1': release, debug, asan, asan-clang, tsan, fuzz" ;;
	esac
}

# build_flavour NAME [TARGET...]: configure when it is new or its options changed, then compile the
# targets, or all there are.
build_flavour() {
	local flavour=$1 words options
	shift

	words=$(flavour_options "$flavour")
	read -r -a options <<<"$words"
	if [ "$(cat "build/$flavour/.options" 2>/dev/null || true)" != "$words" ]; then
		rm -rf "build/$flavour"
		step "configuring $flavour" env CC="${options[0]}" meson setup "build/$flavour" "${options[@]:1}" ||
			return 1
		printf '%s\n' "$words" >"build/$flavour/.options"
	fi
	step "building $flavour" ninja -k 0 -C "build/$flavour" "$@"
}

# Ship without symbols, keep them beside the binary where gdb looks for them. ninja relinks only
# when an input is newer, so changing its output in place is safe.
split_symbols() {
	local binary=$1

	[ -f "$binary" ] || return 0
	[ "$binary" -nt "$binary.debug" ] || return 0
	objcopy --only-keep-debug "$binary" "$binary.debug"
	objcopy --strip-debug --add-gnu-debuglink="$binary.debug" "$binary"
	touch "$binary.debug"
}

#: build [FLAVOUR]          build/FLAVOUR/gatehouse: release (default), debug, asan, asan-clang, tsan
verb_build() {
	local flavour=${1:-release}

	if [ "$flavour" = release ]; then
		deps build
		build_flavour release gatehouse
		split_symbols build/release/gatehouse
	else
		deps build test
		build_flavour "$flavour"
	fi
}

#: clean                    remove build trees and what npm installed
verb_clean() {
	rm -rf build examples/node_modules test/e2e/node_modules test/conformance/node_modules
}
