--- Durations and sizes as people write them.

local units = require "moonsnap.units"

describe("units.parse_duration(value)", function()
    it("reads each unit in seconds", function()
        for text, seconds in pairs {
            ["90s"] = 90, ["15m"] = 900, ["6h"] = 21600, ["7d"] = 604800, ["2w"] = 1209600, ["1mo"] = 2592000,
            ["1y"] = 31536000, ["250ms"] = 0.25, ["0s"] = 0,
        } do
            assert.equal(seconds, units.parse_duration(text), text)
        end
    end)

    it("adds up several units", function()
        assert.equal(129600, units.parse_duration("1d12h"))
        assert.equal(129600, units.parse_duration("1d 12 h"))
    end)

    it("takes a part of a unit", function()
        assert.equal(5400, units.parse_duration("1.5h"))
    end)

    it("takes a number as seconds, whole ones as integers", function()
        assert.equal("integer", math.type(units.parse_duration(60.0)))
        assert.equal(0.5, units.parse_duration(0.5))
    end)

    it("refuses what is none, and shows how one is written", function()
        for _, value in ipairs { "", "7", "7x", "-1d", "d", "1d12", "1 d\0", -1, 0 / 0, math.huge, true, {}, "1e9y",
            ("9"):rep(400) .. "y" } do
            local seconds, wrong = units.parse_duration(value)
            assert.is_nil(seconds, tostring(value))
            assert.matches("is no duration: ", wrong)
        end
    end)
end)

describe("units.parse_size(value, of)", function()
    it("reads binary and decimal units in bytes", function()
        for text, bytes in pairs {
            ["10GiB"] = 10 << 30, ["10G"] = 10 << 30, ["500MB"] = 500000000, ["4096"] = 4096, ["17B"] = 17,
            ["1.5K"] = 1536, ["512KiB"] = 524288, ["2 TiB"] = 2 << 40, ["1kB"] = 1000, ["1Ki"] = 1024,
        } do
            assert.equal(bytes, units.parse_size(text), text)
            assert.equal("integer", math.type(units.parse_size(text)))
        end
    end)

    it("reads a share of what it is of", function()
        assert.equal(100, units.parse_size("10%", 1000))
        assert.equal(5, units.parse_size("0.5%", 1000))
    end)

    it("refuses a share where there is nothing to share, and one above all", function()
        assert.is_nil(units.parse_size("10%"))
        assert.is_nil(units.parse_size("101%", 1000))
    end)

    it("refuses what is none, and shows how one is written", function()
        for _, value in ipairs { "", "GiB", "10 apples", "-1", "1iB", "10GiBs", "1e3", -1, 1.5, 0 / 0, false,
            ("9"):rep(400) } do
            local bytes, wrong = units.parse_size(value)
            assert.is_nil(bytes, tostring(value))
            assert.matches("is no size: ", wrong)
        end
    end)

    it("shows only the beginning of a long text", function()
        local _, wrong = units.parse_size(("x"):rep(10 << 20))
        assert.is_true(#wrong < 200)
    end)
end)

describe("units.format_duration(seconds)", function()
    it("names the two largest units", function()
        for seconds, text in pairs { [90] = "1m30s", [129600] = "1d12h", [604800] = "7d", [0.25] = "250ms",
            [0] = "0ms", [86401] = "1d", [3600] = "1h", [31536000] = "1y" } do
            assert.equal(text, units.format_duration(seconds))
        end
    end)

    it("writes what parse_duration reads", function()
        for _, seconds in ipairs { 1, 59, 60, 3600, 5400, 86400, 90000 } do
            assert.equal(seconds, units.parse_duration(units.format_duration(seconds)))
        end
    end)
end)

describe("units.format_size(bytes)", function()
    it("names the largest binary unit that says it exactly", function()
        for bytes, text in pairs { [17] = "17B", [1536 << 10] = "1536KiB", [10 << 30] = "10GiB", [0] = "0B",
            [1000000] = "1000000B" } do
            assert.equal(text, units.format_size(bytes))
            assert.equal(bytes, units.parse_size(text))
        end
    end)
end)
