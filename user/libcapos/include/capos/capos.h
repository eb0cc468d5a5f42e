#pragma once
/*
 * Everything a capOS program in C or C++ needs: start, console, rings, heap, threads, and every
 * interface of schema/.
 *
 *   #include <capos/capos.h>
 *
 *   int main(void) {
 *       capos_print("Hello from capOS\n");
 *       return 0;
 *   }
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capos/abi.h"
#include "capos/abort.h"
#include "capos/clock.h"
#include "capos/errors.h"
#include "capos/handler.h"
#include "capos/heap.h"
#include "capos/interfaces.h"
#include "capos/invoke.h"
#include "capos/linkage.h"
#include "capos/lock.h"
#include "capos/note.h"
#include "capos/opcodes.h"
#include "capos/park.h"
#include "capos/print.h"
#include "capos/protection.h"
#include "capos/ring.h"
#include "capos/spawn.h"
#include "capos/start.h"
#include "capos/string.h"
#include "capos/threads.h"
#include "capos/upcall.h"
