--- Random filters, answered here and by containerd's own package.
local maker = require "spec.oracle.filters.maker"
local moonsnap = require "moonsnap"
local needs = require "spec.support.needs"

local COUNT, INFOS = 10000, 12
local CACHE = os.getenv("MOONSNAP_SPEC_ORACLE") or "build/oracle"

local function hex(text)
    return text == "" and "-" or (text:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function unhex(text)
    return (text:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

--- Builds the oracle.
---@return string program
local function oracle()
    local program = CACHE .. "/filters"
    local build = "mkdir -p %s && D=$(realpath %s) && cd spec/oracle/filters && GO111MODULE=off GOFLAGS= "
        .. "GOPATH=/usr/share/gocode GOCACHE=$D/go-cache LD_PRELOAD= go build -o $D/filters ."
    assert(os.execute(build:format(CACHE, CACHE)), "the oracle does not build")
    return program
end

local function info_line(info)
    local words = { "info", hex(info.name), hex(info.parent), hex(info.kind) }
    for key, value in pairs(info.labels) do
        words[#words + 1] = hex(key) .. " " .. hex(value)
    end
    return table.concat(words, " ")
end

--- What the oracle says to each list of filters.
---@return string[]
local function ask(program, lists, infos)
    local name = os.tmpname()
    local file <close> = assert(io.open(name, "wb"))
    for _, info in ipairs(infos) do
        file:write(info_line(info), "\n")
    end
    for _, list in ipairs(lists) do
        local words = { "filters" }
        for i, text in ipairs(list) do
            words[i + 1] = hex(text)
        end
        file:write(table.concat(words, " "), "\n")
    end
    file:flush()
    local answers = {}
    local output <close> = assert(io.popen(("LD_PRELOAD= %s <%s"):format(program, name)))
    for line in output:lines() do
        answers[#answers + 1] = line
    end
    os.remove(name)
    return answers
end

--- Texts of errors are the same where nothing had to be cut or made readable.
local function comparable(list)
    for _, text in ipairs(list) do
        if #text > 24 or text:find("[^\x20-\x7e]") then
            return false
        end
    end
    return true
end

--- Our answer in the oracle's form.
local function answer(list, infos, theirs)
    local filter, err = moonsnap.filter(list)
    if not filter then
        if err.kind ~= "invalid_argument" then
            return tostring(err)
        end
        if not comparable(list) and theirs:find("^no ") then
            return theirs
        end
        return "no " .. hex(err.message .. ": invalid argument")
    end
    local verdicts = {}
    for i, info in ipairs(infos) do
        verdicts[i] = filter:match(info) and "1" or "0"
    end
    return "ok " .. table.concat(verdicts)
end

local function readable(line)
    local text = line:match("^no (.*)")
    return text and ("refuses: " .. unhex(text)) or line
end

describe("a filter", function()
    it("is answered as containerd's own package answers it", needs.golang(function()
        local program = oracle()
        local seed = require "spec.support.seed"
        math.randomseed(seed)
        local lists, infos = {}, {}
        for i = 1, INFOS do
            infos[i] = maker.info()
        end
        for i = 1, COUNT do
            lists[i] = maker.filters()
        end

        local theirs = ask(program, lists, infos)

        assert.equal(COUNT, #theirs)
        for i, list in ipairs(lists) do
            local ours = answer(list, infos, theirs[i])
            if ours ~= theirs[i] then
                local shown = {}
                for j, text in ipairs(list) do
                    shown[j] = ("%q"):format(text)
                end
                error(("seed %d, list %d: %s\ncontainerd %s\nmoonsnap   %s"):format(seed, i,
                    table.concat(shown, "  "), readable(theirs[i]), readable(ours)))
            end
        end
    end))
end)
