--- cleanup: frees what removals and dead processes left.

local text = require "moonsnap.cli.text"

local function words_of(done)
    local words = {}
    local function add(number, one, many)
        if number > 0 then
            words[#words + 1] = text.several(number, one, many)
        end
    end
    add(done.orphans, "removed layer")
    add(done.abandoned, "snapshot of an ended process", "snapshots of ended processes")
    add(done.stages, "unfinished import")
    add(done.entries, "file or directory", "files and directories")
    add(done.quarantined, "foreign layer moved to quarantine", "foreign layers moved to quarantine")
    return #words > 0 and "cleaned up: " .. table.concat(words, ", ") or "nothing to clean up"
end

---@type moonsnap.cli.Verb
return {
    summary = "free what removals left",
    about = "Frees what removals left, removes the throw-aways of ended processes, and sweeps litter.",
    more = "moonsnap cleanup --json",
    define = function() end,
    run = function(call)
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local done, why = store:cleanup { progress = call.out:progress("cleaning up") }
        if not done then
            return nil, why
        elseif call.out.json then
            call.out:value(done)
            return
        end
        call.out:say(words_of(done))
        for _, one in ipairs(done.spared or {}) do
            call.out:say(("kept '%s' in namespace '%s': %s"):format(one.key, one.namespace, one.text))
        end
        if done.kept > 0 then
            call.out:say(("kept for now: %s"):format(text.several(done.kept, "directory in use", "directories in use")))
        end
    end,
}
