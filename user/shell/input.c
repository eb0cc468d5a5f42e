#include "user/shell/input.h"

#include <capos/capos.h>

#define HISTORY_LINES 32u
#define INPUT_END (-1)

enum key {
    KEY_CTRL_C = 3,
    KEY_CTRL_D = 4,
    KEY_CTRL_E = 5,
    KEY_BACKSPACE = 8,
    KEY_NEWLINE = 10,
    KEY_RETURN = 13,
    KEY_CTRL_U = 21,
    KEY_ESCAPE = 27,
    KEY_DELETE_BACK = 127,
    KEY_UP = 256, /* from here on: escape sequences */
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_HOME,
    KEY_END,
    KEY_DELETE,
    KEY_UNKNOWN,
};

struct editor {
    const char *prompt;
    char *line;
    uint32_t length, cursor;
    uint32_t history_back; /* lines back from the newest; 0 is the line being typed */
};

static char history[HISTORY_LINES][LINE_BYTES_MAX];
static uint32_t history_count;

static int read_byte(void) {
    static unsigned char buffer[256];
    static uint64_t next, end;
    if (next == end) {
        capos_cap_t console = capos_lookup("console", CAPOS_CONSOLE_INTERFACE);
        next = end = 0;
        if (capos_console_read(console, buffer, sizeof buffer, &end) != 0 || end == 0) {
            end = 0;
            return INPUT_END;
        }
    }
    return buffer[next++];
}

/* ESC [ letter, ESC O letter, or ESC [ digits ~: the sequences of the VT100 and its heirs. */
static int read_escape(void) {
    int byte = read_byte();
    if (byte != '[' && byte != 'O') {
        return byte == INPUT_END ? INPUT_END : KEY_UNKNOWN;
    }
    int parameter = 0;
    while ((byte = read_byte()) >= '0' && byte <= '9') {
        parameter = parameter < 100 ? parameter * 10 + byte - '0' : parameter;
    }
    switch (byte) {
    case INPUT_END:
        return INPUT_END;
    case 'A':
        return KEY_UP;
    case 'B':
        return KEY_DOWN;
    case 'C':
        return KEY_RIGHT;
    case 'D':
        return KEY_LEFT;
    case 'H':
        return KEY_HOME;
    case 'F':
        return KEY_END;
    case '~':
        return parameter == 3 ? KEY_DELETE : parameter == 1 ? KEY_HOME : KEY_UNKNOWN;
    default:
        return KEY_UNKNOWN;
    }
}

static int read_key(void) {
    int byte = read_byte();
    return byte == KEY_ESCAPE ? read_escape() : byte;
}

/* Writes the whole line anew and puts the cursor into its place. */
static void redraw(const struct editor *editor) {
    capos_printf("\r%s%.*s\033[K", editor->prompt, (int)editor->length, editor->line);
    if (editor->length > editor->cursor) {
        capos_printf("\033[%uD", editor->length - editor->cursor);
    }
}

static void insert(struct editor *editor, char character) {
    if (editor->length + 1 >= LINE_BYTES_MAX) {
        return;
    }
    char *at = editor->line + editor->cursor;
    memmove(at + 1, at, editor->length - editor->cursor);
    *at = character;
    editor->cursor++;
    editor->length++;
}

static void erase(struct editor *editor, uint32_t index) {
    if (index < editor->length) {
        char *at = editor->line + index;
        memmove(at, at + 1, editor->length - index - 1);
        editor->length--;
        editor->cursor = index;
    }
}

/* Replaces the line by the one that is so many lines back. */
static void recall(struct editor *editor, uint32_t back) {
    if (back > history_count || back > HISTORY_LINES) {
        return;
    }
    editor->history_back = back;
    editor->length = 0;
    if (back > 0) {
        const char *past = history[(history_count - back) % HISTORY_LINES];
        editor->length = (uint32_t)strlen(past);
        memcpy(editor->line, past, editor->length);
    }
    editor->cursor = editor->length;
}

static void remember(const char *line) {
    if (line[0] != '\0') {
        memcpy(history[history_count++ % HISTORY_LINES], line, strlen(line) + 1);
    }
}

static void edit(struct editor *editor, int key) {
    switch (key) {
    case KEY_BACKSPACE:
    case KEY_DELETE_BACK:
        if (editor->cursor > 0) {
            erase(editor, editor->cursor - 1);
        }
        break;
    case KEY_DELETE:
        erase(editor, editor->cursor);
        break;
    case KEY_LEFT:
        editor->cursor -= editor->cursor > 0;
        break;
    case KEY_RIGHT:
        editor->cursor += editor->cursor < editor->length;
        break;
    case KEY_HOME:
        editor->cursor = 0;
        break;
    case KEY_END:
    case KEY_CTRL_E:
        editor->cursor = editor->length;
        break;
    case KEY_UP:
        recall(editor, editor->history_back + 1);
        break;
    case KEY_DOWN:
        recall(editor, editor->history_back > 0 ? editor->history_back - 1 : 0);
        break;
    case KEY_CTRL_C:
        capos_print("^C\n");
        recall(editor, 0);
        break;
    case KEY_CTRL_U:
        recall(editor, 0);
        break;
    default:
        if (key >= ' ' && key < KEY_DELETE_BACK) {
            insert(editor, (char)key);
            /* Most typing is at the end of the line, where nothing else changes. */
            if (editor->cursor == editor->length) {
                capos_printf("%c", key);
                return;
            }
        }
        break;
    }
    redraw(editor);
}

bool input_read_line(const char *prompt, char line[LINE_BYTES_MAX]) {
    struct editor editor = {.prompt = prompt, .line = line};
    redraw(&editor);
    for (;;) {
        int key = read_key();
        if (key == INPUT_END || (key == KEY_CTRL_D && editor.length == 0)) {
            capos_print("\n");
            return false;
        }
        if (key == KEY_RETURN || key == KEY_NEWLINE) {
            line[editor.length] = '\0';
            capos_print("\n");
            remember(line);
            return true;
        }
        edit(&editor, key);
    }
}

bool input_wait_key(const char *prompt) {
    capos_print(prompt);
    int key = read_key();
    capos_print("\r\033[K");
    return key != INPUT_END && key != KEY_CTRL_C && key != KEY_CTRL_D && key != 'q';
}
