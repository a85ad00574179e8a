--- The rules of the house, held against the files themselves.
local moonsnap = require "moonsnap"
local process = require "spec.support.process"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

--- Paths below dir whose name matches pattern.
local function files(dir, pattern, out)
    out = out or {}
    for _, name in ipairs(tree.exists(dir) and tree.list(dir) or {}) do
        local path = dir .. "/" .. name
        if tree.lstat(path).st_mode & 61440 == 16384 then
            files(path, pattern, out)
        elseif name:find(pattern) then
            out[#out + 1] = path
        end
    end
    return out
end

local function lines(path)
    local all = {}
    for line in io.lines(path) do
        all[#all + 1] = line
    end
    return all
end

--- Collects "path: what" for each line (or file) that breaks a rule; a rule answers what is wrong.
local function broken(paths, rule)
    local found = {}
    for _, path in ipairs(paths) do
        for number, line in ipairs(lines(path)) do
            local what = rule(line, path)
            if what then
                found[#found + 1] = ("%s:%d: %s"):format(path, number, what)
            end
        end
    end
    return found
end

local C = files("src", "%.[ch]$")
local HEADERS = files("src", "%.h$")
local LUA = files("lua", "%.lua$")
local SPECS = files("spec", "%.lua$")

local FLOORS = { base = 0, sys = 1, rpc = 1, engine = 2, archive = 2, bind = 3 }

--- Which directory may include which system header; all others may not.
local OWNERS = {
    ["lua%.h"] = "bind", ["lauxlib%.h"] = "bind", ["lualib%.h"] = "bind", ["sqlite3%.h"] = "engine",
    ["pcre2%.h"] = "engine", ["archive%.h"] = "archive", ["archive_entry%.h"] = "archive",
    ["nghttp2/nghttp2%.h"] = "rpc", ["protobuf%-c/protobuf%-c%.h"] = "bind", [".*%.pb%-c%.h"] = "bind",
}

local function part_of(path)
    return path:match("^src/([^/]+)/")
end

describe("the house, in C:", function()
    it("there are files to look at", function()
        assert.is_true(#C > 40 and #LUA > 5 and #SPECS > 10)
    end)

    it("a file includes its own floor and those below", function()
        assert.same({}, broken(C, function(line, path)
            local part = line:match('^%s*#include "([^/"]+)/')
            if part and (not FLOORS[part] or FLOORS[part] > FLOORS[part_of(path)]) then
                return "includes " .. part
            end
        end))
    end)

    it("the engine does not know the archive", function()
        assert.same({}, broken(files("src/engine", "%.[ch]$"), function(line)
            return line:find('#include "archive/', 1, true) and line
        end))
    end)

    it("includes of ours are written from src", function()
        assert.same({}, broken(C, function(line)
            local name = line:match('^%s*#include "([^"]+)"')
            return name and not tree.exists("src/" .. name) and name
        end))
    end)

    it("each library is included by the floor that owns it", function()
        assert.same({}, broken(C, function(line, path)
            for header, owner in pairs(OWNERS) do
                if line:find("^%s*#include <" .. header .. ">") and part_of(path) ~= owner then
                    return line
                end
            end
        end))
    end)

    it("no goto, no typedef of a struct, no stub left", function()
        assert.same({}, broken(C, function(line)
            local words = { "%f[%w_]goto%f[^%w_]", "^typedef struct", "TODO", "FIXME", "XXX" }
            for _, word in ipairs(words) do
                if line:find(word) and not line:find("^%s*%*") then
                    return line
                end
            end
        end))
    end)

    it("a line has at most 100 columns", function()
        assert.same({}, broken(C, function(line) return utf8.len(line) and utf8.len(line) > 100 and line end))
    end)

    it("a file has at most 450 lines", function()
        local long = {}
        for _, path in ipairs(C) do
            local count = #lines(path)
            long[#long + 1] = count > 450 and ("%s: %d"):format(path, count) or nil
        end
        assert.same({}, long)
    end)

    it("a header begins with its name and says what it is for", function()
        local mute = {}
        for _, path in ipairs(HEADERS) do
            local first = lines(path)[1] or ""
            local named = first:find("/* " .. path:match("[^/]+$") .. " - ", 1, true) == 1
            mute[#mute + 1] = not named and path or nil
        end
        assert.same({}, mute)
    end)

    it("a header is included once", function()
        local open = {}
        for _, path in ipairs(HEADERS) do
            open[#open + 1] = not tree.read(path):find("\n#pragma once\n", 1, true) and path or nil
        end
        assert.same({}, open)
    end)

    it("a C file has a header, of its own, of its family, or one that names it", function()
        local orphans = {}
        for _, path in ipairs(files("src", "%.c$")) do
            local dir, name = path:match("^(.*)/([^/]+)%.c$")
            local known = tree.exists(("%s/%s.h"):format(dir, name)) or
                tree.exists(("%s/%s.h"):format(dir, name:match("^[^_]+")))
            for _, header in ipairs(files(dir, "%.h$")) do
                known = known or tree.read(header):find(name .. ".c", 1, true) ~= nil or
                    tree.read(header):find("ms_driver_" .. name, 1, true) ~= nil
            end
            orphans[#orphans + 1] = not known and path or nil
        end
        assert.same({}, orphans)
    end)

    it("what a header offers is called ms_ or MS_", function()
        assert.same({}, broken(HEADERS, function(line)
            local name = line:match("^[%a][%w_ ]*[ *]([%a_][%w_]*)%(")
            return name and not line:find("^%s*static inline") and not name:find("^ms_") and
                not name:find("^luaopen_") and name
        end))
    end)

    it("the module exports one symbol", function()
        local path = assert(package.searchpath("moonsnap.core", package.cpath))
        local exported = {}
        for name in process.must("nm", "-D", "--defined-only", path):gmatch("%x+ [TDBRVW] ([%w_]+)") do
            if not name:find("^__odr_asan") and not name:find("^__asan") and not name:find("^_[ief]") then
                exported[#exported + 1] = name
            end
        end
        assert.same({ "luaopen_moonsnap_core" }, exported)
    end)
end)

describe("the house, in Lua:", function()
    it("only init.lua requires moonsnap.core", function()
        local found = broken(LUA, function(line, path)
            return path ~= "lua/moonsnap/init.lua" and line:find("require[%s(]*[\"']moonsnap%.core") and line
        end)
        assert.same({}, found)
    end)

    it("a file has at most 300 lines, or is types.lua", function()
        local long = {}
        for _, path in ipairs(LUA) do
            local count = #lines(path)
            long[#long + 1] = count > 300 and not path:find("types%.lua$") and ("%s: %d"):format(path, count) or nil
        end
        assert.same({}, long)
    end)

    it("a line has at most 120 columns", function()
        local all = table.move(SPECS, 1, #SPECS, #LUA + 1, table.move(LUA, 1, #LUA, 1, {}))
        assert.same({}, broken(all, function(line) return (utf8.len(line) or #line) > 120 and line end))
    end)

    it("a module begins by saying what it is", function()
        local mute = {}
        for _, path in ipairs(LUA) do
            local first = lines(path)[1] or ""
            mute[#mute + 1] = not first:find("^%-%-%-") and path or nil
        end
        assert.same({}, mute)
    end)
end)

--- Names of `function Class:name` and `Class.name` in types.lua.
local function typed(class)
    local names = {}
    for line in io.lines("lua/moonsnap/types.lua") do
        local name = line:match("^function " .. class .. "[:.]([%w_]+)%(")
        if name then
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return names
end

local function functions_of(object)
    local names = {}
    for name, value in pairs(object) do
        if type(value) == "function" and not name:find("^_") then
            names[#names + 1] = name
        end
    end
    table.sort(names)
    return names
end

local function kinds_in(path, pattern)
    local kinds = {}
    for word in tree.read(path):gmatch(pattern) do
        kinds[#kinds + 1] = word:lower()
    end
    table.sort(kinds)
    return kinds
end

describe("what is written down", function()
    it("types.lua describes exactly the methods of a store", function()
        local home <close> = world.new()
        assert.same(typed("Store"), functions_of(getmetatable(home.store).__index))
    end)

    it("types.lua describes exactly the functions of the module", function()
        assert.same(typed("moonsnap"), functions_of(moonsnap))
    end)

    it("types.lua names every error kind of the engine", function()
        local engine = kinds_in("src/base/err.h", "\n    MS_(%u[%u_]+) = %-")
        local alias = tree.read("lua/moonsnap/types.lua"):match("@alias moonsnap%.ErrorKind\n(.-)\n\n")
        local named = {}
        for word in alias:gmatch('"([%l_]+)"') do
            named[#named + 1] = word
        end
        table.sort(named)
        assert.same(engine, named)
    end)

    it("the pages explain every error kind", function()
        local text = ""
        for _, path in ipairs(files("docs", "%.md$")) do
            text = text .. tree.read(path)
        end
        local missing = {}
        for _, kind in ipairs(kinds_in("src/base/err.h", "\n    MS_(%u[%u_]+) = %-")) do
            missing[#missing + 1] = not text:find("`" .. kind .. "`", 1, true) and kind or nil
        end
        assert.same({}, missing)
    end)

    it("the pages and the README name only verbs of the command that exist", function()
        local paths = files("docs", "%.md$")
        paths[#paths + 1] = tree.exists("README.md") and "README.md" or nil
        local unknown = broken(paths, function(line)
            for verb in line:gmatch("`moonsnap ([%l]+)") do
                local known = verb == "help" or verb == "version" or
                    tree.exists(("lua/moonsnap/cli/verb/%s.lua"):format(verb))
                if not known then
                    return verb
                end
            end
        end)
        assert.same({}, unknown)
    end)

    it("the pages and the README call only methods that exist", function()
        local home <close> = world.new()
        local methods = getmetatable(home.store).__index
        local connected = require "moonsnap.client.control"
        local paths = files("docs", "%.md$")
        paths[#paths + 1] = tree.exists("README.md") and "README.md" or nil
        assert.same({}, broken(paths, function(line)
            for name in line:gmatch("store:([%l_]+)") do
                if not methods[name] and not connected[name] then
                    return name
                end
            end
        end))
    end)
end)
