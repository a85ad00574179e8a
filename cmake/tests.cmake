# What only the tests need: unit tests, small tools, headers on their own, a sanitized Lua.

# spec/unit/NAME.c: the program unit/unit_NAME, one test of ctest.
file(GLOB unit_sources CONFIGURE_DEPENDS spec/unit/*.c)
foreach(source IN LISTS unit_sources)
    get_filename_component(name ${source} NAME_WE)
    add_executable(unit_${name} ${source})
    set_target_properties(unit_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/unit)
    target_link_libraries(unit_${name} PRIVATE ms_archive ms_engine ms_rpc)
    add_test(NAME unit.${name} COMMAND unit_${name})
    set_tests_properties(unit.${name} PROPERTIES TIMEOUT 60 SKIP_RETURN_CODE 77)
endforeach()

include(cmake/fuzz.cmake)

# spec/tools/NAME.c and bench/support/NAME.c: the program tools/NAME, for specs and figures.
# Never sanitized: some are run under strace.
file(GLOB tool_sources CONFIGURE_DEPENDS spec/tools/*.c bench/support/*.c)
list(APPEND tool_sources ${CMAKE_SOURCE_DIR}/spec/support/enosys.c)
foreach(source IN LISTS tool_sources)
    get_filename_component(name ${source} NAME_WE)
    add_executable(tool_${name} ${source})
    set_target_properties(tool_${name} PROPERTIES OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)
    target_include_directories(tool_${name} PRIVATE src)
    target_compile_options(tool_${name} PRIVATE -fno-sanitize=all)
    target_link_options(tool_${name} PRIVATE -fno-sanitize=all -Wl,--as-needed)
    target_link_libraries(tool_${name} PRIVATE PkgConfig::SQLITE PkgConfig::NGHTTP2)
endforeach()

# Target `headers`: each header compiles with nothing included before it.
get_property(headers GLOBAL PROPERTY MOONSNAP_HEADERS)
set(header_units)
foreach(header IN LISTS headers)
    file(RELATIVE_PATH name ${CMAKE_SOURCE_DIR}/src ${header})
    string(REPLACE "/" "_" unit ${name})
    set(unit ${CMAKE_BINARY_DIR}/headers/${unit}.c)
    if(NOT EXISTS ${unit})
        file(WRITE ${unit} "#include \"${name}\"\n")
    endif()
    list(APPEND header_units ${unit})
endforeach()
add_library(headers OBJECT EXCLUDE_FROM_ALL ${header_units})
target_include_directories(headers PRIVATE src ${LUA_INCLUDE_DIRS} ${ARCHIVE_INCLUDE_DIRS}
    ${SQLITE_INCLUDE_DIRS} ${PCRE2_INCLUDE_DIRS}
    ${NGHTTP2_INCLUDE_DIRS} ${PROTOBUF_C_INCLUDE_DIRS})

# bin/lua5.4: Lua with the sanitizers in, so that what it starts (cc, strace, mount) runs without them.
if(MOONSNAP_SANITIZE)
    find_library(LUA_ARCHIVE NAMES liblua5.4.a PATHS ${LUA_LIBRARY_DIRS} REQUIRED)
    add_executable(lua_host spec/support/runner_lua.c)
    set_target_properties(lua_host PROPERTIES OUTPUT_NAME lua5.4
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    target_include_directories(lua_host PRIVATE ${LUA_INCLUDE_DIRS})
    target_link_libraries(lua_host PRIVATE -Wl,-E -Wl,--whole-archive ${LUA_ARCHIVE}
        -Wl,--no-whole-archive m dl)
endif()
