--- What runs in the sandbox before a program: words as methods, and walks as iterators. Text, because it is Lua of the
--- other state.
---
---     a word answers       true, results...     it returns them
---                          false, raised        it raises that, at the line of the program
---
--- store:stat(key) and store.stat(key) are the same, so that a program reads like a script of the module.

return [==[
local store, leases, pins, program, words, error, type, pairs, select, pack, unpack =
    store, leases, pins, program, { emit = emit, log = log, now = now, failure = failure }, error, type, pairs,
    select, table.pack, table.unpack
local PAGE = 100

-- level is where the program stands, seen from here
local function answer_at(level, ok, ...)
    if ok then
        return ...
    end
    local raised = ...
    error(raised, type(raised) == "string" and level or 0)
end

local function answer(...)
    return answer_at(2, ...)
end

local function method(owner, word)
    return function(first, ...)
        if first == owner then
            return answer(word(...))
        end
        return answer(word(first, ...))
    end
end

for _, owner in pairs { store, leases, pins } do
    local methods = {}
    for name, word in pairs(owner) do
        methods[name] = method(owner, word)
    end
    for name, fn in pairs(methods) do
        owner[name] = fn
    end
end
for name, word in pairs(words) do
    _ENV[name] = function(...) return answer(word(...)) end
end

function print()
    error("print: emit(value) gives a result, log(text) writes a line on standard error", 2)
end

local walk_begin, walk_next = program.walk_begin, program.walk_next
_ENV.program = nil

local function infos(number, level)
    local page, at, over = {}, 0, false
    return function()
        at = at + 1
        if page[at] == nil and not over then
            page, at = answer_at(level, walk_next(number, PAGE)), 1
            over = #page < PAGE
        end
        return page[at]
    end
end

function store.walk(...)
    local number = answer_at(3, walk_begin(unpack(pack(...), (...) == store and 2 or 1, select("#", ...))))
    return infos(number, 3)
end

function store.list(...)
    local given = pack(...)
    local from = given[1] == store and 2 or 1
    local filters, limit, list = given[from], given[from + 1], {}
    if type(filters) ~= "table" then
        filters = { filters }
    end
    if limit ~= nil and type(limit) ~= "number" then
        error("list: limit: number expected, got " .. type(limit), 2)
    end
    for info in infos(answer_at(3, walk_begin(unpack(filters))), 4) do
        if limit and #list >= limit then
            break
        end
        list[#list + 1] = info
    end
    return list
end
]==]
