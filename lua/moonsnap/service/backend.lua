--- A snapshotter behind a service: the store's verbs, of which those that write or walk a layer yield.
---
---     from the reading store, at once        stat, mounts, walk, pages, explain, layers, diff, events, namespaces
---     into the batch                         prepare, view, update, remove, touch, transaction
---     on a worker, from the first step that  seal (in commit), usage, the deleting half of cleanup and remove
---     is not short
---
--- What waits takes the option `alive`, a function: once it answers false, walks stop with canceled.

local abandoned = require "moonsnap.abandoned"
local held = require "moonsnap.service.held"
local holds = require "moonsnap.service.holds"
local room = require "moonsnap.room"
local task = require "moonsnap.service.task"
local workshop = require "moonsnap.service.workshop"

local M = {}

local TRIES = 3  -- of what was replaced while a worker looked at it
local UPPERDIR = "containerd.io/snapshot/overlay.upperdir"

---@class moonsnap.service.BackendOptions
---@field writer      moonsnap.Store
---@field reader      moonsnap.Store  another object on the same root
---@field batch       moonsnap.service.Batch
---@field pool        moonsnap.Pool
---@field tickets     table<integer, fun(ok: boolean?, err: moonsnap.Error?)>
---@field failure     fun(kind: string, message: string): moonsnap.Error
---@field durability? string   of commits; "metadata"
---@field timers      moonsnap.service.Timers
---@field sync_remove? boolean remove answers once the layer is freed
---@field upperdir_label? boolean  infos show where the upper directory is, as a label

local Backend = {}

local function copy(options)
    local made = {}
    for name, value in pairs(options or {}) do
        made[name] = value
    end
    return made
end

--- Options without alive, which the store does not know.
local function split(options)
    local alive = options and options.alive
    if not alive then
        return options, nil
    end
    local rest = copy(options)
    rest.alive = nil
    return rest, alive
end

--- prepare and view: what is slow first, then the batch.
local function making(verb, kind)
    return function(self, key, parent, options)
        local rest, alive = split(options)
        local writer, mounts, err = self.writer, nil, nil
        for _ = 1, TRIES do
            local filled, wrong = self.shop:fill(self.name_space, key, parent, kind, alive)
            if wrong then
                return nil, wrong
            end
            local with = rest
            if filled then
                with = copy(rest)
                with.filled = filled
            end
            mounts, err = held.write(self.shop.batch, rest and rest.lease,
                function() return writer[verb](writer, key, parent, with) end, alive)
            if not filled then
                break
            end
            filled:close()
            if mounts or err.kind ~= "aborted" or err.policy then
                break
            end
        end
        return mounts, err
    end
end

Backend.prepare = making("prepare", "active")
Backend.view = making("view", "view")

--- Tells where an overlay's upper directory is, in the info itself, which nobody else holds.
local function with_upperdir(self, info)
    if info and self.shop.upperdir then
        info.labels[UPPERDIR] = self.shop.upperdir .. info.number
    end
    return info
end

function Backend:update(info, fieldpaths, options)
    local writer = self.writer
    local updated, err = self.shop.batch:write(function() return writer:update(info, fieldpaths) end,
        options and options.alive)
    return with_upperdir(self, updated), err
end

function Backend:touch(key, options)
    local writer = self.writer
    return self.shop.batch:write(function() return writer:touch(key) end, options and options.alive)
end

function Backend:remove(key, options)
    local rest, alive = split(options)
    local writer, shop = self.writer, self.shop
    rest = copy(rest)
    rest.later = true
    local ok, err = room.retry(writer.engine, function()
        return shop.batch:write(function() return writer:remove(key, rest) end, alive)
    end)
    if not ok then
        return nil, err
    end
    if shop.sync_remove then
        self:sweep(true)
    else
        shop:sweep_soon()
    end
    return true
end

--- Frees what removal has left, in the background or, with wait, before it returns.
---@param wait? boolean
function Backend:sweep(wait)
    local shop = self.shop
    if wait then
        task.await(function(resume) shop:sweep(resume) end)
    else
        shop:sweep()
    end
end

function Backend:commit(name, key, options)
    local rest, alive = split(options or {})
    local writer = self.writer
    local durability = rest.durability or self.shop.durability
    local ok, err
    for _ = 1, TRIES do
        local made
        made, err = self.shop:seal(self.name_space, key, durability, alive)
        if err then
            return nil, err
        end
        local with = copy(rest)
        with.durability, with.seal = durability, made
        ok, err = held.write(self.shop.batch, with.lease, function() return writer:commit(name, key, with) end, alive)
        if made then
            made:close()
        end
        if ok or err.kind ~= "aborted" or err.policy then
            break
        end
    end
    return ok, err
