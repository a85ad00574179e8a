--- Random filters, most of them sound, and infos that they have a chance to match.
local M = {}

local KEYS = { "a", "b1", "a.b", "containerd.io/gc.root", "x y", "été", "q\"q", "_" }
local WORDS = {
    "a", "b1", "ab", "abc", "aB_9", "sha256:ab/c.d", "x==y", "omg_asdf.asdf-qwer", "", " ", "ab ab", "line\nbreak",
    "été", "日本", "K", "k", "ſ", "S", "\t", "a,b", "'a'", "a|b", "1.5", "[x]", "\u{1F600}z", "\\", "\u{A0}", "\v",
    "\f", "a\n", "\nb", "\u{212A}", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
}
local KINDS = { "active", "view", "committed" }
local ESCAPES = {
    "\\a", "\\n", "\\t", "\\\\", "\\101", "\\377", "\\400", "\\x41", "\\xff", "\\u00e9", "\\ud800", "\\U0001F600",
    "\\U00110000", "\\UFFFFFF41", "\\q", "\\0", "\\x4", "\\\"", "\\/", "\\|",
}
local NOISE = {
    "=", "!", "~", ",", ".", "\"", "/", "|", "\\", " ", "\t", "\n", "\0", "\xff", "\xc3", "\u{FFFD}", "a", "1", "-",
    "é", "\u{A0}", "\u{85}", "\u{200B}", "\u{2028}", "'", "*", "?", "(", ")", "[", "]", "{", "}", "^", "$",
    "+", "\x7f",
    "\x01", "E", "Q", "\u{D7FF}", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\u{0345}", "_", ":",
}
local CLASSES = {
    ".", "\\d", "\\D", "\\s", "\\S", "\\w", "\\W", "\\pL", "\\PL", "\\pN", "\\p{Greek}", "\\p{^Latin}",
    "\\P{Han}", "\\p{Lu}", "\\p{Ll}", "\\pZ", "\\p{C}", "\\P{C}", "\\p{Any}", "\\P{Any}", "\\p{Mn}", "\\pC",
    "\\p{Common}",
}
local BAD_CLASSES = {
    "\\p{greek}", "\\p{Foo}",
}
local ITEMS = {
    "a", "b", "a-c", "A-Z", "0-9", "\\d", "\\S", "\\W", "[:alpha:]", "[:^digit:]", "[:word:]", "[:punct:]",
    "[:ascii:]", "[:^ascii:]", "[:cntrl:]", "[:space:]", "[:^upper:]", "\\pL", "\\PN", "-", "\\n", "\\x41",
    "\\]", "^", "[", "é", "k", "ſ", "\\x{1F600}", "\\-", "\\P{Any}", "\\p{C}", "\\P{C}", "!-~",
}
local BAD_ITEMS = {
    "[:foo:]", "c-a", "\\b",
}
local ATOMS = {
    "a", "b", "ab", "abc", "B", "k", "S", "é", "日", " ", "-", ":", "_", "1", "\\.", "\\/", "\\n", "\\x41",
    "\\x{e9}", "\\101", "\\08", "\\_", "\\a", "\\Qa.b*\\E", "\\Q\\E", "\\Qx", "\\x{D800}", "]", "}", "{",
    "{,2}", "x{", "\\t", "=", ",", "\\-", "\\v", "a{1000}", "(ab|b){40}",
    "(a{40}|b){0,30}", "(a{40}|b){0,25}", "(a+)+$", "(?i)\\w", "(?i)\\W", "(?i)[[:^lower:]]", "(?m)^b", "(?m)a$",
    "(?m)^$", "\\s\\z", "\\z*", "^+", "\\n\\z", "(a|ab)(c|bcd)(d*)", "(?:^|b)+", "(|a)*", "(?i)\u{212A}",
}
local BAD_ATOMS = {
    "\\1", "\\8", "\\q", "\\E", "\\x{110000}", "\\xfg", "\\C", "\\Z",
}
local EDGES = { "^", "$", "\\A", "\\z", "\\b", "\\B" }
local REPEATS = {
    "*", "+", "?", "*?", "+?", "??", "{2}", "{0}", "{0,1}", "{1,}", "{1,3}?", "{01}", "{5}", "{,3}",
    "{0,}",
}
local BAD_REPEATS = {
    "{2,1}", "{1001}", "**", "++", "*{2}", "{99999999999}",
}
local OPENERS = {
    "(", "(", "(?:", "(?P<n>", "(?P<n_1>", "(?i:", "(?s-i:", "(?m:", "(?U:", "(?i-m:",
}
local BAD_OPENERS = {
    "(?P<>", "(?P<a-b>", "(?=", "(?!", "(?-:", "(?>", "(?x:",
}
local FLAGS = {
    "(?i)", "(?-i)", "(?s)", "(?m)", "(?U)", "(?)", "(?im-s)",
}
local BAD_FLAGS = {
    "(?-)", "(?i-)", "(?z)",
}

local ODD_FIELDS = {
    "labels", "name.x", "kind.a.b", "created_at", "1abc", "_", "\"name\"", "\"na\\x6de\"", "labels.\"a.b\".c",
}

