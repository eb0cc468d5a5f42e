// grants: console,signals,threads,thread-control,memory,timer
// cpus: any
// stdout: # the last word has C++

/* The program of languages.h, which begins in C. */
#include "tests/languages/languages.h"

int main(int argc, char **argv) {
    return languages_run(argc, argv);
}
