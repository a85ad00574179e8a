--- Reload of a running service: what SIGHUP and `moonsnap reload` ask for.
---
---     files --read--> settings --> policies, automation and plugins beside the old ones --> swap between two requests
---
--- What cannot be right changes nothing: the log says why, and so do the service manager, who asked, and status.

local raised = require "moonsnap.raised"
local task = require "moonsnap.service.task"

local M = {}

local function array(list)
    return setmetatable({ table.unpack(list) }, { __jsontype = "array" })
end

---@class moonsnap.service.ReloadParts
---@field read  fun(): moonsnap.Settings?, moonsnap.Error?
---@field place fun(settings: moonsnap.Settings): (fun(taken: boolean))?, moonsnap.Error?  the endpoint of metrics
---@field taken fun()  told when new settings count

---@class moonsnap.service.Reload
---@field process moonsnap.service.Process
---@field parts   moonsnap.service.ReloadParts
---@field count   integer
---@field failed  integer
---@field at?     integer  nanoseconds: of the last one
---@field error?  string   why the last one failed, if it did
local Reload = {}
Reload.__index = Reload

---@param process moonsnap.service.Process
---@param parts   moonsnap.service.ReloadParts
---@return moonsnap.service.Reload
function M.new(process, parts)
    return setmetatable({ process = process, parts = parts, count = 0, failed = 0 }, Reload)
end

--- Reads all files again and goes over to what they say. What raises is a bug, of a plugin's or of ours.
local function go_over(self)
    local settle
    local ran, ok, err = xpcall(function()
        local settings, wrong = self.parts.read()
        if settings then
            settle, wrong = self.parts.place(settings)
        end
        if not settle then
            return nil, wrong
        end
        return self.process.service:reload(settings)
    end, raised.traced)
    if settle then
        settle(ran and ok ~= nil)
    end
    if not ran then
        return nil, raised.error_of(ok, self.process.options.moonsnap.error)
    end
    return ok, err
end

--- Reloads, between two requests alone.
---@return true? ok
---@return moonsnap.Error? err  what is wrong with the new files; all is as it was
function Reload:run()
    local process = self.process
    local options, serving = process.options, "serving " .. process.sockets.address
    if process.ending then
        process.log:info("no new configuration: the service ends")
        return nil, options.moonsnap.error("failed_precondition", "reload: the service ends")
    end
    process.notify:reloading()
    local ok, err = go_over(self)
    self.count, self.at, self.error = self.count + 1, options.moonsnap.sys.now(), err and err.message
    if ok then
        process.log:info("reloaded", { config = options.config })
        self.parts.taken()
        process.notify:ready(serving)
    else
        self.failed = self.failed + 1
        process.log:error("reload failed, all stays as it was", { error = err.message, config = options.config })
        process.notify:ready(("%s as before; the last reload failed: %s"):format(serving, err.message))
    end
    return ok, err
end

--- What Control has of the process: reload, which waits until no request is in the middle of anything, and status.
---@return table<string, moonsnap.service.ControlVerb>
function Reload:verbs()
    local process = self.process
    return {
        reload = function()
            return task.await(function(resume)
                process.service.timers:after(0, function() resume(self:run()) end)
            end)
        end,
        status = function(_, _, emit)
            local options, service = process.options, process.service
            emit {
                pid = options.moonsnap.sys.pid(), version = options.moonsnap.version, root = options.root,
                mode = service.mode, address = process.sockets.address, config = options.config,
                files = array(service.settings.files), policies = array(service.policies:files()),
                no_policy = options.policy == false,
                reloads = self.count, failed_reloads = self.failed, last_reload = self.at, last_failure = self.error,
            }
            return true
        end,
    }
end

return M
