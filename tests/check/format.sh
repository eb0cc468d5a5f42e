#!/bin/sh
# format.sh CLANG_FORMAT FOLDER...: every file in C and C++ is as clang-format would write it. Names
# the others.
set -eu

clang_format=$1
shift
complaints=$(find "$@" \( -name '*.[ch]' -o -name '*.cc' -o -path '*/c++/*' \) -print0 | sort -zu |
    xargs -0 "$clang_format" --dry-run -Werror 2>&1) && exit 0
printf '%s\n' "$complaints" | sed -n 's/^\([^ :]*\):[0-9].*/\1/p' | sort -u
echo 'these files are not formatted; run `make format`'
exit 1
