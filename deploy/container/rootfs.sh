#!/bin/sh
# Make the root file system of the image: the program, the libraries it loads, and the few files that a C library
# and TLS want. Needs nothing but a Debian with the program's libraries installed; runs as any user.
#
#   deploy/container/rootfs.sh build/release/gatehouse build/rootfs
#
# There is no shell in it, no package manager, nothing that is set-user-id, and nothing below it needs to be
# written: mount it read-only, with a volume for /var/lib/gatehouse.
set -eu

binary=$1
root=$2
user=65532 # "nonroot" of other distroless images; never a user of the host

mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/etc/gatehouse" "$root/var/lib/gatehouse" "$root/tmp" \
	"$root/proc" "$root/run"
cp "$binary" "$root/usr/local/bin/gatehouse"
chmod 755 "$root/usr/local/bin/gatehouse"

# What the loader would load, where it would look for it: "libx.so => /path/libx.so (0x...)", and the loader itself.
ldd "$binary" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
	mkdir -p "$root$(dirname "$library")"
	cp -L "$library" "$root$library"
done

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
# Which day it is where an ad account is. The other two copies of the zones there are for other clocks than ours, and
# what has a dot in its name is for those who make zones.
mkdir -p "$root/usr/share"
cp -R /usr/share/zoneinfo "$root/usr/share/"
rm -rf "$root/usr/share/zoneinfo/posix" "$root/usr/share/zoneinfo/right" "$root/usr/share/zoneinfo/localtime"
find "$root/usr/share/zoneinfo" -name '*.*' -delete
printf 'root:x:0:0::/:/nologin\ngatehouse:x:%s:%s::/var/lib/gatehouse:/nologin\n' "$user" "$user" >"$root/etc/passwd"
printf 'root:x:0:\ngatehouse:x:%s:\n' "$user" >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
if [ "$(id -u)" = 0 ]; then
	chown "$user:$user" "$root/var/lib/gatehouse"
	chmod 700 "$root/var/lib/gatehouse"
fi
