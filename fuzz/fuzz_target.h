/* What libFuzzer calls; included into every target by fuzz/CMakeLists.txt. */
#ifndef WSB_FUZZ_TARGET_H
#define WSB_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
