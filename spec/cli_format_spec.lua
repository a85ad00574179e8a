--- What the command's text is made of: pure functions.
local forest = require "moonsnap.cli.forest"
local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"

describe("text.size(bytes)", function()
    local CASES = {
        { 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" }, { 1536, "1.5 KiB" }, { 1048575, "1.0 MiB" },
        { 1 << 20, "1.0 MiB" }, { 5 << 30, "5.0 GiB" }, { math.maxinteger, "8.0 EiB" },
    }
    for _, case in ipairs(CASES) do
        it(("writes %d as %s"):format(case[1], case[2]), function()
            assert.equal(case[2], text.size(case[1]))
        end)
    end
end)

describe("text.count(number)", function()
    for number, words in pairs { [0] = "0", [999] = "999", [1000] = "1,000", [1234567] = "1,234,567" } do
        it(("writes %d as %s"):format(number, words), function()
            assert.equal(words, text.count(number))
        end)
    end
end)

describe("text.several(number, one, many)", function()
    it("has one of one", function()
        assert.equal("1 entry", text.several(1, "entry", "entries"))
    end)

    it("has many of none", function()
        assert.equal("0 entries", text.several(0, "entry", "entries"))
    end)

    it("adds an s when no plural is given", function()
        assert.equal("2 names", text.several(2, "name"))
    end)
end)

describe("text.instant(ns)", function()
    it("is RFC 3339 in UTC with nanoseconds", function()
        assert.equal("2001-09-09T01:46:40.000000007Z", text.instant(1000000000000000007))
    end)
end)

describe("text.plain(text)", function()
    local CASES = {
        { "plain", "plain" }, { "größe €", "größe €" }, { "two\nlines", "two\\x0alines" },
        { "\27[31m", "\\x1b[31m" }, { "bad\xffbyte", "bad\\xffbyte" }, { "\xff", "\\xff" },
        { "\xc2\x9b", "\\xc2\\x9b" },
        { "\xf0\x9f\x8c\x99 moon", "\xf0\x9f\x8c\x99 moon" }, { "", "" }, { "cut\xe2\x82", "cut\\xe2\\x82" },
    }
    for _, case in ipairs(CASES) do
        it(("writes '%s' for what is that"):format(case[2]), function()
            assert.equal(case[2], text.plain(case[1]))
        end)
    end
end)

describe("text.shell(word)", function()
    it("leaves plain words", function()
        assert.equal("/a/b-1.tar:x=y", text.shell("/a/b-1.tar:x=y"))
    end)

    it("quotes what a shell would read otherwise", function()
        assert.equal([['it'\''s $x']], text.shell("it's $x"))
    end)

    it("quotes nothing at all", function()
        assert.equal("''", text.shell(""))
    end)
end)

describe("text.columns(rows, right)", function()
    it("aligns to the widest cell, without spaces at the end", function()
        assert.same({ "a    b", "ccc  d" }, text.columns { { "a", "b" }, { "ccc", "d" } })
    end)

    it("aligns numbers to the right", function()
        assert.same({ "  1  x", "100  y" }, text.columns({ { "1", "x" }, { "100", "y" } }, { true }))
    end)

    it("counts characters, not bytes", function()
        assert.same({ "ä    x", "bbb  y" }, text.columns { { "ä", "x" }, { "bbb", "y" } })
    end)

    it("does not count colours", function()
        assert.same({ "\27[1mA\27[0m    x", "bbb  y" }, text.columns { { "\27[1mA\27[0m", "x" }, { "bbb", "y" } })
    end)
end)

describe("forest.branches(infos, top)", function()
    local function info(number, name, parent)
        return { number = number, name = name, parent = parent or "" }
    end

    local function drawn(...)
        local lines = {}
        for number, branch in ipairs(forest.branches(...)) do
            lines[number] = branch.lead .. branch.info.name
        end
        return lines
    end

    local INFOS = {
        info(5, "e", "b"), info(1, "a"), info(2, "b", "a"), info(3, "c", "a"), info(4, "d", "b"), info(6, "f"),
    }

    it("draws children below their parents, oldest first", function()
        assert.same({ "a", "├─ b", "│  ├─ d", "│  └─ e", "└─ c", "f" }, drawn(INFOS))
    end)

    it("draws only what stands on top", function()
        assert.same({ "b", "├─ d", "└─ e" }, drawn(INFOS, "b"))
    end)

    it("draws a snapshot whose parent is not there as a root", function()
        assert.same({ "x" }, drawn { info(1, "x", "gone") })
    end)

    it("draws a chain of 500", function()
        local infos = { info(1, "1") }
        for number = 2, 500 do
            infos[number] = info(number, tostring(number), tostring(number - 1))
        end
        assert.equal(499, forest.branches(infos)[500].depth)
    end)
end)

describe("json", function()
    it("writes a snapshot's keys in one order", function()
        local info = { name = "n", parent = "", kind = "active", created = 0, updated = 0, labels = {} }
        assert.equal('{"name":"n","parent":"","kind":"active","created":"1970-01-01T00:00:00.000000000Z",'
            .. '"updated":"1970-01-01T00:00:00.000000000Z","labels":{}}', json.encode(json.snapshot(info)))
    end)

    it("writes an empty list as a list", function()
        assert.equal('{"removed":[]}', json.encode { removed = json.array {} })
    end)

    it("keeps the bytes of a path that is no UTF-8", function()
        local change = json.change { change = "added", path = "a\xff/b", type = "file", size = 1 }
        assert.equal("61ff2f62", change.path_hex)
        assert.equal("a\u{FFFD}/b", change.path)
    end)
end)
