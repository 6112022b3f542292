# wsb_rust_package(DIR OUT [FEATURES f]) builds a cargo package as a static archive, cached outside
# the clone, and makes an imported target whose name is put into OUT.
function(wsb_rust_package dir out)
    cmake_parse_arguments(arg "" "FEATURES" "" ${ARGN})
    execute_process(
        COMMAND ${CMAKE_SOURCE_DIR}/scripts/build-rust.sh ${CMAKE_SOURCE_DIR}/${dir} "${arg_FEATURES}"
        OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    string(MAKE_C_IDENTIFIER "wsb_rust_${dir}_${arg_FEATURES}" target)
    file(GLOB archive ${folder}/lib*.a)
    add_library(${target} STATIC IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${archive})
    if(EXISTS ${folder}/include)
        set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${folder}/include)
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
        ${CMAKE_SOURCE_DIR}/${dir}/Cargo.lock ${CMAKE_SOURCE_DIR}/${dir}/Cargo.toml
        ${CMAKE_SOURCE_DIR}/${dir}/src/lib.rs)
    set(${out} ${target} PARENT_SCOPE)
endfunction()
