/* The room that owns uv.h includes it,
 * and a room above it. */
#include <uv.h>

#include "base/word.h"
#include "rt/loop.h"
