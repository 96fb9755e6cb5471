#!/bin/sh
# Proves a .deb on a system that has nothing: a fresh Debian 12, install, start, remove, look for what
# is left. Run as root; needs debootstrap and a network; about two minutes.
#
#   installers/linux/smoke_chroot.sh dist/loom-desktop_0.1.0_amd64.deb
set -eu
deb=$1
root=$(mktemp -d)
cleanup() {
    umount "$root/dev" "$root/proc" 2>/dev/null || true
    mountpoint -q "$root/dev" || rm -rf "$root"  # never through a mounted /dev
}
trap cleanup EXIT
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 LOOM_HOME=/tmp/home DEBIAN_FRONTEND=noninteractive "$@"; }
quietly() { "$@" >"$root/tmp/said.txt" 2>&1 || { cat "$root/tmp/said.txt" >&2; exit 1; }; }
starts() {  # runs until it is stopped: a start that ends by itself failed
    code=0
    inside "$@" >"$root/tmp/said.txt" 2>&1 || code=$?
    [ "$code" = 124 ] || { cat "$root/tmp/said.txt" >&2; echo "it ended with $code" >&2; exit 1; }
}

debootstrap --variant=minbase bookworm "$root" >/dev/null
cp "$deb" "$root/tmp/loom.deb"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
quietly inside apt-get -q update
quietly inside apt-get -q -y --no-install-recommends install /tmp/loom.deb
inside loom --version
starts timeout 10 env QT_QPA_PLATFORM=offscreen loom run
quietly inside apt-get -q -y --no-install-recommends install xvfb xauth
starts timeout 20 xvfb-run -a loom run
quietly inside dpkg -r loom-desktop
left=$(find "$root/opt" "$root/usr" -name '*loom*' 2>/dev/null || true)
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
echo "installed, started offscreen and on X11, removed cleanly"
