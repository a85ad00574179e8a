--- The policy that every service has: labels that come from images and pods are not to be trusted.
---
--- containerd hands on what an image's manifest says of a layer, and what a pod's annotations say, where the name
--- begins with containerd.io/snapshot/. So whoever writes an image or a pod gives these. What grants something:
---
---     containerd.io/snapshot/max-size             a limit: a decimal number of bytes up to 1 TiB, else dropped;
---                                                 more is cut down to that
---     containerd.io/snapshot/overlay.upperdir     where the upper directory is: only the service itself says so
---     containerd.io/snapshot/*volatile*, *quota*  less safety, more space: dropped
---     containerd.io/snapshot/moonsnap*            dropped
---     moonsnap/*                                  ours: expiry, costs. Behind containerd nobody has reason to give
---                                                 them; in direct mode clients may
---
--- uidmapping and gidmapping stay: with them containerd asks for id-mapped mounts. containerd.io/gc.* never arrives
--- from an image, and decides nothing here unless a rule asks for it.

local hooks = require "moonsnap.hooks"

local M = {}

local PREFIX = "containerd.io/snapshot/"
local MAX_SIZE = PREFIX .. "max-size"
local LARGEST = 1 << 40

--- The value of max-size that may stay, or false.
local function bounded(value)
    local bytes = value:match("^%d+$") and math.tointeger(tonumber(value))
    if not bytes then
        return value:match("^%d+$") and tostring(LARGEST) or false -- too long for an integer
    end
    return bytes > LARGEST and tostring(LARGEST) or value
end

local DROPPED = { ["overlay.upperdir"] = true }

--- What becomes of a label: nil when it stays as it is, else its value, or false.
local function verdict_on(name, value, mode)
    if name == MAX_SIZE then
        local kept = bounded(value)
        if kept ~= value then
            return kept
        end
        return nil
    elseif name:sub(1, #PREFIX) == PREFIX then
        local rest = name:sub(#PREFIX + 1)
        local grants = DROPPED[rest] or rest:find("^moonsnap") or rest:find("volatile", 1, true)
            or rest:find("quota", 1, true)
        if grants then
            return false
        end
    elseif mode == "proxy" and name:sub(1, 9) == "moonsnap/" then
        return false
    end
end

--- The changes to the labels of a request; nil for none.
local function changes_of(labels, mode)
    local changes
    for name, value in pairs(labels) do
        local verdict = verdict_on(name, value, mode)
        if verdict ~= nil then
            changes = changes or {}
            changes[name] = verdict
        end
    end
    return changes
end

local REMEMBERED, LONG = 256, 100 -- names, and the bytes of one that is not worth it

--- Whether a request has a label that does not stay as it is. All requests are asked, and most have the same names:
--- those that are harmless whatever their value is are remembered.
---@param mode "proxy" | "direct"
---@return fun(request: moonsnap.Request): boolean
local function grants(mode)
    local harmless, count = {}, 0
    return function(request)
        for name, value in next, request.labels do
            if not harmless[name] then
                if verdict_on(name, value, mode) ~= nil then
                    return true
                elseif name ~= MAX_SIZE and #name <= LONG and count < REMEMBERED then
                    harmless[name], count = true, count + 1
                end
            end
        end
        return false
    end
end

--- The hooks of this policy.
---@param core moonsnap.Core
---@param mode "proxy" | "direct"
---@return moonsnap.Hooks
function M.hooks(core, mode)
    local made = hooks.new { failure = core.error, clock = core.sys.steady, filter = core.filter }
    assert(made:add {
        name = "untrusted labels", on = { "prepare", "view", "commit" }, phase = "mutate", priority = 2000000,
        effects = { "labels" }, trusted = true, blind = true, file = "built in",
        match = grants(mode),
        run = function(request)
            return { verdict = "rewrite", labels = changes_of(request.labels, mode) }
        end,
    })
    return made
end

return M
