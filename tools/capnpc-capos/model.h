#pragma once
/*
 * The schemas as the emitters want them: names in C's spelling, shapes decided, everything that the
 * generator does not support refused. Nothing in a model points into the request.
 */
#include "tools/capnpc-capos/request.h"
#include "tools/capnpc-capos/text.h"

#define MODEL_MEMBERS_MAX 256u     /* fields, enumerants or methods of one declaration */
#define MODEL_DECLARATIONS_MAX 64u /* enumerations or structs of one file */
#define MODEL_INLINE_WORDS_MAX 3u  /* arguments of an entry */
#define MODEL_MESSAGE_WORDS_MAX 512u

struct enumerant {
    struct name name;
    const char *doc, *meaning, *remedy; /* "" when absent */
};

struct enumeration {
    struct name name;
    uint64_t id;
    const char *doc;
    struct enumerant *enumerants;
    uint32_t count;
};

struct field {
    struct name name;
    const char *doc;
    const char *type_name; /* as in the schema: List(Text) */
    enum type_kind type;
    const struct enumeration *enumeration; /* of an enum of the same file, else NULL */
    uint32_t offset;                       /* in units of the field's size, or pointer index */
    uint64_t default_value;
};

/* A struct, or the parameters or results of a method. */
struct record {
    struct name name;
    const char *doc;
    uint16_t data_words, pointers;
    struct field *fields;
    uint32_t count;
};

struct method {
    struct name name;
    const char *doc;
    uint32_t ordinal;
    bool blocking, owner;
    const char *unsafe_reason; /* "" when the call cannot break its caller's memory */
    struct record params, results;
    bool variable;       /* parameters hold pointers other than a trailing Data */
    bool tail_in;        /* the last parameter is Data, and the only pointer */
    bool tail_out;       /* likewise the last result */
    uint32_t scalars;    /* results without the tail */
    bool writes_back;    /* results go to memory: there is more than one scalar */
    bool inline_allowed; /* the data words of the parameters can be the arguments */
};

struct interface {
    struct name name;
    uint64_t id;
    const char *doc;
    const char *grant_name; /* NULL when it cannot be granted by name */
    const char *summary;
    bool in_default;
    const char **facets;
    uint32_t facet_count;
    struct method *methods;
    uint32_t count;
};

struct schema_file {
    const char *file_name;       /* timer.capnp */
    const char *name;            /* timer */
    bool is_vocabulary;          /* declares annotations: for the generator alone */
    struct interface *interface; /* NULL when there is none */
    struct enumeration *enumerations;
    uint32_t enumeration_count;
    struct record *records;
    uint32_t record_count;
};

struct model {
    struct schema_file *files; /* sorted by name */
    uint32_t count;
};

/* Refuses, and does not return, when the request is not valid or not supported. */
void model_build(struct model *model, struct request *request);

bool type_is_pointer(enum type_kind type);
uint32_t type_bits(enum type_kind type); /* 0 for pointers */

/* Words of a message: root pointer, data, pointers. And the value of its root pointer. */
uint32_t record_words(const struct record *record);
uint64_t record_root(const struct record *record);
