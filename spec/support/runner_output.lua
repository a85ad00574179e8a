--- busted's output for ./run: a line a test, what went wrong below it, and the counts in the file
--- that MOONSNAP_TALLY names.

local function text_of(message)
    if type(message) == "table" then
        return tostring(message.message or require("pl.pretty").write(message))
    end
    return tostring(message or "no reason given")
end

return function(options)
    local busted = require "busted"
    local handler = require "busted.outputHandlers.base"()
    local counts = { success = 0, failure = 0, pending = 0 }

    local function write_tally()
        local path = os.getenv("MOONSNAP_TALLY")
        local file = path and assert(io.open(path, "w"))
        if file then
            file:write(("%d %d %d\n"):format(counts.success, counts.failure, counts.pending))
            file:close()
        end
    end

    local function say(word, element, reason, trace)
        io.write(("%-7s %s\n"):format(word, handler.getFullName(element)))
        if reason then
            io.write("        ", (text_of(reason):gsub("\n", "\n        ")), "\n")
        end
        if trace and trace.traceback then
            io.write("        ", (trace.traceback:gsub("\n%s*", "\n        ")), "\n")
        end
        io.flush()
    end

    local reasons = {}

    function handler.test_pending(element, _, message)
        reasons[element] = text_of(message):gsub("^%S+:%d+: ", "")
        return nil, true
    end

    function handler.went_wrong(element, _, message, trace)
        reasons[element] = message
        say("FAILED", element, message, trace)
        if element.descriptor ~= "it" then
            counts.failure = counts.failure + 1
        end
        return nil, true
    end

    function handler.test_end(element, _, status)
        if status == "pending" then
            io.write(("skipped %s: %s\n"):format(handler.getFullName(element), reasons[element] or "pending"))
        elseif status == "success" then
            say("ok", element)
        end
        status = status == "error" and "failure" or status
        counts[status] = counts[status] + 1
        return nil, true
    end

    function handler.suite_end()
        write_tally()
        return nil, true
    end

    handler:subscribe(options)
    busted.subscribe({ "pending" }, handler.test_pending)
    busted.subscribe({ "failure" }, handler.went_wrong)
    busted.subscribe({ "error" }, handler.went_wrong)
    busted.subscribe({ "test", "end" }, handler.test_end)
    busted.subscribe({ "suite", "end" }, handler.suite_end)
    return handler
end
