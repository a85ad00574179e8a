std = "lua54"
max_line_length = 120
-- a guard that is only there to be closed: local _guard <close> = ...
ignore = { "211/_.*", "411/_.*" }
exclude_files = { "build" }
files["spec"] = { std = "+busted" }
files["rocks"] = { std = "+rockspec" }
files["examples/policies"] = { -- the words of docs/policies.md, docs/configuration.md and docs/testing-policies.md
    read_globals = { "hook", "labels", "label", "retention", "rule", "option", "include", "keep", "kept", "store", "now",
        "log", "deny", "defer", "exists", "rewrite", "append", "post", "spawn", "every", "json", "test" },
}
