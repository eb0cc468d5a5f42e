#!/bin/sh
# fetch-linux.sh FOLDER: Debian's cloud kernel into FOLDER/vmlinuz, its version into FOLDER/version.
# It comes from the package that linux-image-cloud-amd64 names, through this machine's own apt.
set -eu

folder=$1
mkdir -p "$folder"
rm -rf "$folder/package"
mkdir "$folder/package"
trap 'rm -rf "$folder/package"' EXIT

say() {
    printf 'bench: %s\n' "$*" >&2
}

# The package of the very kernel: linux-image-VERSION-cloud-amd64.
name_of_kernel() {
    LC_ALL=C apt-cache show --no-all-versions linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^Depends: .*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1
}

download() {
    package=$(name_of_kernel)
    [ -n "$package" ] || return 1
    (cd "$folder/package" && timeout 300 apt-get -q download "$package") >"$folder/fetch.log" 2>&1
}

if ! download; then
    # Lists that are missing, or older than the archive.
    say "refreshing the package lists (apt-get update)"
    timeout 300 apt-get -q update >>"$folder/fetch.log" 2>&1 || :
    download || {
        say "Debian's cloud kernel cannot be downloaded; see $folder/fetch.log, and as root type:"
        say "    apt-get update"
        exit 1
    }
fi
dpkg-deb -x "$folder"/package/*.deb "$folder/package"
cp "$folder"/package/boot/vmlinuz-* "$folder/vmlinuz.new"
for file in "$folder"/package/boot/vmlinuz-*; do
    printf '%s\n' "${file##*/vmlinuz-}" >"$folder/version"
done
mv "$folder/vmlinuz.new" "$folder/vmlinuz"
