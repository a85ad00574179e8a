--- A rule that is not understood as it was meant lets nothing go, and is told before it is in force.
local command = require "spec.support.command"
local presets = require "moonsnap.gc.presets"
local rules = require "moonsnap.gc.rules"
local tree = require "spec.support.tree"
local world = require "spec.support.world"

--- What `policy check` and `config check` say of a policy.
local function checked(text)
    local home <close> = world.bare()
    tree.write(home.dir .. "/p.lua", text, 384)
    local moonsnap = command.on(home.root)
    return moonsnap("policy", "check", home.dir .. "/p.lua").err, moonsnap("config", "check", home.dir .. "/p.lua").out
end

describe("a match of a rule", function()
    for match, why in pairs {
        ["scratch"] = "'scratch': unknown field 'scratch'",
        ["labls.class==x"] = "'labls.class==x': unknown field 'labls': did you mean 'labels'?",
        ["labels"] = "'labels': labels.NAME expected",
        ["age"] = "'age': age is compared with >, >=, < or <=",
        ["kind==comitted"] = "no kind 'comitted' (active, view, committed)",
    } do
        it(("is refused where no snapshot could have that: %s"):format(match), function()
            assert.same({ n = 2, nil, "match: " .. why },
                table.pack(rules.check { name = "r", match = match, min_age = 1 }))
        end)
    end

    it("may be all that there is", function()
        for _, match in ipairs {
            "", "name", "parent", "tag", 'labels."a.b"~=/x/', "name~=^ci/,idle>=7d", "kind!=view",
        } do
            assert.is_true(rules.check { name = "r", match = match, min_age = 1 }, match)
        end
    end)

    it("is parsed when the file is loaded, not when it is first collected", function()
        local check, config = checked [[retention { rule { "r", match = "labels.a=1", min_age = "1h" } }]]
        assert.matches("p.lua:1: rule 'r': match: filters: parse error", check)
        assert.matches("p.lua:1: rule 'r': match: filters: parse error", config)
    end)

    it("may be about a name", function()
        local _, config = checked [[retention { rule { "r", match = "name==base", min_age = "1h" } }]]
        assert.matches("policy of 1 file: fine", config)
    end)
end)

describe("a preset", function()
    for name, words in pairs {
        restic = { keep_daily = 7, keep_weakly = 4 }, btrbk = { preserve_min = "2d", preserv = "14d" },
        snapper = { TIMELINE_CLEANUP = "yes", TIMELINE_LIMIT_DAYLY = "7" }, sanoid = { hourly = 36, daly = 30 },
        buildkit = { { all = true, maxUsedSpce = "80%" } }, containerd_marks = { snapshoter = "overlayfs" },
    } do
        it(("refuses a word that its tool does not have: %s"):format(name), function()
            assert.error_matches(function() presets[name](words) end, name .. ": unknown word '.*': did you mean '.*'")
        end)
    end

    it("takes the words of a btrbk.conf as they stand there", function()
        assert.same(presets.btrbk { preserve_min = "2d", preserve = "14d" },
            presets.btrbk { snapshot_preserve_min = "2d", snapshot_preserve = "14d" })
        assert.error_matches(function()
            presets.btrbk { snapshot_preserve_min = "2d", target_preserve_min = "no" }
        end, "preserve_min is there twice")
    end)

    it("prunes nothing that its tool would not prune", function()
        assert.error_matches(function() presets.sanoid { hourly = 1, autoprune = "no" } end, "autoprune is not yes")
        assert.error_matches(function() presets.snapper { SPACE_LIMIT = "0.5" } end, "neither NUMBER_CLEANUP")
        local made = presets.snapper { NUMBER_CLEANUP = "yes", SPACE_LIMIT = "0.5" }
        assert.same({ "labels.cleanup==number" }, made[#made].match)
    end)

    it("that nobody knows is told with the one that is near", function()
        assert.matches("p.lua:1: unknown preset 'resic': did you mean 'restic'?",
            (checked [[retention { preset.resic { keep_daily = 7 } }]]), 1, true)
    end)
end)
