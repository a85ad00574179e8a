--- pins: what is pinned, until when, and why.

local text = require "moonsnap.cli.text"

local function object(pin)
    return {
        key = pin.key, reason = pin.reason, created = text.instant(pin.created),
        ["until"] = pin.until_ and text.instant(pin.until_), ended = pin.ended,
    }
end

---@type moonsnap.cli.Verb
return {
    summary = "list pins",
    about = "Lists pinned snapshots. A pin that has ended holds nothing any more; unpin takes it off the list.",
    more = "moonsnap pins",
    define = function() end,
    run = function(call)
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local pins, why = store:pins():list()
        if not pins then
            return nil, why
        end
        local rows, objects = {}, {}
        for i, pin in ipairs(pins) do
            local ends = pin.until_ and text.moment(pin.until_) or "-"
            rows[i] = { text.plain(pin.key), pin.ended and call.out:paint("red", "ended " .. ends) or ends,
                text.plain(pin.reason) }
            objects[i] = object(pin)
        end
        if call.out.json then
            local at = 0
            call.out:list(function()
                at = at + 1
                return objects[at]
            end)
        elseif call.out.quiet then
            for _, row in ipairs(rows) do
                call.out:line(row[1])
            end
        else
            call.out:table({ "KEY", "UNTIL", "REASON" }, rows)
        end
    end,
}
