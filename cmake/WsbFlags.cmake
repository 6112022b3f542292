# Warnings, hardening and sanitizers for all code of this project.
add_library(wsb_flags INTERFACE)
target_compile_options(wsb_flags INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef
    -Wno-sign-conversion -fno-strict-aliasing -fstack-protector-strong)
target_compile_definitions(wsb_flags INTERFACE _GNU_SOURCE)
if(WSB_WERROR)
    target_compile_options(wsb_flags INTERFACE -Werror)
endif()
if(WSB_SANITIZE)
    target_compile_options(wsb_flags INTERFACE -fsanitize=${WSB_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${WSB_SANITIZE})
endif()
