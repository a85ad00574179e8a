--- The verbs of moonsnap.v1.Control for a console: chunks that run in the service's main state, as its own code does.
---
---     repl {session, text, width, coloured}   lines {say = text}, {scold = text}
---     repl_complete {session, line}           one line {candidates, from}
---
--- Every chunk is in the log, with who sent it. A chunk that stops the loop is ended after some seconds; one that
--- waits (store verbs do) is ended when its caller is gone, and what it waits for is done.

local here = require "moonsnap.repl.here"
local identifier = require "moonsnap.service.grpc.identifier"
local readable = require "moonsnap.readable"
local task = require "moonsnap.service.task"

local M = {}

local SESSIONS = 32
local STANDS = 2    -- seconds that a chunk may keep the loop from turning
local PIECE = 1500  -- bytes of a chunk in one line of the log

local ARRAY = { __jsontype = "array" }

---@class moonsnap.service.Consoles
---@field runtime      table
---@field snapshotters moonsnap.service.Snapshotters
---@field sessions     table<string, table>
---@field order        string[]  the one used last stands last
local Consoles = {}
Consoles.__index = Consoles

--- Writes a chunk to the log.
local function audit(self, context, session, text)
    local log, peer = self.runtime.service.options.audit, context.peer
    if not log then
        return nil, self.runtime.failure("failed_precondition", "repl: this service keeps no log of what is run")
    end
    local pieces = math.max(1, math.ceil(#text / PIECE))
    for at = 1, pieces do
        log("console", {
            uid = peer.uid, pid = peer.pid, session = session, namespace = context.namespace,
            part = pieces > 1 and ("%d/%d"):format(at, pieces) or nil,
            text = text:sub((at - 1) * PIECE + 1, at * PIECE),
        })
    end
    return true
end

--- Ends chunks that keep the loop from turning, and those that nobody waits for.
local function guard_of(self, console)
    local clock, failure = self.runtime.clock, self.runtime.failure
    return function()
        if not console.context:alive() then
            return failure("canceled", "interrupted: the caller is gone")
        elseif clock() - console.turned > STANDS then
            return failure("canceled", ("interrupted: the service stood still for %d seconds"):format(STANDS))
        end
    end
end

local function open(self, store, how)
    local console = { turned = 0 }
    local function out(kind)
        return function(text)
            console.emit { [kind] = readable.repaired(text) }
            console.emit()
        end
    end
    console.here = here.new {
        globals = { store = store, service = self.runtime.service, moonsnap = self.runtime.moonsnap },
        store = store, say = out "say", scold = out "scold", how = how, guard = guard_of(self, console),
        spares = true,
    }
    return console
end

--- The console of a session, which keeps its globals between chunks; the one that was used longest ago goes.
local function console_of(self, id, store, how)
    local key = id .. "\0" .. store.name_space
    for at, name in ipairs(self.order) do
        if name == key then
            table.remove(self.order, at)
        end
    end
    self.order[#self.order + 1] = key
    if #self.order > SESSIONS then
        self.sessions[table.remove(self.order, 1)] = nil
    end
    self.sessions[key] = self.sessions[key] or open(self, store, how)
    return self.sessions[key]
end

--- One chunk of a session at a time; one that was given up (^C) is waited for.
local function take(self, console)
    if console.busy and (console.waits or console.context:alive()) then
        return nil, self.runtime.failure("failed_precondition", "repl: this session runs another chunk")
    elseif console.busy then
        task.await(function(resume) console.waits = resume end)
    end
    console.busy = true
    return true
end

local function leave(console)
    local go_on = console.waits
    console.busy, console.waits = false, nil
    if go_on then
        go_on()
    end
end

local function run(self, console, text, context, emit)
    local timers, clock = self.runtime.timers, self.runtime.clock
    console.context, console.emit, console.turned = context, emit, clock()
    local turning = timers:every(STANDS / 10, function() console.turned = clock() end)
    console.here:run(text)
    timers:cancel(turning)
    return true
end

--- What both verbs need: a session's name, a text, and the store.
local function read(self, asked, context, word)
    local failure = self.runtime.failure
    for _, name in ipairs { "session", word } do
        if type(asked[name]) ~= "string" then
            return nil, failure("invalid_argument", ("repl: argument %s: string expected"):format(name))
        end
    end
    local name_space, err = identifier.namespace(context, failure)
    if not name_space then
        return nil, err
    end
    local store = self.snapshotters:find(asked.snapshotter or self.snapshotters.default, name_space)
    if not store then
        return nil, failure("invalid_argument", ("repl: no snapshotter '%s'"):format(tostring(asked.snapshotter)))
    end
    return store
end

local function how_of(asked)
    local width = math.type(asked.width) == "integer" and asked.width or 80
    return { width = math.max(20, math.min(width, 1000)), coloured = asked.coloured == true }
end

--- Runs a chunk.
function Consoles:repl(asked, context, emit)
    local store, err = read(self, asked, context, "text")
    if not store then
        return nil, err
    end
    local ok
    ok, err = audit(self, context, asked.session, asked.text)
    if not ok then
        return nil, err
    end
    local console = console_of(self, asked.session, store, how_of(asked))
    ok, err = take(self, console)
    if not ok then
        return nil, err
    end
    local _busy <close> = setmetatable({}, { __close = function() leave(console) end })
    return run(self, console, asked.text, context, emit)
end

--- Completes a line.
function Consoles:complete(asked, context, emit)
    local store, err = read(self, asked, context, "line")
    if not store then
        return nil, err
    end
    local candidates, from = console_of(self, asked.session, store, how_of(asked)).here:complete(asked.line)
    emit { candidates = setmetatable(candidates, ARRAY), from = from }
    return true
end

--- The verbs by name, each as moonsnap.service.ControlVerb.
---@param runtime table  of the plugins
---@param snapshotters moonsnap.service.Snapshotters
---@return table<string, moonsnap.service.ControlVerb>
function M.new(runtime, snapshotters)
    local self = setmetatable({ runtime = runtime, snapshotters = snapshotters, sessions = {}, order = {} }, Consoles)
    return {
        repl = function(...) return self:repl(...) end,
        repl_complete = function(...) return self:complete(...) end,
    }
end

return M
