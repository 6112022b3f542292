# wsb_rust_package(DIR OUT [FEATURES f]) builds a cargo package as a static archive, cached outside
# the clone, and makes an imported target whose name is put into OUT. It is built when CMake
# configures, so that the build tree knows where the archive is; a change to the package configures
# again.
function(wsb_rust_package dir out)
    cmake_parse_arguments(arg "" "FEATURES" "" ${ARGN})
    execute_process(
        COMMAND ${CMAKE_SOURCE_DIR}/scripts/build-rust.sh ${CMAKE_SOURCE_DIR}/${dir} "${arg_FEATURES}"
        OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "${dir} could not be built; the reason is above")
    endif()
    string(MAKE_C_IDENTIFIER "wsb_rust_${dir}_${arg_FEATURES}" target)
    file(GLOB archive ${folder}/lib*.a)
    add_library(${target} STATIC IMPORTED GLOBAL)
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${archive})
    if(EXISTS ${folder}/include)
        set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES ${folder}/include)
    endif()
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${dir}/src/*.rs)
    # Packages of this repository that it names.
    file(STRINGS ${CMAKE_SOURCE_DIR}/${dir}/Cargo.toml lines REGEX "{ *path = \"")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE ".*path = \"([^\"]*)\".*" "\\1" other "${line}")
        # Without the "..": two names of one file are two rules to ninja.
        get_filename_component(other ${CMAKE_SOURCE_DIR}/${dir}/${other} ABSOLUTE)
        file(GLOB_RECURSE more CONFIGURE_DEPENDS ${other}/src/*.rs)
        list(APPEND files ${more})
    endforeach()
    set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
        ${CMAKE_SOURCE_DIR}/${dir}/Cargo.lock ${CMAKE_SOURCE_DIR}/${dir}/Cargo.toml ${files})
    set(${out} ${target} PARENT_SCOPE)
endfunction()
