--- diff KEY [OTHER]: what a snapshot changed.

local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"

local LETTERS = { added = "A", changed = "C", removed = "D", opaque = "O" }
local COLOURS = { added = "green", changed = "yellow", removed = "red", opaque = "cyan" }

--- Changes one after the other, as JSON objects. What fails under way is raised.
local function objects(iterator, state, first)
    local change = first
    return function()
        change = iterator(state, change)
        return change and json.change(change)
    end
end

local function print_changes(call, iterator, ...)
    for change in iterator, ... do
        local path = text.plain(change.path) .. (change.type == "directory" and "/" or "")
        if call.args.name_only then
            call.out:line(path)
        else
            call.out:line(call.out:paint(COLOURS[change.change], LETTERS[change.change]) .. " " .. path)
        end
    end
end

local function print_sums(call, iterator, ...)
    local sums, bytes = { added = 0, changed = 0, removed = 0, opaque = 0 }, 0
    for change in iterator, ... do
        sums[change.change] = sums[change.change] + 1
        bytes = bytes + change.size
    end
    if call.out.json then
        sums.bytes = bytes
        call.out:value(sums)
    else
        call.out:line(("%s added, %s changed, %s removed, %s opaque; %s in files"):format(text.count(sums.added),
            text.count(sums.changed), text.count(sums.removed), text.count(sums.opaque), text.size(bytes)))
    end
end

---@type moonsnap.cli.Verb
return {
    summary = "list what a snapshot changed",
    about = "Lists what snapshot KEY changed in its parent; with OTHER, how KEY differs from OTHER. A is added, "
        .. "C changed, D removed, O a directory that hides what was there.",
    more = "moonsnap diff build-2 --stat",
    define = function(define)
        define.argument("key", "A key or name.")
        define.argument("other", "Compare with this snapshot instead.", "?")
        define.flag("--name-only", "Only the paths.")
        define.flag("--stat", "Only how many.")
    end,
    run = function(call)
        local args = call.args
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local changes = table.pack(store:diff(args.key, args.other))
        if not changes[1] then
            return nil, changes[2]
        elseif args.stat then
            print_sums(call, table.unpack(changes, 1, changes.n))
        elseif call.out.json then
            call.out:list(objects(table.unpack(changes, 1, 3)))
        else
            print_changes(call, table.unpack(changes, 1, changes.n))
        end
    end,
}
