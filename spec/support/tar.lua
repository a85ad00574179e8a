--- Tars made by hand, header by header, so that a test can say what no tar program would.
---
---     tar.write(path, { { "etc/", mode = 493 }, { "etc/motd", "hello\n", pax = { mtime = "1.5" } } })
local tree = require "spec.support.tree"

local M = {}

local BLOCK = 512

local function field(text, size)
    return text:sub(1, size) .. ("\0"):rep(size - #text)
end

local function octal(number, size)
    return ("%0" .. size - 1 .. "o\0"):format(number)
end

local function padded(content)
    return content .. ("\0"):rep(-#content % BLOCK)
end

local function header(entry, kind, size)
    local front = field(entry[1], 100) .. octal(entry.mode or (kind == "5" and 493 or 420), 8) ..
        octal(entry.uid or 0, 8) .. octal(entry.gid or 0, 8) .. octal(size, 12) .. octal(entry.mtime or 1000000000, 12)
    local rest = kind .. field(entry.link or "", 100) .. "ustar\00000" .. field("", 64) ..
        octal(entry.major or 0, 8) .. octal(entry.minor or 0, 8) .. field("", 167)
    local sum = 8 * 32
    for _, part in ipairs { front, rest } do
        for at = 1, #part do
            sum = sum + part:byte(at)
        end
    end
    return front .. ("%06o\0 "):format(sum) .. rest
end

--- One record of a pax header counts its own length.
local function record(name, value)
    local body = (" %s=%s\n"):format(name, value)
    local size = #body + #tostring(#body)
    size = #body + #tostring(size)
    return size .. body
end

local function pax(records)
    local names, text = {}, ""
    for name in pairs(records) do
        names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
        text = text .. record(name, records[name])
    end
    return header({ "pax" }, "x", #text) .. padded(text)
end

local function kind_of(entry)
    if entry.kind then
        return entry.kind
    end
    return entry[1]:sub(-1) == "/" and "5" or "0"
end

--- One entry: { NAME, CONTENT?, kind = typeflag, mode, uid, gid, mtime, link, major, minor, pax }.
---@return string
function M.entry(entry)
    local content = entry[2] or ""
    local before = entry.pax and pax(entry.pax) or ""
    return before .. header(entry, kind_of(entry), #content) .. padded(content)
end

M.END = ("\0"):rep(2 * BLOCK)

---@return string
function M.pack(entries)
    local parts = {}
    for i, entry in ipairs(entries) do
        parts[i] = M.entry(entry)
    end
    return table.concat(parts) .. M.END
end

--- Writes a tar and answers its path.
---@return string
function M.write(path, entries)
    tree.write(path, M.pack(entries))
    return path
end

return M
