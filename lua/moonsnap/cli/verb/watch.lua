--- watch: tells what changes in the store.

local errno = require "posix.errno"
local poll = require "posix.poll"
local signal = require "posix.signal"
local stat = require "posix.sys.stat"

local text = require "moonsnap.cli.text"
local watch = require "moonsnap.events.watch"

local OUT = 1        -- standard output
local PAUSE_MS = 50  -- between two looks for what other processes wrote

--- Whether standard output is something that can go away: a pipe or a socket.
local function is_pipe()
    local found = stat.fstat(OUT)
    return found ~= nil and (stat.S_ISFIFO(found.st_mode) ~= 0 or stat.S_ISSOCK(found.st_mode) ~= 0)
end

--- Waits a moment. False: nobody reads standard output any more.
local function pause()
    local fds = { [OUT] = { events = {} } }
    poll.poll(fds, PAUSE_MS)
    return not (fds[OUT].revents and (fds[OUT].revents.ERR or fds[OUT].revents.HUP))
end

local COLOURS = {
    ["/snapshot/prepare"] = "green", ["/snapshot/commit"] = "blue", ["/snapshot/remove"] = "red",
    ["/moonsnap/view"] = "cyan", ["/moonsnap/lost"] = "red", ["/moonsnap/given_up"] = "red",
    ["/moonsnap/denied"] = "yellow",
}

--- The data in one line: NAME=VALUE, simple values only.
local function data_words(data)
    local words = {}
    for name, value in pairs(data or {}) do
        if type(value) ~= "table" then
            words[#words + 1] = ("%s=%s"):format(name, name == "until" and text.moment(value) or tostring(value))
        end
    end
    table.sort(words)
    return words
end

--- An event for people.
local function line_of(out, event)
    local topic = out:paint(COLOURS[event.topic] or "bold", text.plain((event.topic:gsub("^/%l+/", ""))))
    local words = { text.moment(event.at), topic }
    local function add(front, value)
        if value ~= "" then
            words[#words + 1] = front .. text.plain(value)
        end
    end
    if event.to then
        words[#words + 1] = ("events %d to %d are not kept any more"):format(event.from, event.to)
        return table.concat(words, "  ")
    end
    add("", event.namespace)
    add("", event.key)
    add(event.key ~= "" and "-> " or "", event.name)
    add("on ", event.parent)
    for _, word in ipairs(text.labels(event.labels)) do
        words[#words + 1] = word
    end
    for _, word in ipairs(data_words(event.data)) do
        add("", word)
    end
    return table.concat(words, "  ")
end

--- Writes a page.
local function write(out, page)
    if type(page) == "string" then
        out.out:write(page, "\n")
    else
        for _, event in ipairs(page) do
            out:line(line_of(out, event))
        end
    end
    return out.out:flush()
end

--- Writes what comes; answers why it could not, unless nobody reads any more.
local function write_all(out, pages)
    for page in pages do
        local ok, why, number = write(out, page)
        if not ok then
            return number ~= errno.EPIPE and why or nil
        end
    end
end

---@type moonsnap.cli.Verb
return {
    summary = "tell what changes",
    about = "Tells the events of a store as they come, until ^C or until nobody reads them; with --once those that "
        .. "are there. With --json each is an object on a line of its own, whose cursor --since takes.",
    more = "moonsnap watch\n"
        .. "moonsnap watch --json --once --since 4f0a1c22b3d4e5f6-1207\n"
        .. "moonsnap watch --filter 'topic==\"/snapshot/commit\",labels.project==demo'\n\n"
        .. "Fields of a filter are topic, namespace, key, name, parent and labels.NAME. Without --namespace the events "
        .. "of all namespaces are told; without --since those from now on, and with --once all that are kept.",
    define = function(define)
        define.option("--since", "Begin behind this event: a cursor, or a number.", "CURSOR")
        define.options("--filter", "Tell what matches only; may be said again, any may match.", "FILTER")
        define.flag("--once", "Tell what is there, and end.")
        define.flag("--follow", "Go on for ever; this is what it does without --once.")
    end,
    run = function(call)
        local args = call.args
        if args.once and args.follow then
            return nil, call.moonsnap.error("invalid_argument", "either --once or --follow")
        end
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local pages, wrong = watch.pages(store, {
            since = math.tointeger(tonumber(args.since)) or args.since or not args.once and "now" or nil,
            filter = #args.filter > 0 and args.filter or nil,
            namespace = args.namespace or os.getenv("MOONSNAP_NAMESPACE") ~= "" and os.getenv("MOONSNAP_NAMESPACE")
                or nil,
            follow = not args.once, form = call.out.json and "lines" or "events",
        }, pause, is_pipe() and OUT or nil)
        if not pages then
            return nil, wrong
        end
        signal.signal(signal.SIGINT, signal.SIG_DFL) -- the interpreter's own handler waits for Lua to run
        local ok, raised = pcall(write_all, call.out, pages)
        if ok then
            return nil, raised and call.moonsnap.error("internal", "write standard output: " .. raised)
        elseif not (type(raised) == "table" and raised.kind == "canceled") then -- nobody reads us any more
            error(raised, 0)
        end
    end,
}
