#include <capos/capos.h>

#include "user/shell/debug_info.h"

/* DWARF version 5: table 6.2 (standard opcodes), 6.3 (extended), 6.4 (content types), 7.6 (forms).
 */
enum {
    LNS_COPY = 1,
    LNS_ADVANCE_PC = 2,
    LNS_ADVANCE_LINE = 3,
    LNS_SET_FILE = 4,
    LNS_CONST_ADD_PC = 8,
    LNS_FIXED_ADVANCE_PC = 9,
    LNE_END_SEQUENCE = 1,
    LNE_SET_ADDRESS = 2,
    LNCT_PATH = 1,
    FORM_DATA2 = 0x05,
    FORM_STRING = 0x08,
    FORM_DATA1 = 0x0b,
    FORM_UDATA = 0x0f,
    FORM_DATA16 = 0x1e,
    FORM_LINE_STRP = 0x1f,
};
#define FORMATS_MAX 8u

/* A place in a section. Reading past the end yields zeros and is remembered. */
struct reader {
    const uint8_t *next, *end;
    bool failed;
};

struct unit {
    struct reader program;
    struct reader files; /* the file table's entries */
    uint8_t format_count;
    uint64_t formats[FORMATS_MAX][2]; /* content type and form of each part of an entry */
    uint64_t file_count;
    int8_t line_base;
    uint8_t line_range, opcode_base, instruction_bytes;
    uint8_t operand_counts[256];
};

struct row {
    uint64_t address, file;
    int64_t line;
};

static uint64_t read_bytes(struct reader *reader, unsigned count) {
    uint64_t value = 0;
    if ((size_t)(reader->end - reader->next) < count) {
        reader->failed = true;
        reader->next = reader->end;
        return 0;
    }
    memcpy(&value, reader->next, count < sizeof value ? count : sizeof value);
    reader->next += count;
    return value;
}

static uint64_t read_uleb(struct reader *reader) {
    uint64_t value = 0, byte;
    unsigned shift = 0;
    do {
        byte = read_bytes(reader, 1);
        value |= shift < 64 ? (byte & 0x7f) << shift : 0;
        shift += 7;
    } while ((byte & 0x80) != 0);
    return value;
}

static int64_t read_sleb(struct reader *reader) {
    uint64_t value = 0, byte;
    unsigned shift = 0;
    do {
        byte = read_bytes(reader, 1);
        value |= shift < 64 ? (byte & 0x7f) << shift : 0;
        shift += 7;
    } while ((byte & 0x80) != 0);
    if (shift < 64 && (byte & 0x40) != 0) {
        value |= UINT64_MAX << shift;
    }
    return (int64_t)value;
}

static const char *read_string(struct reader *reader) {
    const char *text = (const char *)reader->next;
    size_t left = (size_t)(reader->end - reader->next);
    const char *end = left == 0 ? NULL : memchr(text, 0, left);
    if (end == NULL) {
        reader->failed = true;
        return NULL;
    }
    reader->next = (const uint8_t *)end + 1;
    return text;
}

/* Reads one part of an entry; returns its text when it has one. */
static const char *read_form(struct reader *reader, uint64_t form, struct debug_section strings) {
    switch (form) {
    case FORM_STRING:
        return read_string(reader);
    case FORM_LINE_STRP: {
        uint64_t offset = read_bytes(reader, 4);
        if (offset >= strings.size) {
            return NULL;
        }
        struct reader table = {strings.data + offset, strings.data + strings.size, false};
        return read_string(&table);
    }
    case FORM_UDATA:
        read_uleb(reader);
        return NULL;
    case FORM_DATA1:
    case FORM_DATA2:
    case FORM_DATA16:
        read_bytes(reader, form == FORM_DATA1 ? 1 : form == FORM_DATA2 ? 2 : 16);
        return NULL;
    default:
        reader->failed = true;
        return NULL;
    }
}

/* Reads the format of a table: pairs of content type and form, then the number of entries. */
static void read_formats(struct reader *reader, struct unit *unit) {
    unit->format_count = (uint8_t)read_bytes(reader, 1);
    if (unit->format_count > FORMATS_MAX) {
        reader->failed = true;
        unit->format_count = 0;
    }
    for (uint8_t index = 0; index < unit->format_count; index++) {
        unit->formats[index][0] = read_uleb(reader);
        unit->formats[index][1] = read_uleb(reader);
    }
    unit->file_count = read_uleb(reader);
}

static const char *read_table_entry(struct reader *reader, const struct unit *unit,
                                    struct debug_section strings) {
    const char *path = NULL;
    for (uint8_t index = 0; index < unit->format_count; index++) {
        const char *text = read_form(reader, unit->formats[index][1], strings);
        if (unit->formats[index][0] == LNCT_PATH) {
            path = text;
        }
    }
    return path;
}

/* Reads the header of the next unit and steps over it; false at the end or when it does not hold.
 */
