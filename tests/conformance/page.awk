# Makes docs/conformance.md of tests/conformance/*.txt, the files in the order of the report.
#
#   -v want=page     the page
#   -v want=tests    a line `FILE:LINE NAME` for each test that a row names
#   -v want=errors   what is wrong with the files; nothing when all is well
#
# A file is a list of records, with empty lines between them and comments after `#`. Each line is a
# keyword and its value; a line that begins with a blank goes on with the value above it.
#
#   section  a section of the report, as the report calls it, with its number
#   table    a part of it: the rows from here on stand in a table of their own
#   text     a paragraph ahead of the table
#
#   item     what the report has there: one row
#   state    one of those below
#   capos    what capOS does about it
#   test     tests that show it, with blanks between them; may be left out where the state allows

BEGIN {
    STATES = "works|differs|refused|kernel side|later|not applicable"
    PROVEN = "works|differs|refused|kernel side"
    count_states = split(STATES, state_names, "|")
    KEYWORDS = "section|table|text|item|state|capos|test"
}

function is_one_of(word, words) {
    return word != "" && index("|" words "|", "|" word "|") != 0
}

function complain(line, words) {
    if (want == "errors") {
        printf "%s:%d: %s\n", FILENAME, line, words
    }
}

# The end of a record: its values are in field[].
function finish_record(    key) {
    if (("item" in field) || ("state" in field) || ("capos" in field) || ("test" in field)) {
        finish_row()
    }
    for (key in field) {
        delete field[key]
    }
    keyword = ""
}

function finish_row(    number, tests, key, name) {
    name = field["item"]
    if (name == "" || field["state"] == "" || field["capos"] == "") {
        complain(record_line, "a row needs item, state and capos")
    }
    if (!has_table) {
        complain(record_line, "a row needs a table above it")
    }
    if (field["state"] != "" && !is_one_of(field["state"], STATES)) {
        complain(record_line, "no such state: " field["state"] "; there are: " STATES)
    }
    if (is_one_of(field["state"], PROVEN) && field["test"] == "") {
        complain(record_line, name ": a row that says \"" field["state"] "\" needs a test")
    }
    if ((has_table, name) in line_of_row) {
        complain(record_line, name ": the table has it in line " line_of_row[has_table, name] " already")
    }
    line_of_row[has_table, name] = record_line
    count_of[section_count, field["state"]]++
    count_of["all", field["state"]]++
    number = split(field["test"], tests, " ")
    for (key = 1; key <= number; key++) {
        if (want == "tests") {
            printf "%s:%d %s\n", FILENAME, test_line, tests[key]
        }
        tests[key] = "`" tests[key] "`"
    }
    print_row(name, field["state"], field["capos"], number, tests)
}

function print_row(name, state, capos, number, tests,    key, names) {
    names = number > 0 ? tests[1] : ""
    for (key = 2; key <= number; key++) {
        names = names ", " tests[key]
    }
    add("| " cell(name) " | " state " | " cell(capos) " | " names " |")
}

function add(line) {
    body[++count_lines] = line
}

function cell(words) {
    gsub(/\|/, "\\|", words)
    return words
}

# A value may go on in the lines below; so headings are written when the record is whole.
function finish_headings() {
    if ("section" in field) {
        section_names[++section_count] = field["section"]
        has_table = ""
        add("\n## " field["section"])
    }
    if ("table" in field) {
        has_table = section_count " " field["table"]
        add("\n### " field["table"])
    }
    if ("text" in field) {
        add("\n" field["text"])
    }
    if ("table" in field) {
        add("\n| the report | state | capOS | tests |\n|---|---|---|---|")
    }
}

FNR == 1 && NR > 1 {
    finish_headings()
    finish_record()
}

/^#/ {
    next
}

/^[ \t]*$/ {
    finish_headings()
    finish_record()
    next
}

/^[ \t]/ {
    if (keyword == "") {
        complain(FNR, "there is no value above that could go on here")
        next
    }
    sub(/^[ \t]+/, "")
    field[keyword] = field[keyword] " " $0
    next
}

{
    if (keyword == "") {
        record_line = FNR
    }
    keyword = $1
    if (!is_one_of(keyword, KEYWORDS)) {
        complain(FNR, "no such keyword: " keyword "; there are: " KEYWORDS)
    }
    if (keyword in field) {
        complain(FNR, keyword " stands twice in this record; is an empty line missing?")
    }
    if (keyword == "test") {
        test_line = FNR
    }
    sub(/^[^ \t]+[ \t]*/, "")
    field[keyword] = $0
}

END {
    finish_headings()
    finish_record()
    if (want == "page") {
        print_page()
    }
}

function print_page(    section, key, line, rule) {
    while ((getline line < head) > 0) {
        print line
    }
    line = "| section |"
    rule = "|---|"
    for (key = 1; key <= count_states; key++) {
        line = line " " state_names[key] " |"
        rule = rule "---:|"
    }
    print line "\n" rule
    for (section = 1; section <= section_count; section++) {
        print_counts(section_names[section], section)
    }
    print_counts("all", "all")
    for (key = 1; key <= count_lines; key++) {
        print body[key]
    }
}

function print_counts(name, section,    key, line) {
    line = "| " name " |"
    for (key = 1; key <= count_states; key++) {
        line = line " " (count_of[section, state_names[key]] + 0) " |"
    }
    print line
}
