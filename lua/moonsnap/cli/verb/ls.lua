--- ls [FILTER...]: lists snapshots.

local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"

local COLOURS = { active = "green", view = "cyan", committed = "blue" }

--- Infos one after the other, as JSON objects.
local function objects(iterator, ...)
    local state, info = ...
    return function()
        info = iterator(state, info)
        return info and json.snapshot(info)
    end
end

local function row_of(call, info)
    local labels = table.concat(text.labels(info.labels), " ")
    return {
        text.plain(info.name),
        info.parent ~= "" and text.plain(info.parent) or "-",
        call.out:paint(info.damaged and "red" or COLOURS[info.kind], info.damaged and "damaged" or info.kind),
        text.moment(info.created),
        labels ~= "" and labels or nil,
    }
end

local function print_all(call, store, ...)
    if call.out.json then
        call.out:list(objects(store:walk(...)))
        return
    end
    local rows = {}
    for info in store:walk(...) do
        if call.out.quiet then
            call.out:line(text.plain(info.name))
        else
            rows[#rows + 1] = row_of(call, info)
        end
    end
    if not call.out.quiet then
        call.out:table({ "KEY", "PARENT", "KIND", "CREATED", "LABELS" }, rows)
    end
end

---@type moonsnap.cli.Verb
return {
    summary = "list snapshots",
    about = "Lists snapshots in the order in which they were begun: all, or those that any of the filters selects.",
    more = "moonsnap ls kind==active 'labels.project==demo,parent==base'\n\n"
        .. "A filter is FIELD (is there), FIELD==VALUE, FIELD!=VALUE or FIELD~=REGEX; commas mean and. Fields are "
        .. "name, parent, kind and labels.NAME; values with other characters than letters and digits stand in double "
        .. "quotes.",
    define = function(define)
        define.argument("filter", "What to list.", "*")
    end,
    run = function(call)
        local filters = call.args.filter
        local compiled, wrong = call.moonsnap.filter(filters)
        if not compiled then
            return nil, wrong
        end
        local store, err = call:open()
        if not store then
            return nil, err
        end
        print_all(call, store, table.unpack(filters))
    end,
}
