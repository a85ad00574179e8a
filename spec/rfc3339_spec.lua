--- Times as labels write them.

local rfc3339 = require "moonsnap.rfc3339"

local SECOND = 1000000000

describe("rfc3339.parse(text)", function()
    it("reads what date(1) says of the same moment", function()
        for text, seconds in pairs {
            ["1970-01-01T00:00:00Z"] = 0, ["2026-11-24T18:00:00Z"] = 1795543200, ["2000-02-29T12:34:56Z"] = 951827696,
            ["1969-12-31T23:59:59Z"] = -1, ["2026-11-24T18:00:00+01:30"] = 1795537800,
            ["2026-11-24t18:00:00-08:00"] = 1795572000,
        } do
            assert.equal(seconds * SECOND, rfc3339.parse(text), text)
        end
    end)

    it("reads parts of a second to the nanosecond", function()
        assert.equal(1500000000, rfc3339.parse("1970-01-01T00:00:01.5Z"))
        assert.equal(1, rfc3339.parse("1970-01-01T00:00:00.0000000019Z"))
    end)

    it("knows what is no time", function()
        for _, text in ipairs { "", "now", "2026-11-24", "2026-11-24T18:00:00", "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T18:00:00+25:00", "9999-01-01T00:00:00Z",
            "2026-11-24T18:00:00.Z", "2026-11-24T18:00:00ZZ" } do
            assert.is_nil(rfc3339.parse(text), text)
        end
    end)
end)

describe("rfc3339.format(ns)", function()
    it("writes what parse reads", function()
        for _, seconds in ipairs { 0, 951827696, 1795543200, -1, 4102444800 } do
            assert.equal(seconds * SECOND, rfc3339.parse(rfc3339.format(seconds * SECOND)))
        end
        assert.equal("2026-11-24T18:00:00Z", rfc3339.format(1795543200 * SECOND + 7))
    end)
end)
