# Libraries that the project stands on; see scripts/install-dependencies.sh for the packages.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
find_library(WSB_MSGPACK_LIBRARY NAMES msgpackc msgpack-c REQUIRED)

add_library(wsb_dependencies INTERFACE)
target_link_libraries(wsb_dependencies INTERFACE PkgConfig::JANSSON PkgConfig::SODIUM
    ${WSB_MSGPACK_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS} m)

add_library(wsb_cli_dependencies INTERFACE)
target_link_libraries(wsb_cli_dependencies INTERFACE PkgConfig::JANSSON Threads::Threads)
