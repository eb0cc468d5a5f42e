#include "tools/capnpc-capos/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void refuse(const char *where, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "capnpc-capos: %s: ", where);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL) {
        refuse("memory", "out of memory for %zu elements of %zu bytes", count, size);
    }
    return memory;
}

const char *text_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        refuse("memory", "out of memory for a text");
    }
    va_end(arguments);
    return text;
}

bool text_is_keyword(const char *name) {
    static const char *const keywords[] = {
        "alignas",  "alignof",  "and",       "asm",       "auto",      "bitand",   "bitor",
        "bool",     "break",    "case",      "catch",     "char",      "class",    "compl",
        "concept",  "const",    "constexpr", "continue",  "decltype",  "default",  "delete",
        "do",       "double",   "else",      "enum",      "explicit",  "export",   "extern",
        "false",    "float",    "for",       "friend",    "goto",      "if",       "inline",
        "int",      "long",     "mutable",   "namespace", "new",       "noexcept", "not",
        "nullptr",  "operator", "or",        "private",   "protected", "public",   "register",
        "requires", "restrict", "return",    "short",     "signed",    "sizeof",   "static",
        "struct",   "switch",   "template",  "this",      "throw",     "true",     "try",
        "typedef",  "typeid",   "typename",  "typeof",    "union",     "unsigned", "using",
        "virtual",  "void",     "volatile",  "while",     "xor",
    };
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (strcmp(name, keywords[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *text_identifier(const char *where, struct wire_text text) {
    if (text.data == NULL || text.length == 0 || text.length > TEXT_NAME_MAX) {
        refuse(where, "a name is missing or longer than %u characters", TEXT_NAME_MAX);
    }
    for (uint32_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && (i == 0 || c < '0' || c > '9')) {
            refuse(where, "a name has a character that no identifier has (byte 0x%02x)", c);
        }
    }
    return text_format("%.*s", (int)text.length, text.data);
}

const char *text_prose(const char *where, struct wire_text text) {
    if (text.data == NULL) {
        return "";
    }
    if (text.length > TEXT_PROSE_MAX) {
        refuse(where, "a comment is longer than %u bytes: shorten it", TEXT_PROSE_MAX);
    }
    for (uint32_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c < ' ' && c != '\n') || c == 0x7f) {
            refuse(where, "a comment holds the control character 0x%02x: remove it", c);
        }
        bool is_mark = i + 1 < text.length && ((c == '*' && text.data[i + 1] == '/') ||
                                               (c == '/' && text.data[i + 1] == '*'));
        if (is_mark) {
            refuse(where, "a comment holds the mark of a C comment: reword it");
        }
    }
    uint32_t length = text.length;
    while (length > 0 && text.data[length - 1] == '\n') {
        length--;
    }
    return text_format("%.*s", (int)length, text.data);
}

static const char *snake_case(const char *name) {
    size_t length = strlen(name);
    char *snake = allocate(2 * length + 1, 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        bool is_upper = isupper((unsigned char)name[i]) != 0;
        bool after_small = i > 0 && !isupper((unsigned char)name[i - 1]);
        bool before_small = i > 0 && islower((unsigned char)name[i + 1]) != 0;
        if (is_upper && (after_small || before_small)) {
            snake[used++] = '_';
        }
        snake[used++] = (char)tolower((unsigned char)name[i]);
    }
    return snake;
}

static const char *upper_case(const char *snake) {
    size_t length = strlen(snake);
    char *upper = allocate(length + 1, 1);
    for (size_t i = 0; i < length; i++) {
        upper[i] = (char)toupper((unsigned char)snake[i]);
    }
    return upper;
}

struct name name_inside(const struct name *outer, const char *name) {
    struct name result = {.schema = name, .snake = snake_case(name)};
    if (outer != NULL) {
        result.schema = text_format("%s.%s", outer->schema, name);
        result.snake = text_format("%s_%s", outer->snake, result.snake);
    }
    result.upper = upper_case(result.snake);
    return result;
}
