// grants: console
// stdout: thread-local variables: initialised, zero, aligned

/*
 * Thread-local variables: each thread has its own, made from a template in the program. The kernel
 * makes the first thread's before _start.
 */
#include <capos/capos.h>

static _Thread_local int initialised = 42;
static _Thread_local unsigned char zeros[1000];
static _Thread_local _Alignas(64) uint64_t aligned = 7;

/* The word at the thread pointer points to itself (ELF TLS, variant II). */
static bool thread_pointer_is_sound(void) {
    uintptr_t self;
    __asm__("movq %%fs:0, %0" : "=r"(self));
    uintptr_t below = self - (uintptr_t)&initialised;
    return self == *(uintptr_t *)self && below < 65536;
}

int main(void) {
    bool is_sound = thread_pointer_is_sound();
    is_sound &= initialised == 42 && aligned == 7;
    is_sound &= (uintptr_t)&aligned % 64 == 0;
    for (size_t index = 0; index < sizeof zeros; index++) {
        is_sound &= zeros[index] == 0;
    }
    initialised++;
    zeros[999] = 1;
    is_sound &= initialised == 43 && zeros[999] == 1;
    capos_printf("thread-local variables: %s\n",
                 is_sound ? "initialised, zero, aligned" : "broken");
    return is_sound ? 0 : 1;
}