static bool read_unit(struct reader *section, struct unit *unit, struct debug_section strings) {
    uint64_t length = read_bytes(section, 4);
    if (section->failed || length > (uint64_t)(section->end - section->next)) {
        return false;
    }
    struct reader reader = {section->next, section->next + length, false};
    section->next += length;
    if (read_bytes(&reader, 2) != 5) {
        unit->program = (struct reader){reader.end, reader.end, false};
        return true; /* another version: a unit without rows */
    }
    read_bytes(&reader, 2); /* sizes of addresses and segment selectors */
    uint64_t header_length = read_bytes(&reader, 4);
    if (header_length > (uint64_t)(reader.end - reader.next)) {
        return false;
    }
    unit->program = (struct reader){reader.next + header_length, reader.end, false};
    unit->instruction_bytes = (uint8_t)read_bytes(&reader, 1);
    read_bytes(&reader, 2); /* operations in one instruction, default of is_stmt */
    unit->line_base = (int8_t)read_bytes(&reader, 1);
    unit->line_range = (uint8_t)read_bytes(&reader, 1);
    unit->opcode_base = (uint8_t)read_bytes(&reader, 1);
    for (unsigned opcode = 1; opcode < unit->opcode_base; opcode++) {
        unit->operand_counts[opcode] = (uint8_t)read_bytes(&reader, 1);
    }
    read_formats(&reader, unit); /* of the directories */
    for (uint64_t index = 0; index < unit->file_count && !reader.failed; index++) {
        read_table_entry(&reader, unit, strings);
    }
    read_formats(&reader, unit);
    unit->files = reader;
    return !reader.failed && unit->line_range != 0 && unit->opcode_base != 0;
}

static const char *file_name(const struct unit *unit, uint64_t index,
                             struct debug_section strings) {
    struct reader reader = unit->files;
    const char *path = NULL;
    for (uint64_t at = 0; at <= index && at < unit->file_count && !reader.failed; at++) {
        path = read_table_entry(&reader, unit, strings);
    }
    return path;
}

/* An extended opcode; true when it ends a sequence of rows. */
static bool run_extended(struct reader *program, struct row *row) {
    uint64_t length = read_uleb(program);
    if (length == 0 || length > (uint64_t)(program->end - program->next)) {
        program->failed = true;
        return false;
    }
    const uint8_t *after = program->next + length;
    uint64_t opcode = read_bytes(program, 1);
    if (opcode == LNE_SET_ADDRESS && length == 9) {
        row->address = read_bytes(program, 8);
    }
    program->next = after;
    return opcode == LNE_END_SEQUENCE;
}

static void run_standard(const struct unit *unit, struct reader *program, uint8_t opcode,
                         struct row *row) {
    switch (opcode) {
    case LNS_ADVANCE_PC:
        row->address += read_uleb(program) * unit->instruction_bytes;
        break;
    case LNS_ADVANCE_LINE:
        row->line += read_sleb(program);
        break;
    case LNS_SET_FILE:
        row->file = read_uleb(program);
        break;
    case LNS_CONST_ADD_PC:
        row->address +=
            (uint64_t)(255 - unit->opcode_base) / unit->line_range * unit->instruction_bytes;
        break;
    case LNS_FIXED_ADVANCE_PC:
        row->address += read_bytes(program, 2);
        break;
    default:
        for (uint8_t index = 0; opcode != LNS_COPY && index < unit->operand_counts[opcode];
             index++) {
            read_uleb(program);
        }
        break;
    }
}

/* Runs one opcode on *row. *is_row: the opcode appends a row; *is_end: it ends a sequence. */
static void run_opcode(const struct unit *unit, struct reader *program, struct row *row,
                       bool *is_row, bool *is_end) {
    uint8_t opcode = (uint8_t)read_bytes(program, 1);
    *is_end = false;
    *is_row = opcode == LNS_COPY || opcode >= unit->opcode_base;
    if (opcode >= unit->opcode_base) {
        unsigned adjusted = (unsigned)(opcode - unit->opcode_base);
        row->address += (uint64_t)(adjusted / unit->line_range) * unit->instruction_bytes;
        row->line += unit->line_base + (int)(adjusted % unit->line_range);
    } else if (opcode == 0) {
        *is_end = *is_row = run_extended(program, row);
    } else {
        run_standard(unit, program, opcode, row);
    }
}

/* Searches a unit's rows for the one whose addresses include this one. */
static bool find_row(const struct unit *unit, uint64_t address, struct row *found) {
    const struct row first = {.file = 1, .line = 1};
    struct reader program = unit->program;
    struct row row = first, last = first;
    bool has_last = false, is_row, is_end;
    while (program.next < program.end && !program.failed) {
        run_opcode(unit, &program, &row, &is_row, &is_end);
        if (!is_row) {
            continue;
        }
        if (has_last && address >= last.address && address < row.address) {
            *found = last;
            return true;
        }
        last = row;
        has_last = !is_end;
        row = is_end ? first : row;
    }
    return false;
}

bool debug_line_find(const void *file, size_t size, uint64_t address, const char **source_out,
                     uint32_t *line_out) {
    struct debug_section lines = debug_section_find(file, size, ".debug_line");
    struct debug_section strings = debug_section_find(file, size, ".debug_line_str");
    if (lines.data == NULL) {
        return false;
    }
    struct reader section = {lines.data, lines.data + lines.size, false};
    struct unit unit;
    while (section.next < section.end && read_unit(&section, &unit, strings)) {
        struct row row;
        if (find_row(&unit, address, &row)) {
            *source_out = file_name(&unit, row.file, strings);
            *line_out = (uint32_t)row.line;
            return *source_out != NULL;
        }
    }
    return false;
}
