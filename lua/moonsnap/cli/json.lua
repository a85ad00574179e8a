--- What --json prints: the objects of docs/reference/command.md, keys always in the same order.

local dkjson = require "dkjson"

local readable = require "moonsnap.readable"
local text = require "moonsnap.cli.text"

local M = {}

local ORDER = {
    "error", "tier", "files", "problems", "file", "line", "ok",
    "change", "path", "path_hex", "type", "key", "name", "parent", "kind", "message", "hint", "created",
    "updated", "used", "use_count", "damaged", "labels", "depth", "size", "inodes", "mounts", "source", "target",
    "options", "namespace", "pid", "here", "readonly", "entries", "bytes", "whiteouts", "squashed_owners",
    "skipped_devices", "skipped_xattrs", "skipped_mounts", "note", "orphans", "abandoned", "quarantined", "stages",
    "kept", "spared", "about", "id", "reason", "until", "ttl", "ended", "usage", "help", "status", "added", "changed",
    "removed", "opaque", "what", "where", "repair", "repaired",
    "serious", "version", "lua", "at", "rules", "before", "after", "verdict", "rule", "outcome",
    "count", "totals", "unmet", "monitors", "items",
}

--- A list that is an array even when it is empty.
---@param list table
---@return table
function M.array(list)
    return setmetatable(list, { __jsontype = "array" })
end

local function object(fields)
    return setmetatable(fields, { __jsontype = "object" })
end

---@param info moonsnap.Info
---@return table
function M.snapshot(info)
    local labels = {}
    for name, value in pairs(info.labels) do
        labels[name] = value
    end
    return {
        name = info.name,
        parent = info.parent,
        kind = info.kind,
        created = text.instant(info.created),
        updated = text.instant(info.updated),
        labels = object(labels),
    }
end

---@param mount moonsnap.Mount
---@return table
function M.mount(mount)
    return {
        type = mount.type, source = mount.source, target = mount.target,
        options = M.array({ table.unpack(mount.options) }),
    }
end

--- File names are bytes: what is no UTF-8 is replaced in path, and stands in path_hex whole.
---@param change moonsnap.Change
---@return table
function M.change(change)
    local path, hex = change.path, nil
    if not utf8.len(path) then
        hex = path:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
        path = readable.repaired(path)
    end
    return { change = change.change, path = path, path_hex = hex, type = change.type, size = change.size }
end

---@param value any
---@return string
function M.encode(value)
    return (dkjson.encode(value, { keyorder = ORDER }))
end

return M
