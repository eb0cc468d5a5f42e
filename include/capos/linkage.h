#pragma once
/* Between these two a header declares functions and variables that have C's names in C++ too. */

#ifdef __cplusplus
#define CAPOS_LINKAGE_BEGIN extern "C" {
#define CAPOS_LINKAGE_END }
#else
#define CAPOS_LINKAGE_BEGIN
#define CAPOS_LINKAGE_END
#endif
