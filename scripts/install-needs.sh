#!/bin/sh
# Installs the packages that this machine lacks, told plainly and without questions.
#
#   sh scripts/install-needs.sh [--list] GROUP...       GROUP: build, test, image, bench, rust, fresh
#
# Quick when nothing is missing: each package is probed by a command or a file of its own, which
# also serves machines where the same tools came from elsewhere. Exit code 125: something is missing
# and cannot be installed from here; the message has the line to type.
set -eu
cd "$(dirname "$0")/.."

LOG=build/install.log

# The one list of what capOS needs: group, package, probe, reason.
needs() {
    cat <<'END'
build make               make                  runs the build
build clang-19           clang-19              compiles kernel, programs and tools
build libclang-rt-19-dev /usr/lib/llvm-19/lib/clang/19/lib/linux/libclang_rt.builtins-x86_64.a the compiler's own functions, and sanitizers and libFuzzer for tests
build lld-19             ld.lld-19             links them
build llvm-19            llvm-symbolizer-19    archives, and crash reports with file and line
build capnproto          capnp                 reads the interface declarations in schema/
build qemu-system-x86    qemu-system-x86_64    runs the machine
test  git                git                   tells which files are part of the project
test  clang-format-19    clang-format-19       checks the format of the code
test  gdb                gdb                   debugs, and checks that backtraces end
image grub-common        grub-mkrescue         makes the ISO
image grub-pc-bin        /usr/lib/grub/i386-pc/multiboot2.mod     starts the ISO under BIOS
image grub-efi-amd64-bin /usr/lib/grub/x86_64-efi/multiboot2.mod  starts the ISO under UEFI
image xorriso            xorriso               writes the ISO
image mtools             mformat               writes the ISO's UEFI partition
image ovmf               /usr/share/OVMF/OVMF_CODE_4M.fd          the UEFI firmware for QEMU
bench musl-tools         musl-gcc              compiles the programs that measure Linux
bench cpio               cpio                  packs them into an initramfs
rust  rustc-web          /usr/bin/rustc        compiles programs in Rust
rust  cargo-web          /usr/bin/cargo        builds them
rust  rust-web-src       /usr/lib/rustlib/src/rust/library/core/Cargo.toml the source of Rust's core and alloc
rust  rustfmt-web        /usr/bin/rustfmt      checks the format of the code in Rust
rust  python3-jsonschema /usr/lib/python3/dist-packages/jsonschema/__init__.py checks the target against its schema
fresh mmdebstrap         mmdebstrap            makes a minimal Debian to try it all in
END
}

say() {
    printf 'capos: %s\n' "$*" >&2
}

has() {
    case $1 in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# Prints package and reason of whatever the groups named in $wanted lack.
find_missing() {
    needs | while read -r group package probe reason; do
        case " $wanted " in
        *" $group "*) has "$probe" || printf '%s\t%s\n' "$package" "$reason" ;;
        esac
    done
}

# Sets as_root to what makes a command run as root, or gives up with the line to type.
find_root() {
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif has sudo && sudo -n true 2>/dev/null; then
        as_root=sudo
    elif has sudo && [ -t 0 ] && [ -t 2 ]; then
        say "sudo may ask for your password"
        as_root=sudo
    else
        say "installing needs root; type this as root, then start again:"
        printf '    apt-get update && apt-get install -y --no-install-recommends %s\n' "$packages" >&2
        exit 125
    fi
}

# Runs apt-get in a fixed environment: no questions, no terminal, messages in English.
apt() {
    # shellcheck disable=SC2086 # as_root is empty or one word
    $as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C.UTF-8 \
        apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" \
        >>"$LOG" 2>&1 </dev/null
}

update_lists() {
    say "refreshing the package lists (apt-get update)"
    apt update || say "apt-get update had errors; going on with the lists there are"
}

install_packages() {
    # shellcheck disable=SC2086 # packages is a list of words
    apt install --no-install-recommends $packages
}

give_up() {
    say "apt-get could not install: $packages"
    tail -n 5 "$LOG" | sed 's/^/    /' >&2
    say "the whole log is $LOG; capOS needs Debian 12 (bookworm) or newer, main archive"
    exit 125
}

if [ "${1-}" = --list ]; then
    shift
    wanted=$*
    needs | while read -r group package probe reason; do
        case " $wanted " in *" $group "*) printf '%s\n' "$package" ;; esac
    done
    exit 0
fi

wanted=$*
missing=$(find_missing)
[ -n "$missing" ] || exit 0
packages=$(printf '%s\n' "$missing" | cut -f 1 | tr '\n' ' ')
packages=${packages% }

say "this machine lacks:"
printf '%s\n' "$missing" | awk -F '\t' '{ printf "    %-20s %s\n", $1, $2 }' >&2
if ! has apt-get; then
    say "there is no apt-get here; install the equivalents of these packages, then start again"
    exit 125
fi
find_root
mkdir -p build
: >"$LOG"

# shellcheck disable=SC2086 # packages is a list of words
apt install --simulate --no-install-recommends $packages || update_lists
say "downloading and installing them (a few minutes; log in $LOG)"
if ! install_packages; then
    # Lists that are older than the archive name files that are gone; fresh ones repair that.
    update_lists
    install_packages || give_up
fi

missing=$(find_missing | cut -f 1 | tr '\n' ' ')
if [ -n "$missing" ]; then
    say "installed, but still not found: $missing"
    say "see $LOG, and the table in scripts/install-needs.sh for what is looked for"
    exit 125
fi
say "installed"
