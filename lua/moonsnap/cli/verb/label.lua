--- label KEY [NAME=VALUE...]: sets, deletes and shows labels.

local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"

--- What update takes: labels and the paths that name them.
local function change(call, words)
    local labels, err = call:labels(words)
    if not labels then
        return nil, nil, err
    end
    local paths = {}
    for name in pairs(labels) do
        paths[#paths + 1] = "labels." .. name
    end
    table.sort(paths)
    return labels, paths
end

---@type moonsnap.cli.Verb
return {
    summary = "set or show labels",
    about = "Sets labels of a snapshot, and deletes those with an empty value. Without any, shows them.",
    more = "moonsnap label work project=demo draft=",
    define = function(define)
        define.argument("key", "A key or name.")
        define.argument("labels", "NAME=VALUE sets, NAME= deletes.", "*")
    end,
    run = function(call)
        local args = call.args
        local changes = #args.labels > 0
        local labels, paths, wrong
        if changes then
            labels, paths, wrong = change(call, args.labels)
            if not labels then
                return nil, wrong
            end
        end
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local info, why
        if changes then
            info, why = store:update({ name = args.key, labels = labels }, paths)
        else
            info, why = store:stat(args.key)
        end
        if not info then
            return nil, why
        elseif call.out.json then
            call.out:value(json.snapshot(info))
        elseif not changes then
            for _, line in ipairs(text.labels(info.labels)) do
                call.out:line(line)
            end
        end
    end,
}
