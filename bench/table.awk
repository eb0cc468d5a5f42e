# table.awk: see bench/table.sh.

# ---- what there is -----------------------------------------------------------------------------

# Sets field[1..] to what stands before the words of a line MACRO(NAME, ..., "WORDS"), and words.
function parse(line) {
    sub(/^[A-Z]*\(/, "", line)
    words = line
    sub(/^[^"]*"/, "", words)
    sub(/"\)$/, "", words)
    split(line, field, /, /)
}

/^METRIC\(/ {
    parse($0)
    metrics[++metric_count] = field[1]
    class[field[1]] = field[2]
    goal[field[1]] = field[3] + 0
    title[field[1]] = words
}
/^OPERATION\(/ {
    parse($0)
    operations[++operation_count] = field[1]
    class["cpus1_" field[1]] = class["processes1_" field[1]] = "info"
    class["cpus4_" field[1]] = class["processes4_" field[1]] = "kernel"
    title["cpus", field[1]] = words
}
FILENAME ~ /\.def$/ { next }

{ side = FILENAME ~ /capos\.[a-z]*$/ ? "capos" : "linux" }

FILENAME ~ /\.results$/ {
    if (!($1 in class)) {
        print "bench/table.awk: " FILENAME " has " $1 ", which no .def file has"
        bad = 1
        exit 1
    }
    value[side, $1] = $3
}
FILENAME ~ /\.speedup$/ {
    rounds[side] = $1
    took[side, $2, $1] = $3
}

# ---- how it is written -------------------------------------------------------------------------

# 1234567.8 as 1,234,567.8
function group_digits(number, whole, rest, out) {
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
function quotient(above, below) {
    if (above == "-" || below == "-" || below + 0 == 0) return "-"
    return sprintf("%.2f", above / below)
}
# What is to be small.
function mark(number, wanted) {
    if (wanted == 0 || number == "-" || number + 0 <= wanted) return ""
    return number + 0 <= 1.5 * wanted ? "over the goal" : "MISSED"
}
function keep(name, class, capos, linux) {
    print name "\t" class "\t" capos "\t" linux >tsv
}

# ---- the tables --------------------------------------------------------------------------------

function print_metrics(form, i, name, capos, linux, missed) {
    form = "%-71s %13s %13s %9s %11s %s\n"
    printf form, "operation", "capOS", "Linux", "ratio", "goal", ""
    for (i = 1; i <= metric_count; i++) {
        name = metrics[i]
        capos = get("capos", name)
        linux = get("linux", name)
        printf form, title[name], group_digits(capos), group_digits(linux), quotient(linux, capos),
            goal[name] ? group_digits(goal[name] "") : "", mark(capos, goal[name])
        keep(name, class[name], capos, linux)
        if (mark(capos, goal[name]) != "") missed++
        if (class[name] == "parity" && linux != "-" && capos != linux) unlike++
    }
    print ""
    print "Instructions of one operation, median, both kernels in the same machine; ratio is"
    print "Linux to capOS. " missed + 0 " rows miss their goal; MISSED: by more than half."
}

function print_cpus_row(group, name, one, four, capos, linux) {
    one = group "1_" name
    four = group "4_" name
    capos = quotient(get("capos", four), get("capos", one))
    linux = quotient(get("linux", four), get("linux", one))
    printf cpus_form, title["cpus", name], group_digits(get("capos", one)),
        group_digits(get("capos", four)), capos, group_digits(get("linux", one)),
        group_digits(get("linux", four)), linux, mark(capos, 1.1)
    keep(one, class[one], get("capos", one), get("linux", one))
    keep(four, class[four], get("capos", four), get("linux", four))
}
function print_cpus(groups, i, j) {
    cpus_form = "%-71s %9s %9s %6s %9s %9s %6s %s\n"
    split("cpus processes", groups, " ")
    heading["cpus"] = "operation, by a thread for each CPU at once"
    heading["processes"] = "operation, by a process for each CPU at once"
    for (i = 1; i <= 2; i++) {
        print ""
        printf cpus_form, heading[groups[i]], "capOS: 1", "4 CPUs", "ratio", "Linux: 1", "4 CPUs",
            "ratio", ""
        for (j = 1; j <= operation_count; j++) {
            print_cpus_row(groups[i], operations[j])
        }
    }
    print ""
    print "Instructions of all CPUs, spinning included, for one operation; the goal of capOS is a"
    print "ratio of at most 1.1."
}

# Median over the rounds of TOP/BOTTOM, or of TOP/1 where BOTTOM is "".
function median(side, top, bottom, n, i, j, list, number) {
    for (i = 1; i <= rounds[side]; i++) {
        number = took[side, top, i] / (bottom == "" ? 1 : took[side, bottom, i])
        for (j = ++n; j > 1 && list[j - 1] > number; j--) list[j] = list[j - 1]
        list[j] = number
    }
    return n ? list[int((n + 1) / 2)] : "-"
}
function milliseconds(nanoseconds) {
    return nanoseconds == "-" ? "-" : sprintf("%.0f", nanoseconds / 1000000)
}
function is_below(capos, linux) {
    return linux != "-" && capos + 0 < linux + 0
}
function print_speedup(form, jobs, i, side, cell, speed) {
    form = "%-30s %9s %9s %9s %10s %9s %9s %s\n"
    print ""
    printf form, "a job of computing, ms", "capOS: 1", "2 CPUs", "speed-up", "Linux: 1", "2 CPUs",
        "speed-up", ""
    split("threads processes", jobs, " ")
    for (i = 1; i <= 2; i++) {
        for (side in sides) {
            cell[side, 1] = milliseconds(median(side, "speedup1_" jobs[i], ""))
            cell[side, 2] = milliseconds(median(side, "speedup2_" jobs[i], ""))
            speed = median(side, "speedup1_" jobs[i], "speedup2_" jobs[i])
            cell[side, 3] = speed == "-" ? "-" : sprintf("%.2f", speed)
        }
        printf form, "by as many " jobs[i] " as CPUs", cell["capos", 1], cell["capos", 2],
            cell["capos", 3], cell["linux", 1], cell["linux", 2], cell["linux", 3],
            is_below(cell["capos", 3], cell["linux", 3]) ? "below Linux" : ""
        keep("speedup_" jobs[i], "parity", cell["capos", 3], cell["linux", 3])
    }
    print ""
    print "By the clock on the wall, each CPU a thread of the host; medians of " rounds["capos"] \
        " rounds in which"
    print "the two take turns. Another program on the host spoils them."
}

END {
    if (bad) exit 1
    sides["capos"]
    sides["linux"]
    print "metric\tclass\tcapOS\tLinux" >tsv
    print_metrics()
    print_cpus()
    if (rounds["capos"]) print_speedup()
    if (unlike) {
        print "The two do not count alike: a row of the same instructions differs."
        exit 1
    }
}
