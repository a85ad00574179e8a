--- repl: a console on a store, or on a running service.

local stat = require "posix.sys.stat"
local unistd = require "posix.unistd"

local columns = require "moonsnap.cli.columns"
local editor = require "moonsnap.repl.editor"
local here = require "moonsnap.repl.here"
local plain = require "moonsnap.repl.plain"
local repl = require "moonsnap.repl"
local text = require "moonsnap.cli.text"
local there = require "moonsnap.repl.there"

local PROMPT = "moonsnap> "
local LOOK = 0.02 -- seconds between two looks for ^C

--- Where the history of this user is kept, or nil.
local function history_file()
    local state = os.getenv("XDG_STATE_HOME")
    local home = os.getenv("HOME")
    if (state or "") == "" then
        if (home or "") == "" then
            return nil
        end
        state = home .. "/.local/state"
    end
    local dir = ""
    for part in (state .. "/moonsnap"):gmatch("[^/]+") do
        dir = dir .. "/" .. part
        stat.mkdir(dir, 448)
    end
    return stat.stat(dir) and dir .. "/console_history" or nil
end

--- Takes ^C for this console: it ends a chunk, not the process.
local function take_interrupts(call)
    local loop = call.moonsnap.rpc.loop()
    loop:take_signals { "INT" }
    local clock, due = call.moonsnap.sys.steady, 0
    return loop, function()
        local now = clock()
        if now < due then
            return nil
        end
        due = now + LOOK
        loop:wait(0)
        return loop:signal() and call.moonsnap.error("canceled", "interrupted") or nil
    end
end

local function globals_of(call, store)
    return { store = store, moonsnap = call.moonsnap }
end

--- What runs the chunks.
local function console_of(call, store, loop, guard)
    local out = call.out
    local options = {
        store = store, how = { width = columns.count() or 80, coloured = out.coloured }, guard = guard,
        say = function(words) out.out:write(words, "\n") end,
        scold = function(words)
            out.out:flush()
            out.errors:write(words, "\n")
        end,
    }
    if call:address() then
        options.session, options.stop = call.moonsnap.sys.random(), loop and loop:fd()
        return there.new(options)
    end
    options.globals = globals_of(call, store)
    return here.new(options)
end

local function greet(call, store, edited)
    local where = call:address() and "the service at " .. call:address() or text.plain(store.root)
    call.out:say(("moonsnap %s on %s, namespace %s"):format(call.moonsnap.version, where, store.name_space))
    if edited then
        call.out:say("TAB completes, ^C ends what runs, ^D leaves.")
    else
        call.out:say("^C ends what runs, ^D leaves. With lua-readline TAB completes, and lines can be edited.")
    end
end

--- Where the lines come from.
local function reader_of(call, store, loop)
    if not loop then
        return plain.new(io.stdin)
    end
    local edited = os.getenv("TERM") ~= "dumb" and editor.new { loop = loop, history = history_file() } or nil
    greet(call, store, edited)
    return edited or plain.new(io.stdin, function(prompt) io.stdout:write(prompt) io.stdout:flush() end, function()
        local hit = false
        loop:wait(0)
        while loop:signal() do
            hit = true
        end
        return hit
    end)
end

---@type moonsnap.cli.Verb
return {
    summary = "a Lua console on the store or on a running service",
    about = "Reads Lua, line by line, and shows what it answers. The store is in the variable store; on a service the "
        .. "lines run inside of it and find it in service, which only its owner and root may do; it logs each.",
    more = "moonsnap repl\nmoonsnap repl --address /run/moonsnap/moonsnap.sock\necho 'store:stat(\"base\")' | "
        .. "moonsnap repl\n\nReads a script, too: then it exits with 1 when a line failed.",
    define = function() end,
    run = function(call)
        local terminal = unistd.isatty(0) == 1 and unistd.isatty(1) == 1
        local loop, guard
        if terminal then
            loop, guard = take_interrupts(call)
        end
        local store, err = call:open()
        if not store then
            return nil, err
        end
        local reader = reader_of(call, store, loop)
        local console = console_of(call, store, loop, guard)
        reader.console = console
        local failed = repl.run(console, reader, PROMPT)
        reader:close()
        return not terminal and failed > 0 and 1 or 0
    end,
}
