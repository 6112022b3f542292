#include "core/alloc.h"

bool (*wsb__alloc_fails)(void);
