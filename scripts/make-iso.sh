#!/bin/sh
# Makes a CD image that GRUB starts under BIOS and UEFI, from a CD drive or a USB stick.
#
#   make-iso.sh KERNEL PACKAGE OUTPUT
#
# grub-mkrescue would do in one line, but stamps the time into many places and packs every module
# of GRUB: put together by hand, the same input gives the same bytes, in a tenth of the size.
set -eu

kernel=$1
package=$2
output=$3

# All dates in the image, and the volume's identity: 2026-01-01, in both forms that are asked for.
SOURCE_DATE_EPOCH=1767225600
VOLUME_DATE=2026010100000000
export SOURCE_DATE_EPOCH
export LC_ALL=C TZ=UTC

GRUB=/usr/lib/grub
MODULES='search_fs_file iso9660 fat part_msdos part_gpt multiboot2 boot'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

mkdir -p "$work/tree/boot" "$work/efi/EFI/BOOT"
cp "$kernel" "$work/tree/boot/capos-kernel.elf"
cp "$package" "$work/tree/boot/capos.package"

# GRUB's rescue parser runs this: there is one thing to start, hence no menu.
cat >"$work/start.cfg" <<'END'
search.file /boot/capos-kernel.elf root
multiboot2 /boot/capos-kernel.elf
module2 /boot/capos.package capos.package
boot
END

# shellcheck disable=SC2086 # MODULES is a list of words
grub-mkimage -O i386-pc-eltorito -d "$GRUB/i386-pc" -p /boot/grub -c "$work/start.cfg" \
    -o "$work/tree/boot/bios.img" biosdisk $MODULES
# shellcheck disable=SC2086
grub-mkimage -O x86_64-efi -d "$GRUB/x86_64-efi" -p /boot/grub -c "$work/start.cfg" \
    -o "$work/efi/EFI/BOOT/BOOTX64.EFI" efi_gop efi_uga $MODULES

# UEFI starts EFI/BOOT/BOOTX64.EFI of a FAT file system that the CD's catalogue names.
find "$work" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
kilobytes=$(du -k --apparent-size "$work/efi/EFI/BOOT/BOOTX64.EFI" | cut -f 1)
efi=$work/tree/boot/efi.img
mformat -C -i "$efi" -T $((2 * kilobytes + 400)) -h 2 -s 18 -N 0 -v CAPOS ::
mcopy -s -m -i "$efi" "$work/efi/EFI" ::
find "$work/tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

xorriso -as mkisofs -quiet -r -V CAPOS --modification-date="$VOLUME_DATE" \
    --set_all_file_dates "$VOLUME_DATE" \
    -b boot/bios.img -no-emul-boot -boot-load-size 4 -boot-info-table --grub2-boot-info \
    --grub2-mbr "$GRUB/i386-pc/boot_hybrid.img" \
    --efi-boot boot/efi.img -efi-boot-part --efi-boot-image --protective-msdos-label \
    -o "$output.new" "$work/tree" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 1
}
mv "$output.new" "$output"
