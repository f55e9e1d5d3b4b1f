# shellcheck shell=bash
# What every verb uses: messages, long steps that show their progress, root, npm.

say() {
	printf '%s\n' "$*"
}

die() {
	printf './dev: %s\n' "$*" >&2
	exit 1
}

have() {
	command -v "$1" >/dev/null 2>&1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif have sudo; then
		sudo "$@"
	else
		die "this needs root and there is no sudo; run as root: $*"
	fi
}

# Show what a command prints as one moving line on a terminal, or a line every 15 s elsewhere.
show_progress() {
	local title=$1 line='' last='' begun=$SECONDS shown=$SECONDS width

	width=$((${COLUMNS:-$(tput cols 2>/dev/null || echo 80)} - ${#title} - 14))
	[ "$width" -gt 0 ] || width=1
	[ -t 2 ] || say "$title" >&2
	while true; do
		if IFS= read -r -t 1 line; then
			last=$line
		elif [ $? -le 128 ]; then
			break
		fi
		if [ -t 2 ]; then
			printf '\r\033[K%s (%d s) %s' "$title" $((SECONDS - begun)) "${last:0:width}" >&2
		elif [ $((SECONDS - shown)) -ge 15 ]; then
			shown=$SECONDS
			say "  $title: $((SECONDS - begun)) s, ${last:0:80}" >&2
		fi
	done
	if [ -t 2 ]; then
		printf '\r\033[K%s: %d s\n' "$title" $((SECONDS - begun)) >&2
	elif [ "$SECONDS" -gt $((begun + 2)) ]; then
		say "  $title: done after $((SECONDS - begun)) s" >&2
	fi
}

# The file that keeps what a long command printed.
log_of() {
	printf 'build/log/%s.log\n' "${1//[^a-zA-Z0-9]/-}"
}

# logged TITLE COMMAND...: run a long command with progress shown and its output in a log. A pipe
# in the foreground, so that Ctrl-C reaches the command too.
logged() {
	local title=$1
	shift
	mkdir -p build/log
	"$@" </dev/null 2>&1 | tee "$(log_of "$title")" | show_progress "$title"
}

# step TITLE COMMAND...: the same; when the command fails, its log is shown from what ninja says FAILED,
# or its end.
step() {
	local log
	if logged "$@"; then
		return 0
	fi
	log=$(log_of "$1")
	if grep -q '^FAILED' "$log"; then
		sed -n '/^FAILED/,$p' "$log" | grep -v '^\[[0-9]*/' | head -n 80 >&2
	else
		tail -n 60 "$log" >&2
	fi
	say "./dev: '$1' failed; all of its output is in $log" >&2
	return 1
}

# node_is_current DIR: 0 when the machine's own node is as new as DIR/package.json says its packages need.
node_is_current() {
	local wanted

	wanted=$(sed -n 's/.*"node": *">=\([0-9]*\)".*/\1/p' "$1/package.json")
	have node && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge "$wanted" ]
}

# use_node_of DIR: put the Node that npm_ci brought there, if any, in front on PATH. Its directory
# and not node_modules/.bin: Debian 12's npm makes no link for it.
use_node_of() {
	local bin

	for bin in "$PWD/$1"/node_modules/node-linux-*/bin; do
		[ ! -x "$bin/node" ] || export PATH=$bin:$PATH
	done
}

# npm_ci DIR: install DIR's locked packages, if it has any, once per lock file. Where the machine's Node is too old for
# them, the optional packages node-linux-* bring a newer one.
npm_ci() {
	local dir=$1 want optional=()

	[ -f "$dir/package-lock.json" ] || return 0
	want=$(sha256sum "$dir/package-lock.json")
	if [ "$(cat "$dir/node_modules/.gatehouse" 2>/dev/null || true)" = "$want" ]; then
		return 0
	fi
	if node_is_current "$dir"; then
		optional=(--omit=optional)
	fi
	step "npm packages of $dir" npm ci --prefix "$dir" --no-fund --no-audit "${optional[@]}" || return 1
	printf '%s\n' "$want" >"$dir/node_modules/.gatehouse"
}
