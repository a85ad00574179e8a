--- Help had 100 columns on every terminal, which broke its words at 80; the console asked a pipe how wide it is.
local terminal = require "spec.support.terminal"

--- What the command writes on a terminal of so many columns, until text comes.
local function on(columns, words, text)
    local screen <close> = terminal.start({ "sh", "-c", ("stty cols %d; exec bin/moonsnap %s"):format(columns, words) },
        { COLUMNS = false, TERM = "xterm", NO_COLOR = "1", MOONSNAP_ROOT = "/nowhere" })
    return screen:await(text) .. text
end

local function widest(text)
    local most = 0
    for line in text:gmatch("[^\n]+") do
        most = math.max(most, utf8.len(line))
    end
    return most
end

describe("help on a terminal", function()
    for _, columns in ipairs { 60, 80 } do
        it(("fits %d columns, and so does the usage of a mistake"):format(columns), function()
            local help = on(columns, "help gc", "(critical).")
            local usage = on(columns, "gc --nix", "try: moonsnap help gc")
            assert.is_true(widest(help) <= columns and widest(help) > columns - 15, help)
            assert.is_true(widest(usage) <= columns, usage)
        end)
    end

    it("is no wider than is good to read", function()
        local most = widest(on(200, "help gc", "(critical)."))
        assert.is_true(most > 80 and most <= 100, most)
    end)
end)
