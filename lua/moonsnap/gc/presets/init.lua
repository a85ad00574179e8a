--- Other tools' words for retention, as rules: what somebody has written for them goes on to mean the same here.
---
---     store:gc(presets.restic { keep_daily = 7, keep_weekly = 4, group_by = "host" })
---
--- Each answers a list of rules; each file says which words it knows, and where it had to decide. Where a tool counts
--- in the machine's time zone, here it is UTC unless zone = "+02:00" says otherwise.

local M = {}

--- The tools by name.
M.NAMES = { "btrbk", "buildkit", "restic", "sanoid", "snapper" }

for _, name in ipairs(M.NAMES) do
    M[name] = function(words)
        if type(words) ~= "table" then
            error(("%s: a table of its words expected, got a %s"):format(name, type(words)), 2)
        end
        return require("moonsnap.gc.presets." .. name).rules(words)
    end
end

--- containerd's marking as a rule: what no root reaches goes. See gc/roots.lua.
---@param options? {snapshotter?: string, match?: any, name?: string}
---@return moonsnap.gc.Rule[] rules
function M.containerd_marks(options)
    options = options or {}
    return { { name = options.name or "containerd-marks", match = options.match, min_age = options.min_age,
        containerd = { snapshotter = options.snapshotter or "overlayfs" } } }
end

return M
