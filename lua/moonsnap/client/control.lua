--- The methods of a client's store that only moonsnap.v1.Control can answer, and those that no service can.

local arguments = require "moonsnap.arguments"
local gc = require "moonsnap.client.gc"
local pins = require "moonsnap.client.pins"
local program = require "moonsnap.client.program"
local events = require "moonsnap.client.events"

local need, may, options_of = arguments.need, arguments.may, arguments.options

---@class moonsnap.client.Store
local M = {}

--- Why a verb cannot be called here.
local function missing(self, verb)
    return self.core.error("unimplemented", ("%s: this socket does not offer it: %s"):format(verb,
        self.without.message))
end

--- One answer of Control.
---@param verb string
---@param asked table
function M:ask(verb, asked)
    if self.without then
        return nil, missing(self, verb)
    end
    return self.wire:ask(verb, asked)
end

--- All answers of Control.
---@param verb string
---@param asked? table
function M:all(verb, asked)
    if self.without then
        return nil, missing(self, verb)
    end
    return self.wire:all(verb, asked or {})
end

local all = M.all

function M:pins()
    return pins.new(self)
end

function M:gc(rules)
    if rules then
        error("gc: a service has rules of its own: open the store itself", 2)
    end
    return gc.new(self)
end

function M:namespaces()
    return all(self, "namespaces")
end

function M:touch(key)
    need("touch", "key", key, "string")
    return self:ask("touch", { key = key })
end

function M:layers(key)
    need("layers", "key", key, "string")
    local found, err = self:ask("layers", { key = key })
    if not found then
        return nil, err
    end
    found.layers.own = found.own
    return found.layers
end

local function change_of(line)
    if line and line.path_hex then
        line.path = line.path_hex:gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end)
        line.path_hex = nil
    end
    return line
end

function M:diff(key, other)
    need("diff", "key", key, "string")
    may("diff", "other", other, "string")
    if self.without then
        return nil, missing(self, "diff")
    end
    local ok, next_line, stream, _, closing = pcall(self.wire.lines, self.wire, "diff", { key = key, other = other })
    if ok then
        return function(state) return change_of(next_line(state)) end, stream, nil, closing
    elseif type(next_line) == "table" and next_line.kind then
        return nil, next_line
    end
    error(next_line, 0)
end

function M:explain(...)
    local filters = table.pack(...)
    for i = 1, filters.n do
        need("explain", "filter " .. i, filters[i], "string")
    end
    filters.n = nil
    return self:ask("explain", { filters = filters })
end

function M:mounted()
    return all(self, "mounted")
end

--- Pages of events, as events/watch.lua has them.
---@param options moonsnap.events.WatchOptions
---@param stop_fd? integer
function M:event_pages(options, stop_fd)
    if self.without then
        return nil, missing(self, "events")
    end
    return events.pages(self.wire, options, stop_fd)
end

function M:events(options)
    options = options_of("events", options, { since = "any", filter = "any", namespace = "string" })
    return events.iterate(self, options)
end

function M:cursor()
    return self:ask("cursor", {})
end

--- Without Control nothing is known of what was freed: an empty table.
function M:cleanup(options)
    options_of("cleanup", options, { progress = "function" })
    if self.without then
        return self.wire:call("Cleanup", {})
    end
    return self:ask("cleanup", {})
end

function M:program(what, args, options)
    if self.without then
        return nil, missing(self, "program")
    end
    return program.run(self, what, args, options)
end

--- Lines of a verb of a console, until stop_fd is readable.
---@param verb string
---@param asked table
---@param stop_fd? integer
function M:console(verb, asked, stop_fd)
    if self.without then
        error(missing(self, "repl"), 0)
    end
    return self.wire:lines(verb, asked, stop_fd)
end

function M:check(options)
    options = options_of("check", options, { repair = "boolean" })
    return all(self, "check", { repair = options.repair })
end

for verb, what in pairs {
    mount = "mount what mounts() says, or open the store itself", unmount = "open the store itself",
    run = "open the store itself", import = "open the store itself", seal = "open the store itself",
    transaction = "open the store itself",
} do
    M[verb] = function(self)
        return nil, self.core.error("unimplemented", ("%s: not through a service: %s"):format(verb, what))
    end
end

return M
