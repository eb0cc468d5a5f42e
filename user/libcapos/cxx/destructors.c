/*
 * The destructors of objects that live as long as the process or a thread (Itanium C++ ABI 3.3.6).
 * Compilers register each when its object has been made; the last is called first. The module that
 * they name is lld's __dso_handle.
 */
#include <stddef.h>

#include "capos/abort.h"
#include "capos/heap.h"
#include "user/libcapos/internal.h"

typedef void destructor_t(void *object);

struct destruction {
    destructor_t *destructor;
    void *object;
    const void *module;
    struct destruction *next;
};

__attribute__((weak)) int __cxa_atexit(destructor_t *destructor, void *object, const void *module);
__attribute__((weak)) void __cxa_finalize(const void *module);
__attribute__((weak)) int __cxa_thread_atexit(destructor_t *destructor, void *object,
                                              const void *module);

static struct capos_mutex lock; /* guards: */
static struct destruction *of_process;

static _Thread_local struct destruction *of_thread;

/* Compilers do not look at what registering returns, so that it cannot fail. */
static struct destruction *make(destructor_t *destructor, void *object, const void *module) {
    struct destruction *destruction = capos_malloc(sizeof *destruction);
    if (destruction == NULL) {
        capos_abort("no memory to remember that a destructor is to be called");
    }
    *destruction =
        (struct destruction){.destructor = destructor, .object = object, .module = module};
    return destruction;
}

static void run(struct destruction *destruction) {
    struct destruction last = *destruction;
    capos_free(destruction);
    last.destructor(last.object);
}

int __cxa_thread_atexit(destructor_t *destructor, void *object, const void *module) {
    struct destruction *destruction = make(destructor, object, module);
    destruction->next = of_thread;
    of_thread = destruction;
    return 0;
}

/* A destructor may register others: those are called next. */
void thread_destructors_run(void) {
    while (of_thread != NULL) {
        struct destruction *destruction = of_thread;
        of_thread = destruction->next;
        run(destruction);
    }
}

int __cxa_atexit(destructor_t *destructor, void *object, const void *module) {
    struct destruction *destruction = make(destructor, object, module);
    internal_lock(&lock);
    destruction->next = of_process;
    of_process = destruction;
    internal_unlock(&lock);
    return 0;
}

/* The last that was registered, of this module or, when that is NULL, of any. */
static struct destruction *take_last(const void *module) {
    internal_lock(&lock);
    struct destruction **link = &of_process;
    while (*link != NULL && module != NULL && (*link)->module != module) {
        link = &(*link)->next;
    }
    struct destruction *destruction = *link;
    if (destruction != NULL) {
        *link = destruction->next;
    }
    internal_unlock(&lock);
    return destruction;
}

void __cxa_finalize(const void *module) {
    for (struct destruction *last; (last = take_last(module)) != NULL;) {
        run(last);
    }
}

/*
 * After main. Functions with this attribute are called last object first, and this object stands
 * behind those of the program: C's destructors are called after those of C++, as elsewhere.
 */
__attribute__((destructor)) static void run_at_end(void) {
    thread_destructors_run();
    __cxa_finalize(NULL);
}
