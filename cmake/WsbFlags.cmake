# Warnings, hardening, sanitizers and coverage for all code of this project. Everything of ours
# links wsb_flags; archives that others built (the engines, native/*) never see these flags.
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

add_library(wsb_flags INTERFACE)
target_compile_options(wsb_flags INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef
    -Wno-sign-conversion -fno-strict-aliasing -fstack-protector-strong
    -ffunction-sections -fdata-sections)
target_compile_definitions(wsb_flags INTERFACE _GNU_SOURCE)
if(WSB_WERROR)
    target_compile_options(wsb_flags INTERFACE -Werror)
endif()

foreach(flag -fstack-clash-protection -fcf-protection=full -mbranch-protection=standard)
    string(MAKE_C_IDENTIFIER "WSB_HAS${flag}" has)
    check_c_compiler_flag(${flag} ${has})
    if(${has})
        target_compile_options(wsb_flags INTERFACE ${flag})
    endif()
endforeach()
target_link_options(wsb_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
    -Wl,--gc-sections -Wl,--as-needed)

# Shared objects must name every library they use. A sanitizer's runtime is in the program, not in
# them, so there the check would refuse what is right.
set(WSB_LINK_DEFS -Wl,-z,defs)

if(WSB_SANITIZE)
    set(WSB_LINK_DEFS "")
    target_compile_options(wsb_flags INTERFACE -fsanitize=${WSB_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${WSB_SANITIZE})
else()
    # Fortified calls bypass the sanitizers' interceptors, hence only here; they need optimisation.
    target_compile_options(wsb_flags INTERFACE
        $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE>
        $<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-D_FORTIFY_SOURCE=3>)
endif()
if(WSB_BUILD_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "WSB_BUILD_FUZZ needs clang (cmake --preset fuzz)")
    endif()
    target_compile_options(wsb_flags INTERFACE -fsanitize=fuzzer-no-link)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()
if(WSB_COVERAGE)
    target_compile_options(wsb_flags INTERFACE --coverage)
    add_link_options(--coverage)
endif()

# For the library's own objects: thread-local variables at a fixed offset from the thread pointer
# instead of a call for each access. They are few and small, so the room that the C library keeps
# for libraries loaded later suffices (WSB_STATIC_TLS_LIMIT in scripts/check-symbols.py).
set(WSB_LIBRARY_OPTIONS -ftls-model=initial-exec)

# The shared library is optimised as a whole: a call of a guest passes through a
# dozen files. The objects hold ordinary code, too, for the archive (see wsb_strip_lto()).
set(WSB_LTO_LINK_OPTIONS "")
if(WSB_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_OBJCOPY AND NOT WSB_SANITIZE AND
   NOT WSB_COVERAGE AND CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo|MinSizeRel)$")
    list(APPEND WSB_LIBRARY_OPTIONS -flto=auto -ffat-lto-objects)
    set(WSB_LTO_LINK_OPTIONS -flto=auto)
endif()

# What a program links must not depend on the version of our compiler.
function(wsb_strip_lto target)
    if(WSB_LTO_LINK_OPTIONS)
        add_custom_command(TARGET ${target} POST_BUILD
            COMMAND ${CMAKE_OBJCOPY} --wildcard -R .gnu.lto_* -R .gnu.debuglto_*
                -N __gnu_lto_slim -N __gnu_lto_v1 $<TARGET_FILE:${target}>
            VERBATIM)
    endif()
endfunction()
