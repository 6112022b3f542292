# What an installation has, all of it found relative to each other, so that a staged or moved tree
# works: library, headers, engines, command, pkg-config file, CMake package, guest SDK, man page,
# completions.
include(CMakePackageConfigHelpers)

set(wsb_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/wasm_sandbox)

install(TARGETS wasm_sandbox EXPORT wasm_sandbox
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS wasm_sandbox_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY guest/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
    FILES_MATCHING PATTERN "*.h")
# The guest SDKs of other languages, as their package managers take them from a folder.
install(DIRECTORY guest/rust guest/go guest/assemblyscript
    DESTINATION ${CMAKE_INSTALL_DATADIR}/wasm-sandbox/guest
    PATTERN ".gitignore" EXCLUDE PATTERN "target" EXCLUDE PATTERN "node_modules" EXCLUDE
    PATTERN "build" EXCLUDE)
install(DIRECTORY ${CMAKE_BINARY_DIR}/engines/ DESTINATION ${WSB_ENGINE_INSTALL_DIR}
    FILES_MATCHING PATTERN "wsb_engine_*.so"
    PATTERN "CMakeFiles" EXCLUDE)
if(TARGET wasm-sandbox)
    install(TARGETS wasm-sandbox RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# The static library is not linked with anything, so what it needs is installed and named.
get_target_property(wsb_native_archive ${WSB_NATIVE_MODULE} IMPORTED_LOCATION)
get_filename_component(wsb_native_name ${wsb_native_archive} NAME_WE)
string(REGEX REPLACE "^lib" "" wsb_native_name ${wsb_native_name})
get_filename_component(wsb_msgpack_name ${WSB_MSGPACK_LIBRARY} NAME_WE)
string(REGEX REPLACE "^lib" "" wsb_msgpack_name ${wsb_msgpack_name})
install(FILES ${wsb_native_archive} DESTINATION ${CMAKE_INSTALL_LIBDIR})

file(RELATIVE_PATH wsb_pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" wsb_pc_to_prefix ${wsb_pc_to_prefix})
configure_file(cmake/wasm-sandbox.pc.in wasm-sandbox.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/wasm-sandbox.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(EXPORT wasm_sandbox NAMESPACE wasm_sandbox:: FILE wasm_sandboxTargets.cmake
    DESTINATION ${wsb_cmake_dir})
configure_package_config_file(cmake/wasm_sandboxConfig.cmake.in wasm_sandboxConfig.cmake
    INSTALL_DESTINATION ${wsb_cmake_dir} PATH_VARS WSB_ENGINE_INSTALL_DIR)
write_basic_package_version_file(wasm_sandboxConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/wasm_sandboxConfig.cmake
    ${CMAKE_BINARY_DIR}/wasm_sandboxConfigVersion.cmake DESTINATION ${wsb_cmake_dir})

file(GLOB wsb_man_pages CONFIGURE_DEPENDS docs/man/*.1)
if(wsb_man_pages)
    install(FILES ${wsb_man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()
if(EXISTS ${CMAKE_SOURCE_DIR}/completions/wasm-sandbox.bash)
    install(FILES completions/wasm-sandbox.bash RENAME wasm-sandbox
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endif()
if(EXISTS ${CMAKE_SOURCE_DIR}/completions/_wasm-sandbox)
    install(FILES completions/_wasm-sandbox
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
endif()
install(FILES LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
