--- What every snapshotter must do, whoever serves it: in this process, or over a socket.
---
--- `new_bench(options)` answers an object with
---
---     store                 the methods of moonsnap.Store
---     driver                "overlay" or "native"
---     mounted(key, fn)      mounts key somewhere, calls fn(directory), unmounts; returns fn's value
---     layer(name, parent, fn)   prepare, fn in the mounted directory, commit
---     see(name)             what a view of name shows, as tree.describe tells it
---     directory()           a new empty directory
---     <close>               ends it, and fails when something was left behind
---
--- Cases carry the names they have in containerd's own suites, in parentheses where they have one.

local describe = require("busted").describe

local PARTS = { "rows", "trees", "many_layers", "metastore", "refusals", "labels", "mounts", "usage", "walk" }

--- traits.driver says which driver it is; front: commit looks at the name first, as containerd's front door does;
--- shared: other cases write to the same root, with other names or in other namespaces.
return function(name, new_bench, traits)
    describe("snapshotter contract, " .. name .. ":", function()
        for _, part in ipairs(PARTS) do
            require("spec.contract." .. part)(new_bench, traits)
        end
    end)
end
