--- Arguments of Control that are no JSON object in ways that a parser may stumble over.
local caller = require "spec.support.caller"
local service = require "spec.support.service"

describe("Control", function()
    it("refuses what is nested too deep, and what goes on behind the object", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "one" })
        for _, arguments in ipairs { ("["):rep(100000), ('{"a":'):rep(100000), "{} {}", "{} x", "[", "\255" } do
            local ok, err = pcall(function()
                local reply = to:stream("/moonsnap.v1.Control/Call", "moonsnap.v1.CallRequest",
                    { verb = "namespaces", arguments = arguments }, "moonsnap.v1.CallResponse")
                return reply()
            end)
            assert.same({ false, "invalid_argument" }, { ok, err and err.kind }, arguments:sub(1, 20))
        end
    end)

    it("takes blanks around it", function()
        local served <close> = service.start { mode = "direct" }
        local to <close> = caller.new(served.address, { ["containerd-namespace"] = "one" })
        local reply = to:stream("/moonsnap.v1.Control/Call", "moonsnap.v1.CallRequest",
            { verb = "namespaces", arguments = " {} \n" }, "moonsnap.v1.CallResponse")
        assert.is_nil(reply())
    end)
end)
