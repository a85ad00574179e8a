local expect = require "spec.support.expect"
local needs = require "spec.support.needs"
local process = require "spec.support.process"
local tar = require "spec.support.tar"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

local fails = expect.fails

--- Imports a tar of these entries as "it".
local function import(home, entries, options)
    return home.store:import("it", tar.write(home.dir .. "/it.tar", entries), options)
end

describe("progress of an import", function()
    local function many(count)
        local entries = {}
        for i = 1, count do
            entries[i] = { ("f%d"):format(i), "x" }
        end
        return entries
    end

    it("tells how many entries and bytes are done", function()
        local home <close> = world.new()
        local last
        assert(import(home, many(300), { progress = function(done) last = done end }))
        assert.same({ 300, true }, { last.entries, last.bytes > 300 * 512 })
    end)

    it("cancels by returning false", function()
        local home <close> = world.new()
        fails("canceled", import(home, many(300), { progress = function() return false end }))
    end)

    it("leaves nothing of what it canceled", function()
        local home <close> = world.new()
        import(home, many(300), { progress = function() return false end })
        assert.same({ {}, {}, {} }, { expect.names(home.store:walk()), tree.list(home.root .. "/new"),
            tree.list(home.root .. "/layers") })
    end)

    it("raises what progress raises, and leaves nothing", function()
        local home <close> = world.new()
        local ok, why = pcall(import, home, many(300), { progress = function() error("enough", 0) end })
        assert.same({ false, "enough", {} }, { ok, why, tree.list(home.root .. "/new") })
    end)
end)

--- Peak memory of this process so far, in KiB.
local function peak()
    return tonumber(tree.read("/proc/self/status"):match("VmHWM:%s+(%d+)"))
end

describe("a million empty entries #slow", function()
    --- Streams them through a pipe to a child that imports, and answers what the child printed.
    local function stream(home, text)
        local script = ([[
            local tar, out = require "spec.support.tar", io.stdout
            for d = 1, 1000 do
                local parts = {}
                for f = 1, 1000 do parts[f] = tar.entry { ("d%%d/f%%d"):format(d, f) } end
                assert(out:write(table.concat(parts)))
            end
            out:write(tar.END)
        ]]):gsub("%%%%", "%%")
        tree.write(home.dir .. "/make.lua", script)
        local command = ("lua5.4 '%s/make.lua' 2>/dev/null | lua5.4 %s script '%s' '%s'"):format(home.dir,
            process.WORKER, home.root, text)
        return process.run({ "sh", "-c", command }, { ASAN_OPTIONS = process.asan_options() })
    end

    it("take bounded memory", needs.disks(function()
        local home <close> = world.bare()
        local disk <close> = home:tmpfs("size=4g,nr_inodes=0")
        home.root = disk.at .. "/r"
        local output = stream(home, [[
            local imported = assert(store:import("it", io.stdin))
            print("entries", imported.entries)
            for line in io.lines("/proc/self/status") do print(line) end
        ]])
        assert.equal("1000000", output:match("entries%s+(%d+)"), output)
        local size = tonumber(output:match("VmHWM:%s+(%d+)"))
        assert.is_true(size < 64 * 1024, size .. " KiB")
    end))

    it("can be canceled in the middle", needs.mounts(function()
        local home <close> = world.bare()
        local output = stream(home, [[
            local _, err = store:import("it", io.stdin, {
                progress = function(done) return done.entries < 5000 end,
            })
            print(err.kind)
        ]])
        assert.is_truthy(output:find("canceled", 1, true), output)
    end))
end)

describe("an import of large content", function()
    it("takes bounded memory", function()
        local home <close> = world.new()
        process.must("truncate", "-s", "96M", home.dir .. "/big")
        process.must("tar", "-cf", home.dir .. "/t.tar", "-C", home.dir, "big")
        local before = peak()
        assert(home.store:import("it", home.dir .. "/t.tar"))
        assert.is_true(peak() - before < 32 * 1024)
    end)
end)
