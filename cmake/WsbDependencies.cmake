# Libraries that the project stands on; see scripts/install-dependencies.sh for the packages.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv>=1.40)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1>=0.2.2) # the command's, for --config
find_library(WSB_MSGPACK_LIBRARY NAMES msgpackc msgpack-c REQUIRED)

add_library(wsb_dependencies INTERFACE)
target_link_libraries(wsb_dependencies INTERFACE PkgConfig::JANSSON PkgConfig::SODIUM
    PkgConfig::LIBUV ${WSB_MSGPACK_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS} m)

# The same as static archives, for the command; a library that has none is linked as it is.
function(wsb_static_library out name shared)
    find_library(WSB_STATIC_${name} NAMES lib${name}.a ${ARGN})
    mark_as_advanced(WSB_STATIC_${name})
    if(WSB_STATIC_${name} AND NOT WSB_SANITIZE)
        set(${out} ${WSB_STATIC_${name}} PARENT_SCOPE)
    else()
        set(${out} ${shared} PARENT_SCOPE)
    endif()
endfunction()
wsb_static_library(wsb_jansson jansson PkgConfig::JANSSON)
wsb_static_library(wsb_sodium sodium PkgConfig::SODIUM)
wsb_static_library(wsb_msgpack msgpackc ${WSB_MSGPACK_LIBRARY})
wsb_static_library(wsb_uv uv_a PkgConfig::LIBUV libuv.a) # Debian's archive is libuv_a.a
add_library(wsb_static_dependencies INTERFACE)
target_link_libraries(wsb_static_dependencies INTERFACE ${wsb_jansson} ${wsb_sodium}
    ${wsb_msgpack} ${wsb_uv} Threads::Threads ${CMAKE_DL_LIBS} m)
wsb_static_library(wsb_yaml yaml PkgConfig::YAML)
add_library(wsb_command_dependencies INTERFACE)
target_link_libraries(wsb_command_dependencies INTERFACE wsb_static_dependencies ${wsb_yaml})
target_include_directories(wsb_command_dependencies INTERFACE ${YAML_INCLUDE_DIRS})
