std = "lua54"
max_line_length = 120
-- a guard that is only there to be closed: local _guard <close> = ...
ignore = { "211/_.*", "411/_.*" }
exclude_files = { "build" }
files["spec"] = { std = "+busted" }
files["rocks"] = { std = "+rockspec" }
