#!/bin/sh
# table.sh FOLDER: prints the table of FOLDER/{capos,linux}.results in the order of
# bench/metrics.def, and writes FOLDER/results.tsv: metric, class, capOS, Linux (medians).
set -eu

folder=$1
touch "$folder/linux.results"

awk -v tsv="$folder/results.tsv" '
    FILENAME ~ /metrics.def$/ {
        if ($0 !~ /^METRIC\(/) next
        line = $0
        sub(/^METRIC\(/, "", line)
        words = line
        sub(/^[^"]*"/, "", words)
        sub(/"\)$/, "", words)
        split(line, field, /, /)
        name = field[1]
        names[++count] = name
        class[name] = field[2]
        goal[name] = field[3] + 0
        title[name] = words
        next
    }
    {
        if (!($1 in class)) {
            print "bench/table.sh: " FILENAME " has " $1 ", which bench/metrics.def lacks"
            exit 1
        }
        side = FILENAME ~ /capos.results$/ ? "capos" : "linux"
        value[side, $1] = $3
    }

    # 1234567.8 as 1,234,567.8
    function group(number, whole, rest, out) {
        if (number == "-") return number
        whole = number
        rest = ""
        if (whole ~ /\./) {
            rest = whole
            sub(/^[0-9]*/, "", rest)
            sub(/\..*/, "", whole)
        }
        out = ""
        while (length(whole) > 3) {
            out = "," substr(whole, length(whole) - 2) out
            whole = substr(whole, 1, length(whole) - 3)
        }
        return whole out rest
    }
    function get(side, name) {
        return (side, name) in value ? value[side, name] : "-"
    }
    # Linux to capOS: above 1 is for capOS.
    function ratio(capos, linux) {
        if (capos == "-" || linux == "-" || capos + 0 == 0) return ""
        return sprintf("%.2f", linux / capos)
    }
    function mark(capos, wanted) {
        if (wanted == 0 || capos == "-" || capos + 0 <= wanted) return ""
        if (capos + 0 <= 1.5 * wanted) return "over the goal"
        return "MISSED"
    }

    END {
        form = "%-71s %13s %13s %9s %11s %s\n"
        printf form, "operation", "capOS", "Linux", "ratio", "goal", ""
        print "metric\tclass\tcapOS\tLinux" >tsv
        for (i = 1; i <= count; i++) {
            name = names[i]
            capos = get("capos", name)
            linux = get("linux", name)
            printf form, title[name], group(capos), group(linux), ratio(capos, linux),
                goal[name] ? group(goal[name] "") : "", mark(capos, goal[name])
            print name "\t" class[name] "\t" capos "\t" linux >tsv
            if (mark(capos, goal[name]) != "") missed++
            if (class[name] == "parity" && linux != "-" && capos != linux) unlike++
        }
        print ""
        print "Instructions of one operation, median, both kernels in the same machine; ratio is"
        print "Linux to capOS. " missed + 0 " rows miss their goal; MISSED: by more than half."
        if (unlike) {
            print "The two do not count alike: a row of the same instructions differs."
            exit 1
        }
    }' bench/metrics.def "$folder/capos.results" "$folder/linux.results"
