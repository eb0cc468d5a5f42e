#pragma once
/*
 * Writes JSON, indented, with commas and quotes where they belong. Strings may hold any bytes:
 * what is not valid UTF-8 becomes U+FFFD.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
    FILE *out;
    unsigned depth;
    bool has_items;
};

void json_begin(struct json *json, FILE *out);
void json_end(struct json *json);

/* key is NULL for the elements of an array and for the outermost value. */
void json_object_begin(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array_begin(struct json *json, const char *key);
void json_array_end(struct json *json);
void json_string(struct json *json, const char *key, const char *value);
void json_text(struct json *json, const char *key, const char *value, size_t length);
void json_integer(struct json *json, const char *key, int64_t value);
void json_unsigned(struct json *json, const char *key, uint64_t value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
/* As "0x..." in a string: a JSON number does not hold 64 bits everywhere. */
void json_hex(struct json *json, const char *key, uint64_t value);
