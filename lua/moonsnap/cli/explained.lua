--- What `policy explain` and `policy ls` print: hooks, the files they come from, what they said and what that cost.

local entry = require "moonsnap.hooks.entry"
local text = require "moonsnap.cli.text"

local M = {}

--- Short names of files: below the store's root without that, elsewhere the last part, unless two end alike.
---@param store moonsnap.Store
---@param paths string[]  as "FILE:LINE" or "FILE"; may be ""
---@return fun(path?: string): string
function M.names(store, paths)
    local root = not store.ask and store.root
    local function split(path)
        local file, line = path:match("^(.-)(:%d+)$")
        return file or path, line or ""
    end
    local function short(file)
        if root and file:sub(1, #root + 1) == root .. "/" then
            return file:sub(#root + 2)
        end
        return file:match("[^/]+$") or file
    end
    local first, twice = {}, {}
    for _, path in ipairs(paths) do
        local file = split(path)
        local name = short(file)
        twice[name] = twice[name] or first[name] ~= nil and first[name] ~= file
        first[name] = first[name] or file
    end
    return function(path)
        local file, line = split(path or "")
        local name = short(file)
        return text.plain((twice[name] and file or name) .. line)
    end
end

--- The verbs of a hook.
---@param on string[]
---@return string
function M.verbs(on)
    return #on == #entry.VERBS and "*" or table.concat(on, " ")
end

local function rewritten(row)
    local changes = {}
    for name, value in pairs(row.labels or {}) do
        changes[#changes + 1] = value and ("%s=%s"):format(name, value) or name .. "="
    end
    table.sort(changes)
    if row.parent then
        table.insert(changes, 1, "parent " .. row.parent)
    end
    return "rewrite " .. table.concat(changes, " ")
end

local SAID = {
    deny = function(row) return ("deny %s: %s"):format(row.kind, row.text) end,
    defer = function(row) return ("defer %g s"):format(row.seconds_asked) end,
    exists = function(row) return "exists: " .. row.text end,
    rewrite = rewritten,
}

local function opinion(row)
    if row.breaker == "off" then
        return "off: it failed too often"
    elseif not row.matched then
        return "does not match"
    elseif row.failed then
        return "failed: " .. row.failed
    elseif SAID[row.verdict] then
        return SAID[row.verdict](row)
    end
    return row.phase == "around" and "not asked" or "no opinion"
end

--- What asking cost. Instructions are counted where there is a sandbox, in hundreds.
local function cost(row)
    if not row.seconds then
        return "", "", ""
    end
    local instructions = row.bytes and (row.instructions or 0)
    return instructions and (instructions < 100 and "<100" or text.count(instructions)) or "",
        ("%.0f"):format(row.seconds * 1e6), row.bytes and text.count(row.bytes) or ""
end

local function result_line(result, asked)
    if result.verdict then
        return ("%s by '%s': %s"):format(result.verdict == "deny" and "denied" or result.verdict, result.hook,
            result.verdict == "defer" and ("come again in %g s"):format(result.seconds)
            or ("%s: %s"):format(result.kind, result.text))
    end
    local labels = {}
    for name, value in pairs(result.labels or {}) do
        labels[#labels + 1] = ("%s=%s"):format(name, value)
    end
    table.sort(labels)
    return "allowed" .. (#labels > 0 and ", with " .. table.concat(labels, " ") or "")
        .. (asked == 0 and ": no hook and no label policy is about it" or "")
end

--- Prints what hooks said to a request.
---@param out   moonsnap.cli.Output
---@param store moonsnap.Store
---@param found {hooks: moonsnap.hooks.Explained[], result: table}
function M.print(out, store, found)
    local files, rows = {}, {}
    for i, row in ipairs(found.hooks) do
        files[i] = row.file or ""
    end
    local name_of = M.names(store, files)
    for i, row in ipairs(found.hooks) do
        local instructions, us, bytes = cost(row)
        rows[i] = { row.phase, text.plain(row.name), name_of(row.file), instructions, us, bytes,
            text.plain(opinion(row)) }
    end
    if #rows > 0 then
        out:table({ "PHASE", "HOOK", "FILE", "INSTR", "US", "BYTES", "VERDICT" }, rows,
            { [4] = true, [5] = true, [6] = true })
    end
    out:line(text.plain(result_line(found.result, #rows)))
end

local function options_of(file)
    local words = {}
    for name, option in pairs(file.options or {}) do
        words[#words + 1] = (" %s=%s"):format(name, tostring(option.value))
    end
    table.sort(words)
    return table.concat(words)
end

--- Hooks that have failed in this process, which is a service's.
local function print_failures(out, hooks)
    for _, hook in ipairs(hooks) do
        if (hook.failures or 0) > 0 then
            out:line(text.plain(("hook '%s' has failed %s%s%s"):format(hook.name,
                hook.failures == 1 and "once" or text.count(hook.failures) .. " times",
                hook.breaker == "off" and " and is off" or "",
                hook.last_failure and ", last: " .. hook.last_failure or "")))
        end
    end
end

--- Prints what a policy consists of.
---@param out   moonsnap.cli.Output
---@param store moonsnap.Store
---@param found {files: table[], hooks: table[], rules: table[]}
function M.print_policy(out, store, found)
    local paths, rows = {}, {}
    for _, file in ipairs(found.files) do
        paths[#paths + 1] = file.path
    end
    local name_of = M.names(store, paths)
    for _, file in ipairs(found.files) do
        rows[#rows + 1] = { "file", name_of(file.path), "", text.plain(file.path .. options_of(file)) }
    end
    for _, hook in ipairs(found.hooks) do
        rows[#rows + 1] = { hook.phase, text.plain(hook.name), name_of(hook.file), M.verbs(hook.on) }
    end
    for _, rule in ipairs(found.rules) do
        rows[#rows + 1] = { "rule", text.plain(rule.name), name_of(rule.file), "" }
    end
    if #rows > 0 then
        out:table({ "WHAT", "NAME", "FILE", "ON" }, rows)
        print_failures(out, found.hooks)
    else
        out:say("this store has no policy")
    end
end

return M
