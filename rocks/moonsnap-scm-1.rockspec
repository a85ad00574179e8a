rockspec_format = "3.0"
package = "moonsnap"
version = "scm-1"
source = { url = "." }
description = {
    summary = "A snapshot engine for container and build file systems, programmable in Lua",
    detailed = [[
        Keeps overlay snapshots and their metadata, says how to mount them or mounts them, and lets Lua
        decide everything else. A module, and a command.
    ]],
    license = "MIT",
    labels = { "containers", "filesystem", "snapshots", "linux" },
}
supported_platforms = { "linux" }
dependencies = { "lua >= 5.4", "luaposix >= 35", "argparse >= 0.7", "dkjson >= 2.5" }
external_dependencies = {
    SQLITE = { header = "sqlite3.h" },
    PCRE2 = { header = "pcre2.h" },
    ARCHIVE = { header = "archive.h" },
}
build = {
    type = "cmake",
    variables = {
        CMAKE_BUILD_TYPE = "RelWithDebInfo",
        CMAKE_INSTALL_PREFIX = "$(PREFIX)",
        MOONSNAP_LIBDIR = "$(LIBDIR)",
        MOONSNAP_LUADIR = "$(LUADIR)",
        MOONSNAP_BINDIR = "$(BINDIR)",
        BUILD_TESTING = "OFF",
    },
}