end

function Backend:usage(key, options)
    local measure, err = self.reader.engine:usage(self.name_space, key)
    if not measure then
        return nil, err
    end
    local ok, usage
    ok, err = self.shop:finish(measure, options and options.alive)
    usage = ok and measure:usage() or nil
    measure:close()
    return usage, err
end

function Backend:cleanup(options)
    local shop, alive, work = self.shop, options and options.alive, nil
    local done, err = abandoned.first(self.writer, function(fn) return shop.batch:write(fn, alive) end)
    local ok = false
    if not err then
        ok, err = shop.batch:alone(function(engine)
            work = engine:cleanup(true, done ~= nil)
            return shop.pool:compare(work)
        end)
    end
    if ok then
        ok, err = shop:drive(work, alive)
    end
    local cleaned = ok and abandoned.add(work:result(), done) or nil
    local _ <close> = work
    return cleaned, err
end

--- Runs fn(store) with its verbs in one transaction, as the store's own does; fn must not yield.
function Backend:transaction(fn, options)
    local writer = self.writer
    return self.shop.batch:write(function() return fn(writer) end, options and options.alive)
end

--- Rows against directories. The loop stands meanwhile: for people, not for programs.
function Backend:check(options)
    local writer, findings, wrong = self.writer, nil, nil
    local _, err = self.shop.batch:alone(function()
        findings, wrong = writer:check(options)
        return nil, wrong
    end)
    return findings, wrong or not findings and err or nil
end

--- What each hook is and has done.
---@return table[] rows  see hooks:status()
function Backend:hooks()
    return self.writer.shared.hooks and self.writer.shared.hooks:status() or {}
end

function Backend:stat(key)
    local info, err = self.reader:stat(key)
    return with_upperdir(self, info), err
end

--- What stat and mounts answer, as encoded messages.
function Backend:stat_message(key)
    return self.reader.engine:stat_message(self.name_space, key, self.shop.upperdir)
end

function Backend:mounts_message(key)
    return self.reader.engine:mounts_message(self.name_space, key)
end

function Backend:walk(...)
    local next_info, walk, _, closing = self.reader:walk(...)
    if not self.shop.upperdir then
        return next_info, walk, nil, closing
    end
    return function(state) return with_upperdir(self, next_info(state)) end, walk, nil, closing
end

function Backend:pages(filters)
    local filter, err
    if filters and #filters > 0 then
        filter, err = self.shop.filter(filters)
        if not filter then
            return nil, err
        end
    end
    local pages
    pages, err = self.reader.engine:pages(self.name_space, filter, self.shop.upperdir)
    if not pages then
        return nil, err
    end
    return function(call)
        if call then
            return pages:send(call)
        end
        return pages:next()
    end
end

for _, verb in ipairs { "mounts", "explain", "layers", "diff", "events", "cursor", "namespaces", "mounted" } do
    Backend[verb] = function(self, ...)
        local reader = self.reader
        return reader[verb](reader, ...)
    end
end

for _, verb in ipairs { "mount", "unmount", "run", "import", "seal" } do
    Backend[verb] = function(self)
        return nil, self.shop.failure("unimplemented", verb .. ": not through a service: open the store itself")
    end
end

Backend.pins = holds.pins
Backend.leases = holds.leases
Backend.gc = function(self) return require("moonsnap.service.collection").of(self) end

local meta = { __index = Backend, __name = "moonsnap.service.backend" }

local function in_namespace(shop, writer, reader)
    return setmetatable({
        shop = shop, writer = writer, reader = reader, name_space = reader.name_space,
        root = reader.root, driver = reader.driver, xattrs = reader.xattrs, durability = shop.durability,
    }, meta)
end

function Backend:namespace(name)
    local reader, err = self.reader:namespace(name)
    if not reader then
        return nil, err
    end
    return in_namespace(self.shop, self.writer:namespace(name), reader)
end

--- Closes nothing: the stores belong to who opened them.
function Backend.close()
end

---@param options moonsnap.service.BackendOptions
---@return moonsnap.service.Backend
function M.new(options)
    return in_namespace(workshop.new(options), options.writer, options.reader)
end

return M
