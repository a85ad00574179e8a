--- engine:event_lines: one event is one line, also when its data were written on several.
local dkjson = require "dkjson"
local world = require "spec.support.world"

describe("an event whose data have several lines", function()
    it("is one line", function()
        local home <close> = world.new()
        local engine = home.store.engine
        assert(engine:add_event("default", "/moonsnap/x", nil, '{\n "a": "b\\nc",\r\n "d": [\n1]}'))
        assert(engine:add_event("default", "/moonsnap/y", nil, "{}"))
        local lines = {}
        for line in engine:event_lines(-1, 10):gmatch "[^\n]+" do
            lines[#lines + 1] = assert(dkjson.decode(line))
        end
        assert.equal(2, #lines)
        assert.same({ a = "b\nc", d = { 1 } }, lines[1].data)
        assert.equal("/moonsnap/y", lines[2].topic)
    end)
end)
