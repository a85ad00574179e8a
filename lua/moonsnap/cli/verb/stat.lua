--- stat KEY: all that is known of one snapshot.

local json = require "moonsnap.cli.json"
local text = require "moonsnap.cli.text"

local function object(info)
    local fields = json.snapshot(info)
    fields.used = text.instant(info.used)
    fields.use_count = info.use_count
    fields.damaged = info.damaged or false
    return fields
end

local function rows_of(info)
    local rows = {
        { "name", text.plain(info.name) },
        { "parent", info.parent ~= "" and text.plain(info.parent) or "-" },
        { "kind", info.kind .. (info.damaged and " (damaged: its directory is gone)" or "") },
        { "created", text.instant(info.created) },
        { "updated", text.instant(info.updated) },
        { "used", ("%s (%s)"):format(text.instant(info.used), text.several(info.use_count, "time")) },
    }
    for number, label in ipairs(text.labels(info.labels)) do
        rows[#rows + 1] = { number == 1 and "labels" or "", label }
    end
    return rows
end

---@type moonsnap.cli.Verb
return {
    summary = "show one snapshot",
    about = "Shows all that is known of a snapshot.",
    more = "moonsnap stat base --json",
    define = function(define)
        define.argument("key", "A key or name.")
    end,
    run = function(call)
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local info, why = store:stat(call.args.key)
        if not info then
            return nil, why
        end
        if call.out.json then
            call.out:value(object(info))
            return
        end
        for _, line in ipairs(text.columns(rows_of(info))) do
            call.out:line(line)
        end
    end,
}
