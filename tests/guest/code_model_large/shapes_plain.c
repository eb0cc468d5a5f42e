#define SHAPES shapes_plain
#include "tests/guest/code_model_large/shapes.c"
