# spec/fuzz/NAME.c is a libFuzzer target. The tests give it each file of spec/fuzz/corpus/NAME. With clang and
# -DMOONSNAP_FUZZ=ON, which instruments all libraries too, there is also the fuzzer itself:
#
#     CC=clang cmake --preset dev -B DIRECTORY -DMOONSNAP_FUZZ=ON && cmake --build DIRECTORY --target fuzz
#     DIRECTORY/fuzz/NAME -max_total_time=300 spec/fuzz/corpus/NAME
#
# fuzz_NAME_sources and _libraries: what a target needs that the libraries of all do not have.
set(fuzz_messages_sources src/bind/message_decode.c src/bind/message_encode.c src/bind/message_plan.c
    src/bind/message_types.c)
set(fuzz_messages_libraries PkgConfig::LUA)
file(GLOB fuzz_sandbox_sources src/bind/sandbox*.c)
list(APPEND fuzz_sandbox_sources src/bind/box.c src/bind/failure.c)
set(fuzz_sandbox_libraries PkgConfig::LUA)
file(GLOB fuzz_sources CONFIGURE_DEPENDS spec/fuzz/*.c)
list(FILTER fuzz_sources EXCLUDE REGEX "/replay\\.c$")
add_custom_target(fuzz)
foreach(source IN LISTS fuzz_sources)
    get_filename_component(name ${source} NAME_WE)
    add_executable(fuzz_replay_${name} ${source} spec/fuzz/replay.c ${fuzz_${name}_sources})
    set_target_properties(fuzz_replay_${name} PROPERTIES
        OUTPUT_NAME replay_${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    target_link_libraries(fuzz_replay_${name} PRIVATE ms_engine ms_rpc ms_proto ${fuzz_${name}_libraries})
    target_include_directories(fuzz_replay_${name} PRIVATE ${LUA_INCLUDE_DIRS})
    add_test(NAME fuzz.${name}
        COMMAND fuzz_replay_${name} ${CMAKE_SOURCE_DIR}/spec/fuzz/corpus/${name})
    set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT 60)
    if(MOONSNAP_FUZZ)
        add_executable(fuzz_${name} EXCLUDE_FROM_ALL ${source} ${fuzz_${name}_sources})
        set_target_properties(fuzz_${name} PROPERTIES
            OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
        target_link_libraries(fuzz_${name} PRIVATE ms_engine ms_rpc ms_proto ${fuzz_${name}_libraries})
        target_include_directories(fuzz_${name} PRIVATE ${LUA_INCLUDE_DIRS})
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        add_dependencies(fuzz fuzz_${name})
    endif()
endforeach()
