--- usage [KEY...]: bytes and inodes of layers.

local output = require "moonsnap.cli.output"
local text = require "moonsnap.cli.text"

local function every_key(store)
    local keys = {}
    for info in store:walk() do
        keys[#keys + 1] = info.name
    end
    return keys
end

local function print_rows(call, found)
    local rows, size, inodes = {}, 0, 0
    for number, one in ipairs(found) do
        rows[number] = { text.plain(one.name), text.size(one.size), text.count(one.inodes) }
        size, inodes = size + one.size, inodes + one.inodes
    end
    if #found > 1 then
        rows[#rows + 1] = { call.out:paint("bold", "total"), text.size(size), text.count(inodes) }
    end
    call.out:table({ "SNAPSHOT", "SIZE", "INODES" }, rows, { [2] = true, [3] = true })
end

---@type moonsnap.cli.Verb
return {
    summary = "show what layers take",
    about = "Shows bytes and inodes of the snapshots' own layers, without those below them. Without KEY, of all.",
    more = "moonsnap usage base build-1",
    define = function(define)
        define.argument("keys", "Keys or names.", "*")
    end,
    run = function(call)
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local found = {}
        local keys = #call.args.keys > 0 and call.args.keys or every_key(store)
        local _, status = call:each(keys, function(key)
            local usage, why = store:usage(key, { progress = call.out:progress("measuring") })
            if usage then
                found[#found + 1] = { name = key, size = usage.size, inodes = usage.inodes }
            end
            return usage, why
        end)
        if call.out.json then
            call.out:list(output.each(found))
        else
            print_rows(call, found)
        end
        return status
    end,
}
