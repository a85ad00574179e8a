--- tree [NAME]: the chains, drawn, with sizes.

local forest = require "moonsnap.cli.forest"
local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"

local COLOURS = { active = "green", view = "cyan", committed = "blue" }

local function all(store)
    local infos = {}
    for info in store:walk() do
        infos[#infos + 1] = info
    end
    return infos
end

--- A snapshot's own bytes and inodes; nil when it went away meanwhile or has lost its layer.
local function measure(call, store, info)
    return store:usage(info.name, { progress = call.out:progress("measuring") })
end

--- Branches as JSON objects: the snapshot, its depth and its usage.
local function objects(call, store, branches)
    local at = 0
    return function()
        at = at + 1
        local branch = branches[at]
        if not branch then
            return nil
        end
        local object, usage = json.snapshot(branch.info), measure(call, store, branch.info)
        object.depth = branch.depth
        object.size = usage and usage.size
        object.inodes = usage and usage.inodes
        return object
    end
end

local function row_of(call, store, branch)
    local info = branch.info
    local usage = info.kind ~= "view" and measure(call, store, info) or nil
    return {
        call.out:paint("dim", branch.lead) .. text.plain(info.name),
        usage and text.size(usage.size) or "-",
        call.out:paint(info.damaged and "red" or COLOURS[info.kind], info.damaged and "damaged" or info.kind),
        table.concat(text.labels(info.labels), " "),
    }
end

---@type moonsnap.cli.Verb
return {
    summary = "draw the chains",
    about = "Draws which snapshot stands on which, with what each layer takes by itself.",
    more = "moonsnap tree base",
    define = function(define)
        define.argument("name", "Only this snapshot and what stands on it.", "?")
    end,
    run = function(call)
        local store, err = call:open()
        if not store then
            return nil, err
        end
        if call.args.name then
            local found, why = store:stat(call.args.name)
            if not found then
                return nil, why
            end
        end
        local branches = forest.branches(all(store), call.args.name)
        if call.out.json then
            call.out:list(objects(call, store, branches))
            return
        end
        local rows = {}
        for number, branch in ipairs(branches) do
            rows[number] = row_of(call, store, branch)
        end
        call.out:table({ "SNAPSHOT", "SIZE", "KIND", "LABELS" }, rows, { [2] = true })
    end,
}
