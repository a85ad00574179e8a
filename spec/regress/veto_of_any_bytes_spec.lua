--- What a hook said was stored as it was: a text that was no UTF-8 ended every collection, and nothing was removed any
--- more. The name of a group ended every plan alike.
local expect = require "spec.support.expect"
local moonsnap = require "moonsnap"
local world = require "spec.support.world"

--- a and b, which a rule takes, and three others.
local function filled()
    local home = world.new()
    for _, name in ipairs { "a", "b", "c", "d", "e" } do
        assert(home.store:prepare("w"))
        assert(home.store:commit(name, "w", { labels = { class = name < "c" and "old" or "new" } }))
    end
    return home, home.store
end

describe("a collection", function()
    it("goes on past a hook whose text is no UTF-8", function()
        local home <close>, store = filled()
        assert(store:hook { "keeps", on = "evict", match = "key==a", run = function()
            return moonsnap.verdict.deny("aborted", "no \xff bytes")
        end })
        local gc = store:gc { { name = "old", match = "labels.class==old", expire = { ttl = 0 } } }
        local plan = assert(gc:plan())
        local done = assert(gc:apply(plan.id))
        assert.same({ 1, 1 }, { done.removed, done.vetoed })
        assert.is_truthy(done.skipped[1].text:find("no \u{FFFD} bytes", 1, true), done.skipped[1].text)
        assert.equal("gone", home and not store:stat("b") and "gone")
    end)

    it("is planned with groups whose names are no UTF-8", function()
        local home <close>, store = filled()
        local plan = assert(store:gc { { name = "old", match = "labels.class==old", expire = { ttl = 0 },
            group_by = function() return "\xff" end, monitor = { min_count = 5 } } }:plan())
        assert.is_truthy(plan.id and home)
    end)

    it("says which rule has a name that is no text", function()
        local home <close>, store = filled()
        for _, name in ipairs { "old\xff", "nul\0byte" } do
            expect.fails_saying("invalid_argument", "name: a text expected, in UTF-8",
                store:gc({ { name = name, expire = { ttl = 0 } } }):plan())
        end
        assert(home)
    end)
end)
