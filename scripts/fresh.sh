#!/bin/sh
# Tries the two commands of the README where nothing is installed: in a minimal Debian 12 with only
# git added, made by mmdebstrap from this machine's own package sources.
#
#   fresh.sh [COMMAND...]      without arguments: ./run </dev/null, then ./test
#
# The tree goes in as it stands, new files included, ignored ones not. The Debian and the downloaded
# packages are kept in build/fresh for the next time; all the rest is removed at the end.
set -eu
cd "$(dirname "$0")/.."

CACHE=$PWD/build/fresh
BASE=$CACHE/base.tar
ARCHIVES=$CACHE/archives
SUITE=bookworm

fail() {
    printf 'make fresh: %s\n' "$*" >&2
    exit 125
}

# The lines of sources.list that this machine uses for Debian 12, whatever form they are kept in.
list_sources() {
    # The words in $(...) are apt-get's, not the shell's.
    # shellcheck disable=SC2016
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Identifier: Packages' | grep -E " $SUITE(-updates|-security)? main\$" | sort -u
}

make_base() {
    sources=$(list_sources) || fail "apt on this machine has no source of $SUITE main; add one"
    printf 'make fresh: making a minimal %s with git\n' "$SUITE" >&2
    printf '%s\n' "$sources" | mmdebstrap --quiet --variant=minbase --include=git \
        "$SUITE" "$CACHE/base.new.tar" - || fail "mmdebstrap failed, see above"
    mv "$CACHE/base.new.tar" "$BASE"
}

# Writes the files of the tree, as git would commit them now, to the folder given. The index is a
# copy, so that nothing of the user's state changes.
copy_tree() {
    index=$CACHE/index
    cp "$(git rev-parse --git-path index)" "$index"
    GIT_INDEX_FILE=$index git add --all
    tree=$(GIT_INDEX_FILE=$index git write-tree)
    rm -f "$index"
    mkdir -p "$1"
    git archive "$tree" | tar -x -C "$1"
}

# Runs inside a mount and process namespace of its own: every mount and every process ends with it.
enter() {
    root=$1
    shift
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs -o mode=755,size=1m dev "$root/dev"
    make_devices "$root/dev"
    mkdir -p "$root/var/cache/apt/archives" "$ARCHIVES/partial"
    mount --bind "$ARCHIVES" "$root/var/cache/apt/archives"
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin CI=true \
        chroot "$root" /bin/sh -c 'cd /capos && exec "$@"' sh "$@" </dev/null
}

make_devices() {
    mknod -m 666 "$1/null" c 1 3
    mknod -m 666 "$1/zero" c 1 5
    mknod -m 666 "$1/full" c 1 7
    mknod -m 666 "$1/random" c 1 8
    mknod -m 666 "$1/urandom" c 1 9
    mknod -m 666 "$1/tty" c 5 0
    mkdir "$1/pts" "$1/shm"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$1/pts"
    ln -s pts/ptmx "$1/ptmx"
    ln -s /proc/self/fd "$1/fd"
    mount -t tmpfs -o mode=1777 shm "$1/shm"
}

# run COMMAND...: in the fresh Debian, as the first process of a namespace.
run() {
    unshare --mount --pid --fork --kill-child sh scripts/fresh.sh --enter "$ROOT" "$@"
}

if [ "${1-}" = --enter ]; then
    shift
    enter "$@"
fi

[ "$(id -u)" -eq 0 ] || fail "making a Debian and entering it needs root; run: sudo make fresh"
sh scripts/install-needs.sh fresh
mkdir -p "$CACHE"
[ -e "$BASE" ] || make_base

ROOT=$(mktemp -d "$CACHE/root.XXXXXX")
trap 'rm -rf --one-file-system "$ROOT"' EXIT
trap 'exit 130' INT TERM
tar -x -C "$ROOT" -f "$BASE"
cp -L /etc/resolv.conf "$ROOT/etc/resolv.conf"
copy_tree "$ROOT/capos"
run git -c init.defaultBranch=main init -q .
run git add --all

if [ $# -gt 0 ]; then
    run "$@"
else
    printf 'make fresh: ./run </dev/null\n' >&2
    run ./run
    printf 'make fresh: ./test\n' >&2
    run ./test
fi
