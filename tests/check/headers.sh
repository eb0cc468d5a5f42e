#!/bin/sh
# headers.sh FOLDER... -- COMPILER -x LANGUAGE FLAG...: every header below the folders compiles when
# it is the first thing that a file includes.
set -u

folders=
while [ "$1" != -- ]; do
    folders="$folders $1"
    shift
done
shift

count=0
failed=0
# Folder and file names of the tree have no blanks.
for header in $(find $folders -name '*.h' | sort); do
    count=$((count + 1))
    "$@" -fsyntax-only -include "$header" /dev/null || {
        echo "$header does not compile alone"
        failed=1
    }
done
[ "$count" -ne 0 ] || echo "no header below$folders"
[ "$count" -ne 0 ] && [ "$failed" -eq 0 ]
