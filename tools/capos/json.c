#include "tools/capos/json.h"

#include <inttypes.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* Length of the UTF-8 sequence at text, or 0 when it is none (RFC 3629, section 4). */
static size_t utf8_length(const uint8_t *text, size_t left) {
    const uint8_t first = text[0];
    const size_t length = first < 0x80   ? 1
                          : first < 0xc2 ? 0
                          : first < 0xe0 ? 2
                          : first < 0xf0 ? 3
                          : first < 0xf5 ? 4
                                         : 0;
    if (length == 0 || length > left) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool is_overlong = (first == 0xe0 && text[1] < 0xa0) || (first == 0xf0 && text[1] < 0x90);
    const bool is_surrogate = first == 0xed && text[1] > 0x9f;
    const bool is_too_high = first == 0xf4 && text[1] > 0x8f;
    return is_overlong || is_surrogate || is_too_high ? 0 : length;
}

static void write_quoted(FILE *out, const char *value, size_t length) {
    const uint8_t *text = (const uint8_t *)value;
    putc('"', out);
    for (size_t i = 0; i < length;) {
        const size_t step = utf8_length(text + i, length - i);
        if (step == 0) {
            fputs(replacement, out);
        } else if (text[i] == '"' || text[i] == '\\') {
            fprintf(out, "\\%c", text[i]);
        } else if (text[i] < 0x20) {
            fprintf(out, "\\u%04x", text[i]);
        } else {
            fwrite(text + i, 1, step, out);
        }
        i += step != 0 ? step : 1;
    }
    putc('"', out);
}

static void start_item(struct json *json, const char *key) {
    if (json->depth > 0) {
        fprintf(json->out, "%s\n%*s", json->has_items ? "," : "", (int)(2 * json->depth), "");
    }
    if (key != NULL) {
        write_quoted(json->out, key, strlen(key));
        fputs(": ", json->out);
    }
    json->has_items = true;
}

static void open_bracket(struct json *json, const char *key, char bracket) {
    start_item(json, key);
    putc(bracket, json->out);
    json->depth++;
    json->has_items = false;
}

static void close_bracket(struct json *json, char bracket) {
    json->depth--;
    if (json->has_items) {
        fprintf(json->out, "\n%*s", (int)(2 * json->depth), "");
    }
    putc(bracket, json->out);
    json->has_items = true;
}

void json_begin(struct json *json, FILE *out) {
    *json = (struct json){.out = out};
    json_object_begin(json, NULL);
}

void json_end(struct json *json) {
    json_object_end(json);
    putc('\n', json->out);
}

void json_object_begin(struct json *json, const char *key) {
    open_bracket(json, key, '{');
}

void json_object_end(struct json *json) {
    close_bracket(json, '}');
}

void json_array_begin(struct json *json, const char *key) {
    open_bracket(json, key, '[');
}

void json_array_end(struct json *json) {
    close_bracket(json, ']');
}

void json_text(struct json *json, const char *key, const char *value, size_t length) {
    start_item(json, key);
    write_quoted(json->out, value, length);
}

void json_string(struct json *json, const char *key, const char *value) {
    json_text(json, key, value, strlen(value));
}

void json_integer(struct json *json, const char *key, int64_t value) {
    start_item(json, key);
    fprintf(json->out, "%" PRId64, value);
}

void json_unsigned(struct json *json, const char *key, uint64_t value) {
    start_item(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void json_bool(struct json *json, const char *key, bool value) {
    start_item(json, key);
    fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key) {
    start_item(json, key);
    fputs("null", json->out);
}

void json_hex(struct json *json, const char *key, uint64_t value) {
    start_item(json, key);
    fprintf(json->out, "\"0x%" PRIx64 "\"", value);
}
