/* What stands in tables of virtual functions in the place of those that nobody defined. */
#include "capos/abort.h"

__attribute__((weak)) _Noreturn void __cxa_pure_virtual(void);
__attribute__((weak)) _Noreturn void __cxa_deleted_virtual(void);

_Noreturn void __cxa_pure_virtual(void) {
    capos_abort("a pure virtual function was called; look for a call in a constructor or a "
                "destructor, or of an object that has ended");
}

_Noreturn void __cxa_deleted_virtual(void) {
    capos_abort("a deleted virtual function was called");
}
