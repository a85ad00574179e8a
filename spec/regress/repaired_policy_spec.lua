--- A policy that was repaired is asked at once after a reload: its hook is not off for what the broken one did.
local dkjson = require "dkjson"
local moonsnap = require "moonsnap"
local policed = require "spec.support.policed"
local process = require "spec.support.process"
local service = require "spec.support.service"

local function hook(body)
    return ('hook { "shaky", on = "prepare", run = function() %s end }'):format(body)
end

local function reload(served)
    local reloading = process.start { "bin/moonsnap", "reload", "--address", served.address }
    local text = reloading:finish()
    assert(text:find("reloaded", 1, true), text)
end

describe("a hook that was switched off, and repaired", function()
    it("is asked behind the next reload, and goes on counting, on whatever line it stands", function()
        local served = service.new { mode = "direct" }
        policed.write(served.root, hook "for _ = 1, 150000 do end error('out of order')")
        local _ending <close> = served:start()
        local store <close> = assert(moonsnap.connect { address = served.address })
        local made, err
        for i = 1, 6 do
            made, err = store:prepare("a" .. i)
        end
        assert.is_nil(made)
        assert.is_truthy(err.message:find("is off after 5 failures", 1, true), err.message)
        policed.write(served.root, "-- repaired\n" .. hook "return nil")
        reload(served)
        assert(store:prepare("a"))
        local status = process.start { "bin/moonsnap", "policy", "ls", "--json", "--address", served.address }
        local hooks = {}
        for _, row in ipairs(dkjson.decode((status:finish())).hooks) do
            hooks[row.name] = row
        end
        assert.same({ 5, 6 }, { hooks.shaky.failures, hooks.shaky.calls })
    end)
end)