local random = math.random

local function pick(list)
    return list[random(#list)]
end

local function mostly(good, bad)
    return pick(random(25) == 1 and bad or good)
end

local function class()
    local items = {}
    for i = 1, random(0, 3) do
        items[i] = mostly(ITEMS, BAD_ITEMS)
    end
    return (random(3) == 1 and "[^" or "[") .. table.concat(items) .. (random(30) == 1 and "" or "]")
end

local expression

local function piece(depth)
    local roll = random(20)
    if roll <= 9 then
        return mostly(ATOMS, BAD_ATOMS)
    elseif roll <= 11 then
        return mostly(CLASSES, BAD_CLASSES)
    elseif roll <= 13 then
        return class()
    elseif roll <= 15 then
        return pick(EDGES)
    elseif roll == 16 then
        return mostly(FLAGS, BAD_FLAGS)
    elseif depth > 0 then
        return mostly(OPENERS, BAD_OPENERS) .. expression(depth - 1) .. ")"
    end
    return "a"
end

function expression(depth)
    local out = {}
    for _ = 1, random(0, 4) do
        out[#out + 1] = piece(depth)
        if random(3) == 1 then
            out[#out + 1] = mostly(REPEATS, BAD_REPEATS)
        end
        if random(6) == 1 then
            out[#out + 1] = "|"
        end
    end
    return table.concat(out)
end

--- Most random expressions are refused for one part; these are made of sound parts only.
local function plain_expression()
    local parts = {
        "a", "b", "[a-c]", "(a|b1)", "\\w", ".", "(?:ab)+", "[^a]", "a*", "b?", "^", "$", "(?i)B", "\\pL+", "é",
    }
    local out = {}
    for i = 1, random(1, 3) do
        out[i] = pick(parts)
    end
    return table.concat(out)
end

local function quote(text, mark)
    text = text:gsub("[\\\n]", { ["\\"] = "\\\\", ["\n"] = "\\n" }):gsub(mark, "\\" .. mark)
    if random(15) == 1 then
        text = text .. pick(ESCAPES)
    end
    return mark .. text .. mark
end

local function field()
    local roll = random(10)
    if roll <= 2 then
        return "name"
    elseif roll == 3 then
        return "parent"
    elseif roll == 4 then
        return "kind"
    elseif roll <= 7 then
        return "labels." .. quote(pick(KEYS), "\"")
    elseif roll == 8 then
        return pick { "labels.a", "labels.b1", "labels.a.b", "labels.\"a\".b", "labels.a.\"b\"", "labels._" }
    end
    return pick(ODD_FIELDS)
end

local function value(op)
    if op == "~=" then
        local text = random(2) == 1 and plain_expression() or expression(2)
        local roll = random(12)
        if roll == 1 then
            return text
        end
        local mark = pick { "/", "|", "\"" }
        if roll == 2 then -- escapes as the expression has them: many of them mean nothing to the quotes
            return mark .. text .. mark
        end
        return quote(text, mark)
    end
    local text = random(4) == 1 and pick(KINDS) or pick(WORDS)
    return random(3) == 1 and text or quote(text, random(12) == 1 and "/" or "\"")
end

local function selector()
    if random(6) == 1 then
        return field()
    end
    local op = random(25) == 1 and pick { "=", "===", "=~", "!==", "~" } or pick { "==", "!=", "~=", "~=" }
    local blank = random(10) == 1 and " " or ""
    return blank .. field() .. op .. (random(10) == 1 and " " or "") .. value(op)
end

local function spoil(text)
    for _ = 1, random(1, 2) do
        local at = random(0, #text)
        local drop = random(0, 2)
        text = text:sub(1, at) .. (random(3) == 1 and "" or pick(NOISE)) .. text:sub(at + 1 + drop)
    end
    return text
end

local function filter()
    local selectors = {}
    for i = 1, pick { 1, 1, 1, 2, 2, 3 } do
        selectors[i] = selector()
    end
    local text = table.concat(selectors, random(10) == 1 and ", " or ",")
    if random(6) == 1 then
        text = spoil(text)
    end
    -- newer Go takes (?<name>, the oracle's may not
    return text:find("(?<", 1, true) and filter() or text
end

--- A list of filters.
---@return string[]
function M.filters()
    local list = {}
    for i = 1, random(50) == 1 and 0 or pick { 1, 1, 1, 1, 2, 3 } do
        list[i] = random(40) == 1 and "" or filter()
    end
    return list
end

local function text()
    if random(3) ~= 1 then
        return pick(WORDS)
    end
    local out = {}
    for i = 1, random(0, 8) do
        out[i] = pick { "a", "b", "B", "c", "1", "k", "S", "é", "日", " ", "-", "\n", "_", ".", "*" }
    end
    return table.concat(out)
end

--- An info with some labels.
---@return moonsnap.Info
function M.info()
    local labels = {}
    for _ = 1, random(0, 5) do
        labels[pick(KEYS)] = text()
    end
    return { name = text(), parent = random(2) == 1 and "" or text(), kind = pick(KINDS), labels = labels }
end

return M
