# shellcheck shell=bash
# Installs what is missing, from Debian's or Ubuntu's own packages and nothing else.
#
# dpkg is asked each time: at 10 ms that is cheaper than a stamp that could be wrong. Debian 12
# has neither yyjson nor llhttp, so there a trixie source is added, pinned to those four packages
# (doc/decisions/0003-trixie-pin.md).

packages_build=(gcc libc6-dev meson ninja-build pkg-config python3 libuv1-dev libllhttp-dev libyyjson-dev
	libsqlite3-dev libssl-dev libyaml-dev libpcre2-dev libboost-context-dev zlib1g-dev
	libcjose-dev libjansson-dev libargon2-dev libutf8proc-dev libpq-dev libhiredis-dev libcurl4-openssl-dev libgmime-3.0-dev binutils)
packages_run=(ca-certificates tzdata nodejs npm)
packages_lint=(python3 clang-format shellcheck)
packages_test=(check systemd python3-yaml clang lld llvm libclang-rt-dev json-schema-test-suite curl util-linux chromium nginx-light postgresql redis-server pgbouncer
	dovecot-core dovecot-imapd postfix
	"${packages_run[@]}"
	"${packages_lint[@]}")
packages_full=(valgrind gdb debootstrap)
packages_bench=(nginx-light postgresql redis-server valgrind strace openssl util-linux "${packages_run[@]}")

# The packages of "$@" that are not installed. A node or npm that did not come from Debian counts.
packages_missing() {
	local package installed

	installed=$( (dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null || true) | sed -n 's/^ii *//p')
	for package in "$@"; do
		case $package in
		nodejs) have node && continue ;;
		npm) have npm && continue ;;
		esac
		grep -qx -- "$package" <<<"$installed" || printf '%s\n' "$package"
	done
}

# The code name of this release: bookworm, trixie, noble...
release_name() {
	# shellcheck source=/dev/null
	(. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-unknown}")
}

# The URI of the mirror that serves this machine's own release, whichever format names it.
mirror_uri() {
	local files=() name

	name=$(release_name)

	shopt -s nullglob
	files=(/etc/apt/sources.list.d/*.sources)
	if [ ${#files[@]} -gt 0 ]; then
		awk -v name="$name" 'BEGIN { RS = ""; FS = "\n" }
			{
				uri = ""; ours = 0
				for (i = 1; i <= NF; i++) {
					if ($i ~ /^URIs:/) { split($i, words, /[ \t]+/); uri = words[2] }
					if ($i ~ /^Suites:/ && index($i " ", " " name " ")) ours = 1
				}
				if (ours && uri != "") { print uri; exit }
			}' "${files[@]}"
	fi
	files=(/etc/apt/sources.list.d/*.list)
	[ ! -f /etc/apt/sources.list ] || files+=(/etc/apt/sources.list)
	if [ ${#files[@]} -gt 0 ]; then
		sed -nE "s/^deb[ \t]+(\[[^]]*\][ \t]+)?([^ \t]+)[ \t]+$name([ \t].*)?\$/\2/p" "${files[@]}"
	fi
	shopt -u nullglob
}

write_trixie_source() {
	local uri=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	if [ ! -f "$keyring" ]; then
		as_root apt-get install -y --no-install-recommends debian-archive-keyring || return 1
	fi
	as_root tee /etc/apt/sources.list.d/gatehouse-trixie.sources <<-END || return 1
		Types: deb
		URIs: $uri
		Suites: trixie
		Components: main
		Signed-By: $keyring
	END
	as_root tee /etc/apt/preferences.d/gatehouse-trixie <<-END
		Package: *
		Pin: release n=trixie
		Pin-Priority: -1

		Package: libyyjson0 libyyjson-dev libllhttp9.2 libllhttp-dev
		Pin: release n=trixie
		Pin-Priority: 500
	END
}

# Debian 12 only: make yyjson and llhttp available.
add_trixie_source() {
	local uri

	[ "$(release_name)" = bookworm ] || return 0
	[ ! -f /etc/apt/preferences.d/gatehouse-trixie ] || return 0
	uri=$(mirror_uri | head -n 1)
	[ -n "$uri" ] || die "no apt source of this machine names Debian 12 (bookworm): yyjson and llhttp come from" \
		"trixie on the same mirror; add both sources by hand (doc/decisions/0003-trixie-pin.md)"
	step "adding trixie for yyjson and llhttp only" write_trixie_source "$uri"
}

install_packages() {
	local quiet=(-o Dpkg::Use-Pty=0 -o APT::Color=0)

	step "apt package lists" as_root env DEBIAN_FRONTEND=noninteractive apt-get "${quiet[@]}" update
	step "installing $# Debian packages" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get "${quiet[@]}" install -y --no-install-recommends "$@"
}

# deps GROUP...: build, run, lint, test, full, bench.
deps() {
	local group missing=() wanted=()

	for group in "$@"; do
		case $group in
		build) wanted+=("${packages_build[@]}") ;;
		run) wanted+=("${packages_run[@]}") ;;
		lint) wanted+=("${packages_lint[@]}") ;;
		test) wanted+=("${packages_test[@]}") ;;
		full) wanted+=("${packages_full[@]}") ;;
		bench) wanted+=("${packages_bench[@]}") ;;
		*) die "no group of packages '$group': build, run, lint, test, full, bench" ;;
		esac
	done
	have apt-get || die "only Debian and Ubuntu are prepared automatically; install the likes of: ${wanted[*]}"
	mapfile -t missing < <(packages_missing "${wanted[@]}" | sort -u)
	[ ${#missing[@]} -gt 0 ] || return 0
	as_root true # asks for the password here, not in the middle of a progress line
	case " ${missing[*]} " in
	*" libyyjson-dev "* | *" libllhttp-dev "*) add_trixie_source ;;
	esac
	install_packages "${missing[@]}"
}

#: deps [GROUP...]          install what is missing (build, run, lint, test, full, bench; default build and test)
verb_deps() {
	[ $# -gt 0 ] || set -- build test
	deps "$@"
}
